import type { PlannedRule, PlannedStep } from '../../src/rules/plan';
import { mayBeBatched } from '../../src/runs/batch-contract';
import { batchWorkflowId, isBatchId } from '../../src/runs/names';

const STEP: PlannedStep = {
  id: 'call',
  action: 'hubspot.log_call',
  effect: 'repeatable',
  input: {},
  on_error: 'stop',
  retry: { for_ms: 60_000, every_ms: 1_000, max_every_ms: 1_000 },
  attempt_timeout_ms: 1_000,
};
const RULE: PlannedRule = { name: 'one', timezone: 'UTC', country: null, steps: [STEP] };

function planOf(...rules: PlannedRule[]) {
  return { ruleset: 'abcdef012345', rules };
}

describe('a plan may be batched', () => {
  it.each<[string, PlannedRule]>([
    ['with repeatable steps', RULE],
    ['with a retry budget from the event', { ...RULE, steps: [{ ...STEP, retry: { ...STEP.retry, from: 'event' } }] }],
    [
      'with a rule in mode shadow, whatever it would do',
      { ...RULE, shadow: true, steps: [{ ...STEP, effect: 'once' }] },
    ],
  ])('%s', (_name, rule) => {
    expect(mayBeBatched(planOf(RULE, rule))).toBe(true);
  });
});

describe('a plan may not be batched', () => {
  it.each<[string, PlannedRule]>([
    ['with a step that acts once', { ...RULE, steps: [STEP, { ...STEP, effect: 'once' }] }],
    ['with a step that is looked up after a lost answer', { ...RULE, steps: [{ ...STEP, effect: 'verifiable' }] }],
    ['with limits', { ...RULE, limits: { cooldown: null, max: { count: 1, every: 'day', per: null } } }],
    ['with limits in mode shadow', { ...RULE, shadow: true, limits: { cooldown: null, max: null } }],
    ['with a call to look up', { ...RULE, look_up: ['answered'] }],
    ['with a condition to decide', { ...RULE, deferred: { cel: 'true' } }],
    ['with a rule above it that may stop it', { ...RULE, unless: ['other'] }],
    ['with an opt-out to record', { ...RULE, steps: [], records: 'opt_out' }],
    ['with a rule that could not be judged', { ...RULE, failure: { code: 'over_budget', message: '', remedy: '' } }],
  ])('%s', (_name, rule) => {
    expect(mayBeBatched(planOf(RULE, rule))).toBe(false);
  });

  it('without rules', () => {
    expect(mayBeBatched(planOf())).toBe(false);
  });
});

describe('the workflow id of a batch', () => {
  const batch = { firstSeq: 7, eventIds: ['call_hangup/a', 'call_hangup/b'], receiver: 'here' };

  it('names the first event and how many there are', () => {
    expect(batchWorkflowId(batch)).toMatch(/^batch\/7-2\/[0-9a-f]{16}$/);
    expect(batchWorkflowId(batch)).toBe(batchWorkflowId({ ...batch }));
  });

  it('is another one for other events, and for another receiver', () => {
    const ids = [batch, { ...batch, eventIds: ['call_hangup/a', 'call_hangup/c'] }, { ...batch, receiver: 'there' }];
    expect(new Set(ids.map(batchWorkflowId)).size).toBe(3);
  });

  it('is recognised', () => {
    expect(isBatchId(batchWorkflowId(batch))).toBe(true);
    expect(isBatchId('batch/7-2')).toBe(false);
    expect(isBatchId('call_hangup/a#2')).toBe(false);
  });
});
