import { analyseCel } from '../../../src/rules/language/cel-references';
import { evaluateCondition } from '../../../src/rules/language/condition';
import { eventOf, findingsOf, ruleSetOf } from '../load-text';

const DO = 'do: [{ http.request: { url: "https://example.com/" } }]';

const file = (expression: string, on = 'call_hangup'): string =>
  `version: 1\nrules:\n  - name: r\n    on: ${on}\n    if: |\n      ${expression}\n    ${DO}\n`;

/** What `rules check` says of a rule's `if`, without the place. */
const checked = (expression: string, on?: string): string[] =>
  findingsOf(file(expression, on)).map((line) => line.replace(/^\S+ {2}/, ''));

const CALL = eventOf('call_hangup', {
  id: 'c1',
  direction: 'outgoing',
  tm_create: '2026-03-02T00:00:00Z',
  tm_progressing: '2026-03-02T00:00:05Z',
  tm_hangup: '2026-03-02T00:01:20Z',
  n: 3,
  list: [1, 2, 3],
  text: 'x',
});

describe('numbers of an event and whole numbers of a condition', () => {
  test.each([
    ['talk_s / 60 > 1', true],
    ['talk_s / 60 == 1.25', true],
    ['talk_s / 100 > 1', false],
    ['talk_s * 2 > 100', true],
    ['talk_s + 5 == duration_s', true],
    ['100 - talk_s == 25', true],
    ['data.n % 2 == 1', true],
    ['data.n % 2.0 == 1', true],
    ['7 % data.n == 1', true],
    ['-talk_s < -70', true],
    ['data.list[data.n - 2] == 2', true],
    ['data.list.exists(x, x * 2 == 6)', true],
    ['int(talk_s) % 2 == 1', true],
    ['size(data.list) * 2 == data.n + 3', true],
  ])('%s', (expression, met) => {
    expect(checked(expression)).toEqual([]);
    expect(ruleSetOf(file(expression)).matching(CALL)).toHaveLength(met ? 1 : 0);
    expect(evaluateCondition(expression, { event: CALL, steps: {}, country: null })).toBe(met);
  });
});

test.each([
  ['duration_s + 1.0', 'the condition is a number, neither true nor false; compare it: duration_s + 1 > 0'],
  ['talk_s', 'the condition is a number, neither true nor false; compare it: talk_s > 0'],
  [
    'direction',
    'the condition is a text, neither true nor false; compare it: direction == "…", or for "has a value" direction != null',
  ],
  ['[answered]', 'the condition is a list, neither true nor false; compare it with something'],
  [
    'data',
    'the condition is a group of values, neither true nor false; name one value of it: data.metadata.campaign == "…"',
  ],
  ['answered && talk_s', 'talk_s (a number) is neither true nor false; compare it: talk_s > 0'],
  ['!reason', 'reason (a text) is neither true nor false; compare it: reason == …'],
  ['data.list.exists(x, "a")', '"a" (a text) is neither true nor false; compare it: "a" == …'],
  ['reason ? answered : true', 'reason (a text) is neither true nor false; compare it: reason == …'],
  ['talk_s > "60"', 'talk_s (a number) and "60" (a text) cannot be compared with >; did you mean 60, without quotes?'],
  ['talk_s > "1m"', 'talk_s (a number) and "1m" (a text) cannot be compared with >; did you mean 60, without quotes?'],
  [
    'talk_s > duration("60s")',
    'talk_s (a number) and a duration cannot be compared with >; compare it with a number of seconds',
  ],
  ['answered > 1', 'answered (true or false) and 1 (a number) cannot be compared with >'],
  ['talk_s == reason', 'talk_s (a number) and reason (a text) are never equal; write string(talk_s)'],
  ['reason + talk_s == "x"', 'reason (a text) and talk_s (a number) do not fit together with +; write string(talk_s)'],
  ['talk_s / 0 > 1', 'a number is divided by zero'],
  ['3u + talk_s > 1', '3u is an unsigned number, which fits no other; write 3'],
  [
    '"+82" in peer.number',
    'peer.number (a text) is not a list, so nothing is in it; write peer.number.contains("+82")',
  ],
  ['talk_s.contains("6")', 'talk_s (a number) cannot be used with contains(); write string(talk_s)'],
  ['matches(reason, "a")', 'matches() is called on a text; write reason.matches("a")'],
  ['size(talk_s) > 1', 'talk_s (a number) has no size'],
  ['reason.exists(x, x == "a")', 'reason (a text) has no items to go through'],
  [
    'occurred_at > timestamp("2026-01-01T00:00:00Z")',
    'occurred_at (a time as text) and a time cannot be compared with >; write timestamp(occurred_at)',
  ],
  [
    'occurred_at > "2026-03-02T09:00:00+09:00"',
    '"2026-03-02T09:00:00+09:00" cannot be compared with occurred_at, which is a text in UTC; write it as "2026-03-02T09:00:00Z", or compare timestamp(occurred_at)',
  ],
  [
    'occurred_at.getHours() > 9',
    'occurred_at (a time as text) cannot be used with getHours(); write timestamp(occurred_at).getHours(…)',
  ],
  ['timestamp(occurred_at) + 60 > timestamp(received_at)', 'a time and 60 (a number) do not fit together with +'],
  [
    'duration_s > 1 && duration("10 minutes") > duration("1s")',
    'this part has no result; write it as duration("90s") or duration("1h30m")',
  ],
  [
    'timestamp("2026") > timestamp(occurred_at)',
    'this part has no result; write it as timestamp("2026-03-02T09:00:00Z")',
  ],
])('a condition that fails for every event is found: %s', (expression, says) => {
  expect(checked(expression)).toContain(says);
});

