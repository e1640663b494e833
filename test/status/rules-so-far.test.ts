import type { ReportSoFar, StepReport } from '../../src/runs/run-contract';
import { rulesSoFar } from '../../src/status/rules-so-far';
import { planOf } from '../inbox/entries';

const STEP = 'slack.post_message#1';
const done: StepReport = { step: STEP, action: 'slack.post_message', outcome: 'done', result: {} };
const failed: StepReport = {
  step: STEP,
  action: 'slack.post_message',
  outcome: 'failed',
  class: 'permanent',
  code: 'http_400',
  message: 'x',
  remedy: null,
};

function plan(onError: 'stop' | 'continue' = 'stop') {
  const { rules, ...rest } = planOf('post');
  return {
    ...rest,
    rules: rules.map((rule) => ({
      ...rule,
      steps: rule.steps.flatMap((step) => [
        { ...step, on_error: onError },
        { ...step, id: 'second', on_error: onError },
      ]),
    })),
  };
}

function soFar(steps: StepReport[], underWay: string[] = []): ReportSoFar {
  return {
    report: { event_id: 'e', ruleset: 'r', outcome: 'done', rules: [{ rule: 'post', outcome: 'done', steps }] },
    under_way: underWay.map((step) => ({ rule: 'post', step, began_at: '2026-03-02T10:00:00Z' })),
  };
}

test.each<[string, ReportSoFar, ReturnType<typeof plan> | null, boolean]>([
  ['each of its steps has ended', soFar([done, { ...done, step: 'second' }]), plan(), true],
  ['one is under way', soFar([done], ['second']), plan(), false],
  ['one is still to begin', soFar([done]), plan(), false],
  ['one failed and holds back the rest', soFar([failed]), plan(), true],
  ['one failed and the rest goes on', soFar([failed]), plan('continue'), false],
  ['it is not known which steps it has', soFar([done]), null, false],
])('whether a rule of an open run has ended, when %s', (_when, report, planned, ended) => {
  expect(rulesSoFar(report, planned).map(({ has_ended: hasEnded }) => hasEnded)).toEqual([ended]);
});
