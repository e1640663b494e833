import { explain } from '../../../src/rules/tools/explain';
import { testActions } from '../catalogue';
import { eventOf, ruleSetOf } from '../load-text';

const MAPS = 'maps: { teams: { "+49 30 1234567": sales, "030 7654321": support }, words: { stop: 1 } }';

function matches(type: string, when: string, data: object): boolean {
  const set = ruleSetOf(`version: 1
defaults: { country: DE }
${MAPS}
rules:
  - name: r
    on: ${type}
    when: ${when}
    do: [{ http.request: { url: "https://example.com/" } }]
`);
  const event = eventOf(type, { id: 'e', ...data });
  const found = set.matching(event).length === 1;
  expect(explain(set, event, { actions: testActions }).rules[0]?.outcome).toBe(found ? 'runs' : 'not_met');
  return found;
}

const text = (words: string) => ({ text: words, direction: 'incoming' });
const calling = (number: string) => ({ direction: 'incoming', destination: { type: 'tel', target: number } });

test.each([
  ['a list of texts: one of them is enough', '{ text: { contains: [price, quote] } }', 'your quote?', true],
  ['a list of texts: none of them', '{ text: { contains: [price, quote] } }', 'your offer?', false],
  ['upper and lower case count', '{ text: { contains: cancel } }', 'CANCEL it', false],
  ['ignore_case', '{ text: { contains: Cancel, ignore_case: true } }', 'please CANCEL', true],
  ['ignore_case with a list', '{ text: { prefix: [no, stop], ignore_case: true } }', 'Stop it', true],
  ['ignore_case with a suffix', '{ text: { suffix: Now, ignore_case: true } }', 'stop NOW', true],
  ['ignore_case with in', '{ text: { in: [Stop, End], ignore_case: true } }', 'STOP', true],
  ['ignore_case with a pattern', '{ text: { matches: "^stop$", ignore_case: true } }', 'STOP', true],
  ['a letter and its mark', "{ text: { matches: 'k(ü|u\\x{308})ndig' } }", 'ich ku\u0308ndige', true],
  ['the same letter as one character', "{ text: { matches: 'k(ü|u\\x{308})ndig' } }", 'ich k\u00fcndige', true],
  ['ignore_case inside not', '{ text: { not: { contains: STOP }, ignore_case: true } }', 'stop it', false],
  ['ignore_case: false', '{ text: { contains: cancel, ignore_case: false } }', 'CANCEL', false],
])('%s', (_, when, words, expected) => {
  expect(matches('message_created', when, text(words))).toBe(expected);
});

test.each([
  ['a value of the map', '{ ours.number: { lookup: { teams: sales } } }', '+49301234567', true],
  ['another value', '{ ours.number: { lookup: { teams: support } } }', '+49301234567', false],
  ['a number written in another way', '{ ours.number: { lookup: { teams: support } } }', '+49307654321', true],
  ['one of some values', '{ ours.number: { lookup: { teams: [sales, support] } } }', '+49307654321', true],
  ['not this value, but another', '{ ours.number: { lookup: { teams: { not: sales } } } }', '+49307654321', true],
  ['not in the map at all', '{ ours.number: { lookup: { teams: { not: sales } } } }', '+49301111111', false],
  ['has an entry', '{ ours.number: { in: $teams } }', '+49307654321', true],
  ['has no entry', '{ ours.number: { not: { in: $teams } } }', '+49301111111', true],
])('a condition with a map: %s', (_, when, number, expected) => {
  expect(matches('call_ringing', when, calling(number))).toBe(expected);
});

test.each([
  ['{ gt: 10m }', 601, true],
  ['{ gt: 10m }', 600, false],
  ['{ gte: 1m, lt: 1m30s }', 89, true],
  ['1m', 60, true],
])('seconds as a duration: %s of %d', (test, seconds, expected) => {
  const times = {
    tm_progressing: '2026-03-02T00:00:00Z',
    tm_hangup: new Date(Date.parse('2026-03-02T00:00:00Z') + seconds * 1_000).toISOString(),
  };
  expect(matches('call_hangup', `{ talk_s: ${test} }`, times)).toBe(expected);
});