test('a finding points at the part that does not fit', () => {
  expect(findingsOf(file('answered && talk_s > "60"'))).toEqual([
    'rules.yaml:6:25  talk_s (a number) and "60" (a text) cannot be compared with >; did you mean 60, without quotes?',
  ]);
});

test.each([
  ['recording_ready', '"recording_ready" is always absent for the events of this rule'],
  ['text.contains("x") || answered', '"text" is always absent for the events of this rule'],
])('a field that the events of the rule never have is found: %s', (expression, says) => {
  expect(checked(expression)).toEqual([says]);
  expect(checked('text == null && !has(data.text)')).toEqual([]);
});

test.each([
  ['1 == 2', 'warning: the condition is false for every event, so nothing happens; name a field in it'],
  ['true', 'warning: the condition is true for every event; name a field in it'],
])('a condition without a field is a warning: %s', (expression, says) => {
  expect(findingsOf(file(expression))).toEqual([`rules.yaml:5:9  ${says}`]);
});

test.each([
  ['', 'the condition is empty; remove it, or write it'],
  ['direction === "inbound"', 'not a CEL expression: CEL has no ===; write == for equal, != for not equal'],
  ['direction <> "inbound"', 'not a CEL expression: CEL has no <>; write != for not equal'],
  ['talk_s => 5', 'not a CEL expression: CEL has no =>; write >= for greater or equal'],
  ['talk_s ≤ 5', 'not a CEL expression: CEL has no ≤; write <= for less or equal'],
  ['NOT answered', 'not a CEL expression: CEL has no NOT; write && for and, || for or, ! for not'],
  ["direction is 'inbound'", 'not a CEL expression: CEL has no is; write == to compare'],
  ['{{ answered }}', 'not a CEL expression: CEL has no {{; a condition has no {{ }}: write the field alone'],
  ['reason == “busy”', 'not a CEL expression: CEL has no “; write straight quotes: "…"'],
  ['answered == True', 'there is no field "True"; did you mean true?'],
  ['direction == inbound', 'there is no field "inbound"; put a text in quotes: "inbound"'],
  ['data.some-key == 1', 'there is no field "key"; write a name with a dash in brackets: data["some-key"]'],
])('words of other languages are named: %s', (expression, says) => {
  const [line, ...others] = findingsOf(
    `version: 1\nrules:\n  - name: r\n    on: call_hangup\n    if: ${JSON.stringify(expression)}\n    ${DO}\n`,
  );
  expect(line?.replace(/^\S+ {2}/, '')).toBe(says);
  expect(others).toEqual([]);
});

