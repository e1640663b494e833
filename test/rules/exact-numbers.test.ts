import type { CanonicalEvent } from '../../src/events/canonical-event';
import { canonicalize } from '../../src/events/canonicalize';
import { parseEnvelope } from '../../src/events/envelope';
import { toJsonText } from '../../src/events/exact-number';
import type { Sink } from '../../src/connectors/connector';
import { renderInput } from '../../src/rules/language/template';
import { explain } from '../../src/rules/tools/explain';
import { testActions } from './catalogue';
import { MOMENT } from './language/moment';
import { RECEIVED_AT, ruleSetOf } from './load-text';

/** An event as it comes in: the digits are in the body. */
function eventFrom(data: string): CanonicalEvent {
  const body = Buffer.from(`{"type":"call_hangup","data":{"id":"c",${data}}}`);
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    throw new Error(parsed.message);
  }
  // What Temporal, and every other store, does with it.
  const event: CanonicalEvent = JSON.parse(
    JSON.stringify(canonicalize(parsed.envelope, body, RECEIVED_AT, { has: () => false })),
  );
  return event;
}

const EVENT = eventFrom(
  '"deal":9007199254740993,"price":19.90,"huge":12345678901234567890,"zero":-0,"list":[10.0,9.0,9007199254740993],"map":{"deal":9007199254740993}',
);

function matches(conditions: string): boolean {
  const rules = ruleSetOf(
    `version: 1\nrules: [{ name: r, on: call_hangup, ${conditions}, do: [{ slack.post_message: { channel: c, text: t } }] }]\n`,
  );
  const isMatch = rules.plan(EVENT, 'webhook') !== null;
  const [explained] = explain(rules, EVENT, { actions: testActions }).rules;
  expect(explained?.outcome === 'runs').toBe(isMatch);
  return isMatch;
}

test.each<[string, boolean]>([
  ['when: { data.deal: "9007199254740993" }', true],
  ['when: { data.deal: "9007199254740992" }', false],
  ['when: { data.deal: ["1", "9007199254740993"] }', true],
  ['when: { data.deal: { not: "9007199254740992" } }', true],
  ['when: { data.deal: { exists: true } }', true],
  ['when: { data.price: 19.9 }', true],
  ['when: { data.price: "19.90" }', true],
  ['when: { data.price: { gt: 19.89, lt: 19.91 } }', true],
  ['when: { data.price: { gte: 19.9, lte: 19.9 } }', true],
  ['when: { data.price: { gt: 19.9 } }', false],
  ['when: { data.zero: 0 }', true],
  ['when: { data.map.deal: "9007199254740993" }', true],
  ['when: { data.deal.$number: { exists: true } }', false],
  ["if: 'data.deal == 9007199254740993'", true],
  ["if: 'data.deal == 9007199254740992'", false],
  ["if: 'data.deal > 9007199254740992 && data.deal < 9007199254740994'", true],
  ["if: 'data.deal in [1, 9007199254740993]'", true],
  ["if: 'data.deal > 5.5 && 1 < data.deal'", true],
  ["if: 'data.deal + 1 == 9007199254740994'", true],
  ["if: 'data.huge > 12345678901234567889u && data.huge == 12345678901234567890u'", true],
  ["if: 'data.price == 19.9 && data.price > 19 && data.price * 2 == 39.8'", true],
  ["if: 'data.list.exists(n, n == 9007199254740993)'", true],
  ["if: 'data.list[0] > data.list[1]'", true],
  ["if: 'data.list[2] == data.deal && data.map.deal == data.deal'", true],
  ["if: 'data.zero == 0'", true],
  ['if: \'string(data.deal) == "9007199254740993"\'', true],
])('conditions compare digit by digit: %s', (conditions, expected) => {
  expect(matches(conditions)).toBe(expected);
});

function render(text: string, sink: Sink = 'plain'): string {
  const { body } = renderInput(
    { body: text },
    { event: EVENT, steps: {}, timezone: 'UTC', country: null, sinkOf: () => sink, accepts: () => true, ...MOMENT },
  );
  return typeof body === 'string' ? body : toJsonText(body);
}

test.each([
  ['{{ data.deal }}', '9007199254740993'],
  ['#{{ data.deal | prepend: "n" | append: "!" }}', '#n9007199254740993!'],
  ['{{ data.price }} EUR', '19.90 EUR'],
  ['{{ data.price | times: 2 }}', '39.8'],
  [
    '{{ data.deal | plus: 1 }} {{ 1 | plus: data.deal }} {{ data.deal | minus: data.deal }}',
    '9007199254740994 9007199254740994 0',
  ],
  ['{{ data.deal | times: 2 | plus: 1 }}', '18014398509481987'],
  [
    '{{ data.deal | round }} {{ data.deal | floor }} {{ data.deal | to_integer }}',
    '9007199254740993 9007199254740993 9007199254740993',
  ],
  [
    '{{ data.deal | divided_by: 1.5 | floor }} {{ data.price | ceil }} {{ data.price | plus: data.price }}',
    '6004799503160661 20 39.8',
  ],
  ['{{ data.price | default: "none" }}', '19.90'],
  ['{{ data.price | duration }}', '20 s'],
  ['{{ data.deal | mask }}', '************0993'],
  ['{{ data.list | sort | join: " " }}', '9.0 10.0 9007199254740993'],
  ['{{ data.list | first }} {{ data.list | last }} {{ data.list[1] }}', '10.0 9007199254740993 9.0'],
  ['{{ data.list | sum }}', '9007199254741012'],
  ['{% for n in data.list %}{{ n }};{% endfor %}', '10.0;9.0;9007199254740993;'],
  ['{% assign n = data.deal %}{{ n }}', '9007199254740993'],
  ['{{ data.map | json }}', '{"deal":9007199254740993}'],
  ['<{{ data.map }}>', '<{"deal":9007199254740993}>'],
  ['<{{ data.list }}>', '<[10.0,9.0,9007199254740993]>'],
  ['{% if data.deal == "9007199254740993" %}yes{% endif %}', 'yes'],
  ['{% if data.deal == "9007199254740992" %}yes{% else %}no{% endif %}', 'no'],
  ['{% if data.price == 19.9 and data.price > 19 and 20 >= data.price %}yes{% endif %}', 'yes'],
  ['{% if data.list[0] > data.list[1] %}yes{% endif %}', 'yes'],
  ['{% if data.list contains 10 and data.list contains data.deal %}yes{% endif %}', 'yes'],
  ['{% case data.price %}{% when 19.9 %}yes{% endcase %}', 'yes'],
])('templates print the digits as they came: %s', (text, expected) => {
  expect(render(text)).toBe(expected);
});

test.each([
  ['{{ data.deal }}', '9007199254740993'],
  ['{{ data.price }}', '19.90'],
  ['{{ data.map }}', '{"deal":9007199254740993}'],
  ['{{ data.list }}', '[10.0,9.0,9007199254740993]'],
  ['{{ data.list | last }}', '9007199254740993'],
])('a template alone where JSON is sent keeps number and digits: %s', (text, expected) => {
  expect(render(text, 'json')).toBe(expected);
});

test('elsewhere a list or map holds what everybody knows', () => {
  expect(render('{{ data.list }}', 'slack')).toBe('[10,9,"9007199254740993"]');
});

test('fields of the event are numbers however they are written', () => {
  const exact = eventFrom('"duration_waiting":1500.0,"duration_service":1e3');
  expect(JSON.stringify({ ...exact, data: null })).not.toContain('$number');
});
