import { LeftOutError } from '../../../src/events/left-out';
import { evaluateCondition } from '../../../src/rules/language/condition';
import { renderInput } from '../../../src/rules/language/template';
import { eventOf } from '../../events/event-of';
import { MOMENT } from './moment';

const EVENT = {
  ...eventOf({ id: 'm1', type: 'message_created', peer: { type: 'tel', number: '+821012345678', name: null } }),
  data: { id: 'm1', tags: ['a'] },
  left_out: ['data.text', 'text', 'peer.name'],
};
const SCOPE = { event: EVENT, steps: {}, country: null };

function render(text: string): unknown {
  return renderInput({ text }, { ...SCOPE, timezone: 'UTC', country: null, ...MOMENT, sinkOf: () => 'plain' })['text'];
}

test.each([
  ['{{ text }}', 'text'],
  ["{{ text | default: 'none' }}", 'text'],
  ['{{ data.text }}', 'data.text'],
  ["{{ data['text'] }}", 'data.text'],
  ["{{ data.text.deeper | default: '' }}", 'data.text'],
  ['{% assign all = data %}{{ all.text }}', 'data.text'],
  ["{% assign name = 'text' %}{{ data[name] }}", 'data.text'],
  ['{% if data.text %}a{% endif %}', 'data.text'],
  ['{% if text == blank %}a{% elsif true %}b{% endif %}', 'text'],
  ["{% unless text contains 'a' %}b{% endunless %}", 'text'],
  ['{% case text %}{% when nil %}a{% endcase %}', 'text'],
  ['{% for member in data %}{{ member[0] }}{% endfor %}', 'data.text'],
  ['{{ text | duration }}', 'text'],
  ['{{ text | size }}', 'text'],
  ['{{ data }}', 'data.text'],
  ['{{ data | json }}', 'data.text'],
  ['{{ peer }}', 'peer.name'],
  ['{{ "a" | append: text }}', 'text'],
])('template %s fails for %s', (template, path) => {
  expect(() => render(template)).toThrow(new LeftOutError(path));
});

test.each([
  ['{{ id }} {{ data.id }} {{ data.tags[0] }} {{ peer.number }}', 'm1 m1 a +821012345678'],
  ["{{ data.nothing | default: 'none' }}", 'none'],
  ['{% if answered %}{{ text }}{% endif %}-', '-'],
])('template %s gives %j: it reads nothing that was left out', (template, rendered) => {
  expect(render(template)).toBe(rendered);
});

test.each([
  ["text == 'a'", 'text'],
  ["data.text.contains('a')", 'data.text'],
  ["data['text'] == 'a'", 'data.text'],
  ['has(data.text)', 'data.text'],
  ["data[id] == 'a'", 'data.text'],
  ['data.exists(name, name == "text")', 'data.text'],
  ['size(data) > 1', 'data.text'],
  ["id == 'm1' || text == 'a'", 'text'],
])('condition %s fails for %s', (condition, path) => {
  expect(() => evaluateCondition(condition, SCOPE)).toThrow(new LeftOutError(path));
});

test.each([
  ["data.id == 'm1' && peer.number.startsWith('+82')", true],
  ["data.tags.exists(text, text == 'b')", false],
])('condition %s is %j: it reads nothing that was left out', (condition, met) => {
  expect(evaluateCondition(condition, SCOPE)).toBe(met);
});
