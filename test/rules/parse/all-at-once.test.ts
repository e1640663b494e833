import { findingsOf } from '../load-text';

/** What the check says of a text, without its places. */
function saidOf(text: string): string[] {
  return findingsOf(`version: 1\n${text}`).map((finding) => finding.replace(/^rules\.yaml:\d+:\d+ {2}/, ''));
}

/** What the check says of a rule's `if`. */
function saidOfIf(expression: string, more = ''): string[] {
  const step = '{ slack.post_message: { channel: c, text: x } }';
  return saidOf(`${more}rules:\n  - { name: r, on: call_hangup, if: ${JSON.stringify(expression)}, do: [${step}] }\n`);
}

describe('one check finds every fault of a condition', () => {
  test.each([
    [
      'unknown functions',
      'foo(peer.name) && bar(ours.name)',
      ['there is no function foo()', 'there is no function bar()'],
    ],
    [
      'an unknown function of a constant, which is one fault',
      'reason == foo("a") || bar(1)',
      ['there is no function foo()', 'there is no function bar()'],
    ],
    [
      'unknown fields and values',
      'peer.nmae == "x" && ours.nmae == "y" && reason == "bsy"',
      [
        'there is no field "peer.nmae"; did you mean "peer.name"?',
        'there is no field "ours.nmae"; did you mean "ours.name"?',
        'reason is never "bsy"; did you mean "busy"?',
      ],
    ],
    [
      'words of other languages',
      'peer.name = "x" and not ours.name <> "y"',
      [
        'not a CEL expression: a single =; write == to compare',
        'not a CEL expression: CEL has no and; write && for and, || for or, ! for not',
        'not a CEL expression: CEL has no <>; write != for not equal',
      ],
    ],
    [
      'one of them with three signs',
      'peer.name === "x"',
      ['not a CEL expression: CEL has no ===; write == for equal, != for not equal'],
    ],
    [
      'inside what is not permitted',
      'data.l.exists(x, data.l.exists(y, y == zed && x == foo(1)))',
      [
        'a loop inside a loop (all, exists, map, filter) could take too long',
        'there is no field "zed"; fields of the payload are under data: data.zed',
        'there is no function foo()',
      ],
    ],
  ])('%s', (_, expression, says) => {
    expect(saidOfIf(expression)).toEqual(says);
  });
});

test('one check finds the wrong items of a list, but lists a few of them only', () => {
  const list = (items: readonly number[]): string => `lists: { vip: [${items.join(', ')}] }\n`;
  expect(saidOfIf('peer.number in lists.vip', list([1, 2]))).toEqual([
    'peer.number is a phone number or address, not the number 1; quote it: "1"',
    'peer.number is a phone number or address, not the number 2; quote it: "2"',
  ]);
  expect(saidOfIf('peer.number in lists.vip', list([1, 2, 3, 4, 5, 6, 7]))).toHaveLength(5);
});

test('a step with an unknown action hides neither its own faults nor makes later steps wrong', () => {
  expect(
    saidOf(`rules:
  - name: r
    on: call_hangup
    do:
      - { id: call, if: foo(1), hubspot.log_cal: { note: "{{ idd }}" } }
      - slack.post_message: { channel: c, text: "{{ steps.call.contact.name | default: '?' }}" }
`),
  ).toEqual([
    'there is no function foo()',
    'there is no action "hubspot.log_cal"; did you mean "hubspot.log_call"?',
    'there is no variable "idd"; did you mean "id"?',
  ]);
});

test('faults of rules do not hide those of tests, nor a wrong event those of what is expected', () => {
  expect(
    saidOf(`rules:
  - { name: r, on: call_hangup, when: { peer.nmae: x }, do: [{ slack.post_message: { channel: c, text: x } }] }
tests:
  - { name: t, event: 5, evnt: y, expect: { rules: [r], ruls: c, steps: { r: { slack.post_message: {} } } } }
`),
  ).toEqual([
    'unknown field "peer.nmae"; did you mean "peer.name"?',
    'event must be a text, not the number 5; quote it: "5"',
    'a test has no key "evnt"; did you mean "event"?',
    'expect has no key "ruls"; did you mean "rules"?',
  ]);
});