test('nothing is said about values whose kind only the event shows', () => {
  for (const expression of [
    'data.flag',
    'data.a + data.b == "ab"',
    'data.a + 1 > 2',
    'data.list.exists(x, x)',
    'data.m["a"] in data.list',
    'timestamp(data.at).getHours("Asia/Seoul") >= 9',
    'timestamp(occurred_at) - timestamp(data.at) > duration("1h")',
    'talk_s > 60 ? answered : data.flag',
    'peer.name != null && peer.name.size() > 3',
    'string(talk_s) == data.talk',
  ]) {
    expect({ expression, problems: analyseCel(expression).problems }).toEqual({ expression, problems: [] });
  }
});

describe('the result of an earlier step', () => {
  const withSteps = (expression: string): string[] =>
    findingsOf(`version: 1
rules:
  - name: r
    on: call_hangup
    do:
      - { id: call, hubspot.log_call: {} }
      - { id: answer, http.request: { url: "https://example.com/" } }
      - { if: '${expression}', http.request: { url: "https://example.com/" } }
`).map((line) => line.replace(/^\S+ {2}/, ''));

  test.each([
    ['steps.cal.contact.name == "Ada"', 'there is no earlier step "cal"; did you mean "steps.call"?'],
    [
      'steps.call.contact.nam == "Ada"',
      'steps.call.contact has no field "nam"; did you mean "steps.call.contact.name"?',
    ],
    ['has(steps.call.contact.nam)', 'steps.call.contact has no field "nam"; did you mean "steps.call.contact.name"?'],
    ['steps.call.contact.name.first == "Ada"', 'steps.call.contact.name has no field "first"; it is a single value'],
    [
      'steps.call.contact.name == 5',
      'steps.call.contact.name (a text) and 5 (a number) are never equal; did you mean "5", in quotes?',
    ],
    [
      'steps.answer.status >= "400"',
      'steps.answer.status (a number) and "400" (a text) cannot be compared with >=; did you mean 400, without quotes?',
    ],
    [
      'steps.call.contact == "Ada"',
      'steps.call.contact (a group of values) and "Ada" (a text) are never equal; name one value of it: steps.call.contact.<field>',
    ],
    [
      'steps.call',
      'the condition is a group of values, neither true nor false; name one value of it: steps.call.<field> == "…"',
    ],
    [
      'steps.call.contact.name',
      'the condition is a text, neither true nor false; compare it: steps.call.contact.name == "…", or for "has a value" steps.call.contact.name != null',
    ],
  ])('is checked by the fields that its action gives: %s', (expression, says) => {
    expect(withSteps(expression)).toEqual([says]);
  });

  test.each([
    'steps.call.contact.name == null',
    'steps.call.contact != null',
    'steps.call.contact.name.startsWith("A")',
    'steps.answer.status >= 400',
    'steps.answer.body.level == 5',
    'steps.answer.body == "ok"',
    'data.list.exists(steps, steps == 5)',
  ])('may be anything where its action does not say: %s', (expression) => {
    expect(withSteps(expression)).toEqual([]);
  });
});

test.each([
  ['peer == "x"', 'peer (a group of values) and "x" (a text) are never equal; name one value of it: peer.number'],
  [
    'call.agent == "Ann"',
    'call.agent (a group of values) and "Ann" (a text) are never equal; name one value of it: call.agent.id',
  ],
])('a group of fields is compared with nothing: %s', (expression, says) => {
  expect(checked(expression)).toEqual([says]);
});
