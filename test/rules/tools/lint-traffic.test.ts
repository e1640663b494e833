import { formatFinding } from '../../../src/yaml/format-findings';
import { lintTraffic } from '../../../src/rules/tools/lint-traffic';
import { eventOf, ruleSetOf } from '../load-text';

const DO = 'do: [{ http.request: { url: "https://example.com/" } }]';
const RULES = ruleSetOf(`version: 1
rules:
  - { name: queue, on: queuecall_done, ${DO} }
  - { name: old-name, on: call_hungup, when: { data.metadata.campaign: spring, reason: normal }, ${DO} }
  - { name: inside, on: message_created, when: { any: [{ text: { exists: false } }, { not: { data.media.kind: image } }] }, ${DO} }
  - { name: resting, mode: "off", on: agent_updated, ${DO} }
`).rules;

const call = (index: number, more = {}) => eventOf('call_hangup', { id: `c${index}`, hangup_reason: 'busy', ...more });
const message = (index: number) => eventOf('message_created', { id: `m${index}` });
const many = (count: number, make: (index: number) => ReturnType<typeof eventOf>) =>
  Array.from({ length: count }, (_, index) => make(index));

async function says(events: ReturnType<typeof eventOf>[]): Promise<string[]> {
  return (await lintTraffic(RULES, events, '30 days')).map(formatFinding);
}

test('warns of events that do not come and fields that they never have', async () => {
  expect(await says([...many(1_200, call), ...many(19, message)])).toEqual([
    'rules.yaml:3:24  warning: the rule queue listens to queuecall_done, and no such event was received in the last 30 days (of 1,219 events)',
    'rules.yaml:4:48  warning: no event had the field data.metadata.campaign in the last 30 days (of 1,200 events)',
  ]);
});

test('looks into blocks, and not at conditions for absence', async () => {
  expect(await says([...many(20, message), call(1)])).toEqual([
    'rules.yaml:3:24  warning: the rule queue listens to queuecall_done, and no such event was received in the last 30 days (of 21 events)',
    'rules.yaml:5:94  warning: no event had the field data.media.kind in the last 30 days (of 20 events)',
  ]);
});

test('one event with the field is enough, and a few events say nothing', async () => {
  expect(await says([...many(30, call), call(31, { metadata: { campaign: 'autumn' } }), message(1)])).toEqual([
    'rules.yaml:3:24  warning: the rule queue listens to queuecall_done, and no such event was received in the last 30 days (of 32 events)',
  ]);
  expect(await says(many(19, call))).toEqual([]);
});
