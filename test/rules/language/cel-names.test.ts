import { eventOf, findingsOf, ruleSetOf } from '../load-text';
import { explain } from '../../../src/rules/tools/explain';
import { evaluateCondition } from '../../../src/rules/language/condition';
import { decideRules } from '../../../src/worker/decide-rules';
import { testActions } from '../catalogue';
import { MOMENT } from './moment';

const NAMES = `version: 1
defaults: { timezone: Europe/Berlin, country: DE }
lists: { vip: ["0170 1234567", "+1 555 123 4567"], words: [stop, Go], codes: [7, "9007199254740993", true] }
maps: { managers: { "(030) 1234567": anna@example.com, "+49 89 1234567": bert@example.com }, levels: { gold: 3 }, digits: { "7": seven } }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" }, night: { from: "22:00", to: "06:00" }, always: {} }
rules:
`;
const DO = 'do: [{ http.request: { url: "https://example.com/" } }]';

/** A call on a Friday at nine in the evening in Berlin. */
const CALL = eventOf('call_hangup', {
  id: 'c',
  direction: 'incoming',
  source: { type: 'tel', target: '+491701234567' },
  destination: { type: 'tel', target: '+49301234567' },
  tm_create: '2026-03-06T20:00:00Z',
  tm_hangup: '2026-03-06T20:01:00Z',
  raw: '0170-123 45 67',
  level: 'gold',
  word: 'stop',
  code: 7,
  long: 'x'.repeat(100_000),
  numbers: ['nobody', '+1 (555) 123-4567'],
});

test.each([
  ['peer.number in lists.vip', true],
  ['data.raw in lists.vip', true],
  ['ours.number in lists.vip', false],
  ['!(ours.number in lists.vip)', true],
  ['peer.name in lists.vip', false],
  ['!(peer.name in lists.vip)', true],
  ['data.word in lists.words', true],
  ['data.long in lists.words', false],
  ['data.code in lists.codes', true],
  ['data.numbers.exists(one, one in lists.vip)', true],
  ['lists.vip.exists(one, one == peer.number)', true],
  ['size(lists.vip) == 2', true],
  ['ours.number in maps.managers', true],
  ['peer.number in maps.managers', false],
  ['peer.name in maps.managers', false],
  ['!(peer.name in maps.managers)', true],
  ['maps.managers[ours.number] == "anna@example.com"', true],
  ['maps.managers[ours.number].startsWith("anna")', true],
  ['maps.managers[peer.number] == null', true],
  ['maps.managers[peer.number] != "anna@example.com"', true],
  ['maps.levels[data.level] > 2', true],
  ['maps.levels["gold"] == 3', true],
  ['maps.digits[data.code] == "seven"', true],
  ['("construct" + "or") in maps.levels', false],
  ['size(maps.managers) == 2', true],
  ['maps.managers.exists(number, number == ours.number)', true],
  ['windows.office.open', false],
  ['!windows.office.open && !windows.night.open', true],
  ['windows.always.open', true],
  ['windows.always.opens_at == null', true],
  ['windows.office.opens_at == "2026-03-09T08:00:00.000Z"', true],
  ['timestamp(windows.office.opens_at) - timestamp(occurred_at) > duration("24h")', true],
])('if: %s is %j, of a rule and of a step', (expression, met) => {
  const rules = `${NAMES}  - { name: whole, on: call_hangup, if: '${expression}', ${DO} }
  - { name: step, on: call_hangup, do: [{ if: '${expression}', http.request: { url: "https://example.com/" } }] }
`;
  expect(findingsOf(rules)).toEqual([]);
  const set = ruleSetOf(rules);
  expect(set.matching(CALL).map(({ name }) => name)).toEqual(met ? ['whole', 'step'] : ['step']);
  // What the worker gets, through JSON as it travels.
  const planned = set.plan(CALL)?.rules.find(({ name }) => name === 'step');
  const { names, steps, country } = JSON.parse(JSON.stringify(planned)) as NonNullable<typeof planned>;
  expect(evaluateCondition(steps[0]?.if ?? '', { event: CALL, steps: {}, country, names, ...MOMENT })).toBe(met);
  const { rules: explained } = explain(set, CALL, { actions: testActions });
  const whole = explained.find(({ rule }) => rule === 'whole');
  expect([whole?.outcome, whole?.conditions[0]?.actual]).toEqual([met ? 'runs' : 'not_met', String(met)]);
  expect(explained.find(({ rule }) => rule === 'step')?.steps[0]?.if?.met).toBe(met);
});

