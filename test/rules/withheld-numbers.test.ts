import type { JsonObject } from '../../src/events/json';
import { explain } from '../../src/rules/tools/explain';
import { testActions } from './catalogue';
import { eventOf, ruleSetOf } from './load-text';

function call(source: JsonObject): ReturnType<typeof eventOf> {
  return eventOf('call_hangup', {
    id: 'c1',
    direction: 'incoming',
    source,
    destination: { type: 'tel', target: '+15559876543' },
  });
}

/** The rules that match an event, and the texts that they post. */
function posted(rules: string, event: ReturnType<typeof eventOf>): JsonObject {
  const set = ruleSetOf(rules);
  const plan = set.plan(event);
  const explained = explain(set, event, { actions: testActions }).rules.filter(({ outcome }) => outcome === 'runs');
  expect(explained.map(({ rule }) => rule)).toEqual(plan?.rules.map(({ name }) => name) ?? []);
  return Object.fromEntries(
    explained.map(({ rule, steps }) => [
      rule,
      steps.map(({ input }) => (input.ok ? (input.value['text'] ?? null) : input.message)),
    ]),
  );
}

const rule = (name: string, condition: string, text = 'x'): string =>
  `  - { name: ${name}, on: call_hangup, ${condition}, do: [{ slack.post_message: { channel: c, text: ${JSON.stringify(text)} } }] }\n`;

const RULES = `version: 1\ndefaults: { country: US }\nlists: { vip: ["+15551234567"], blocked: [anonymous] }\nrules:\n${[
  rule('shown', 'when: { peer.number: { exists: true } }', '{{ peer.number | phone }}'),
  rule('withheld', 'when: { peer.number: { exists: false }, peer.type: [tel, sip] }'),
  rule('listed', 'when: { peer.number: { in: $blocked } }'),
  rule('not-vip', 'when: { peer.number: { not: { in: $vip } } }'),
  rule('beginning', 'when: { peer.number: { prefix: "+" } }'),
  rule('cel', "if: 'peer.number == null'"),
  rule('as-sent', 'when: { data.source.target: anonymous }', '{{ data.source.target }}'),
  rule('text', 'when: { direction: inbound }', "from {{ peer.number | phone | default: 'a withheld number' }}"),
].join('')}`;

test.each([
  ['anonymous', 'tel'],
  ['+266696687', 'tel'],
  ['Restricted', 'tel'],
  ['sip:anonymous@anonymous.invalid', 'sip'],
])('a number that the network withholds, %s, is absent for rules', (target, type) => {
  expect(posted(RULES, call({ type, target }))).toEqual({
    withheld: ['x'],
    cel: ['x'],
    text: ['from a withheld number'],
    ...(target === 'anonymous' ? { 'as-sent': ['anonymous'] } : {}),
  });
});

test('a number that is shown has a value', () => {
  expect(posted(RULES, call({ type: 'tel', target: '+15551234567' }))).toEqual({
    shown: ['+1 555 123 4567'],
    beginning: ['x'],
    text: ['from +1 555 123 4567'],
  });
});

test('an extension or a chat visitor may be called like that', () => {
  for (const [type, target] of [
    ['extension', '0'],
    ['webchat', 'unknown'],
    ['agent', 'private'],
  ] as const) {
    expect(posted(RULES, call({ type, target }))).toMatchObject({ shown: [target], 'not-vip': ['x'] });
  }
});

test('a name that is only a number is absent too', () => {
  const rules = `version: 1\nrules:\n${rule('greet', 'when: { direction: inbound }', "Hello {{ peer.name | first_name | default: 'there' }}")}${rule('named', 'when: { peer.name: { exists: true } }')}`;
  const named = (name: string) => call({ type: 'tel', target: '+15551234567', target_name: name });
  expect(posted(rules, named('+1 (555) 123-4567'))).toEqual({ greet: ['Hello there'] });
  expect(posted(rules, named('Anonymous'))).toEqual({ greet: ['Hello there'] });
  expect(posted(rules, named('Ada Lovelace'))).toEqual({ greet: ['Hello Ada'], named: ['x'] });
});

test('the explanation says that it is withheld, and not what was sent', () => {
  const conditionOf = (source: JsonObject): string | undefined =>
    explain(ruleSetOf(RULES), call(source), { actions: testActions }).rules.find(({ rule: name }) => name === 'shown')
      ?.conditions[0]?.actual;
  expect(conditionOf({ type: 'tel', target: 'anonymous' })).toBe('absent (withheld)');
  expect(conditionOf({ type: 'tel' })).toBe('absent');
  expect(conditionOf({ type: 'tel', target: '+15551234567' })).toBe('"+15551234567"');
});
