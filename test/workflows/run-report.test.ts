import type { RuleReport, RunReport, StepReport } from '../../src/runs/run-contract';
import { describeFailure, outcomeOf, progressTable, withoutResults } from '../../workflows/run-report';

const DONE: StepReport = { step: 'log', action: 'crm.log', outcome: 'done', result: { name: 'Ada' } };
const SKIPPED: StepReport = { step: 'sms', action: 'voipbin.send', outcome: 'skipped', reason: 'shadow' };
const FAILED = {
  step: 'mail',
  action: 'email.send',
  outcome: 'failed',
  class: 'permanent',
  code: 'http_400',
  message: 'no such mailbox',
  remedy: 'Correct the address.',
} as const;

test.each([
  [[], 'skipped'],
  [[SKIPPED], 'skipped'],
  [[SKIPPED, DONE], 'done'],
  [[FAILED, SKIPPED], 'failed'],
  [[DONE, FAILED], 'partial'],
] as const)('the outcome of %j is %s', (steps, expected) => {
  expect(outcomeOf([...steps])).toBe(expected);
});

test('a failed step is described with its remedy', () => {
  expect(describeFailure('thanks', FAILED)).toBe(
    'rule "thanks", step "mail" (email.send): permanent http_400: no such mailbox. What to do: Correct the address.',
  );
  expect(describeFailure('thanks', { ...FAILED, remedy: null })).toBe(
    'rule "thanks", step "mail" (email.send): permanent http_400: no such mailbox.',
  );
});

test('the progress table has a row for each ended and each waiting step', () => {
  const rules: RuleReport[] = [
    { rule: 'log calls', outcome: 'done', steps: [DONE, SKIPPED] },
    { rule: 'thanks', outcome: 'skipped', steps: [] },
    { rule: 'limited', outcome: 'skipped', reason: 'limit: within the cooldown', steps: [] },
    { rule: 'waits', outcome: 'skipped', steps: [] },
  ];
  const parked = [{ rule: 'waits', step: 'post', connection: 'slack', code: 'invalid_auth' }];
  expect(progressTable(rules, parked).split('\n')).toEqual([
    '| rule | step | outcome |',
    '|---|---|---|',
    '| log calls | log | done |',
    '| log calls | sms | skipped: shadow |',
    '| thanks | | in progress |',
    '| limited | | limit: within the cooldown |',
    '| waits | post | waits: slack is parked (invalid_auth) |',
  ]);
});

test('a report without results keeps everything else', () => {
  const report: RunReport = {
    event_id: 'call_hangup/1',
    ruleset: 'abc',
    outcome: 'partial',
    rules: [{ rule: 'all', outcome: 'partial', steps: [DONE, SKIPPED, FAILED] }],
  };
  expect(withoutResults(report)).toEqual({
    ...report,
    rules: [{ rule: 'all', outcome: 'partial', steps: [{ ...DONE, result: {} }, SKIPPED, FAILED] }],
  });
  expect(DONE.result).toEqual({ name: 'Ada' });
});