test.each(['maps.managers[peer.name] == null', 'maps.managers[peer.name] != "anna@example.com"'])(
  'if: %s is not met without the field, as under when',
  (expression) => {
    const set = ruleSetOf(`${NAMES}  - { name: r, on: call_hangup, if: '${expression}', ${DO} }\n`);
    expect(set.matching(CALL)).toEqual([]);
  },
);

test('the numbers of a list and of an event are read with the country of the rule', () => {
  const set = ruleSetOf(`${NAMES}  - { name: de, on: call_hangup, if: 'data.raw in lists.vip', ${DO} }
  - { name: us, country: US, on: call_hangup, if: 'data.raw in lists.vip', ${DO} }
  - { name: us2, country: US, on: call_hangup, if: '"(555) 123-4567" in lists.vip', ${DO} }
`);
  expect(set.matching(CALL).map(({ name }) => name)).toEqual(['de', 'us2']);
});

test('a plan has what the conditions of its steps use; not what the rule has decided on already', () => {
  const set = ruleSetOf(`${NAMES}  - name: r
    on: call_hangup
    if: 'ours.number in maps.managers'
    do: [{ if: 'peer.number in lists.vip && !windows.office.open', http.request: { url: "https://example.com/" } }]
`);
  const names = set.plan(CALL)?.rules[0]?.names;
  expect([Object.keys(names?.lists ?? {}), Object.keys(names?.windows ?? {}), names?.maps]).toEqual([
    ['vip'],
    ['office'],
    undefined,
  ]);
});

test('a condition on a call that is looked up takes its list along', async () => {
  const rule = (list: string): string =>
    `  - { name: ${list}, on: queuecall_abandoned, if: 'peer.number in lists.${list}', ${DO} }\n`;
  const set = ruleSetOf(`${NAMES}${rule('vip')}${rule('words')}`);
  const event = eventOf('queuecall_abandoned', { id: 'q1', reference_type: 'call', reference_id: 'c1' });
  const calls = {
    calls: { c1: { id: 'c1', source: { type: 'tel', target: '+491701234567' }, direction: 'incoming' } },
    references: {},
    agents: {},
  };
  const rules = (set.plan(event)?.rules ?? []).flatMap(({ name, country, deferred: condition }) =>
    condition === undefined ? [] : [{ name, country, condition }],
  );
  const input = JSON.parse(JSON.stringify({ event, calls, rules })) as Parameters<ReturnType<typeof decideRules>>[0];
  expect(await decideRules({ has: () => false })(input)).toMatchObject({
    vip: { outcome: 'met' },
    words: { outcome: 'not_met' },
  });
});

test('lists, maps and windows take steps of the budget, the same ones each time', () => {
  const list = JSON.stringify(Array.from({ length: 900 }, (_, index) => `+4930${1_000_000 + index}`));
  const event = eventOf('call_hangup', { id: 'c', numbers: Array.from({ length: 5_000 }, (_, index) => `${index}`) });
  const set = ruleSetOf(`version: 1
lists: { many: ${list} }
maps: { one: { a: b } }
windows: { always: {} }
rules:
  - { name: few, on: call_hangup, if: 'data.numbers[0] in lists.many || windows.always.open', ${DO} }
  - { name: list, on: call_hangup, if: '!data.numbers.exists(one, one in lists.many)', ${DO} }
  - { name: map, on: call_hangup, if: '!data.numbers.exists(one, one in maps.one)', ${DO} }
  - { name: lookup, on: call_hangup, if: '!data.numbers.exists(one, maps.one[one] == "b")', ${DO} }
  - { name: window, on: call_hangup, if: '!data.numbers.exists(one, windows.always.opens_at != null)', ${DO} }
`);
  const failures = (): unknown =>
    set.plan(event)?.rules.map(({ name, failure }) => `${name}: ${failure?.code ?? 'matches'}`);
  const first = failures();
  expect(first).toEqual([
    'few: matches',
    'list: over_budget',
    'map: over_budget',
    'lookup: over_budget',
    'window: over_budget',
  ]);
  expect(failures()).toEqual(first);
});

test('looking up long texts that are like numbers costs more than looking up numbers', () => {
  const set = ruleSetOf(
    `${NAMES}  - { name: r, on: call_hangup, if: '!data.texts.exists(one, one in lists.vip)', ${DO} }\n`,
  );
  const failureFor = (texts: string[]): unknown =>
    set
      .plan(eventOf('call_hangup', { id: 'c', direction: 'incoming', texts }))
      ?.rules.map(({ failure }) => failure?.code);
  expect(failureFor(Array.from({ length: 900 }, (_, index) => `+1 (555) ${index}`))).toEqual([undefined]);
  expect(failureFor(Array.from({ length: 900 }, (_, index) => '('.repeat(200) + String(index)))).toEqual([
    'over_budget',
  ]);
});
