import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { claimLimits } from '../../src/worker/claim-limits';
import { limitValueOf } from '../../src/worker/limit-value';
import { ActionError } from '../../src/connectors/action-error';
import type { LimitsInput, LimitsResult } from '../../src/runs/run-contract';
import { eventOf } from '../events/event-of';

const INPUT: LimitsInput = {
  event: { ...eventOf({ id: '1' }), left_out: ['data.session'] },
  rule: 'rule',
  timezone: 'UTC',
  limits: { cooldown: null, max: { count: 1, every: 'day', per: 'data.session' } },
};

type Claim = ReturnType<typeof claimLimits>;

/** Runs the activity as a worker does. */
function run(claim: Claim, input = INPUT, isLocal = true): Promise<LimitsResult> {
  return new MockActivityEnvironment({ isLocal }, { logger: SDK_LOG }).run(claim, input);
}

/** The SDK warns of every attempt that fails. */
const SDK_LOG = new DefaultLogger('ERROR');
const NONE_OURS = { has: () => false };

test('a limit per the number of the call counts what was looked up', async () => {
  const event = eventOf({ type: 'queuecall_abandoned', data: { id: 'q' }, call_id: 'c1', pending: ['call'] });
  const call = { id: 'c1', direction: 'incoming', source: { type: 'tel', target: '+15551234567' } };
  const claim = claimLimits(
    { claim: async ({ event: seen }) => ({ within: false, reason: limitValueOf(seen, 'peer.number') ?? 'none' }) },
    NONE_OURS,
  );
  const found = { calls: { c1: call }, references: {}, agents: {} };
  expect(await run(claim, { ...INPUT, event, calls: found })).toEqual({ within: false, reason: '+15551234567' });
});

test('a limit per a part that was left out fails without a retry', async () => {
  const claim = claimLimits(
    { claim: async ({ event }) => ({ within: false, reason: limitValueOf(event, 'data.session') ?? '' }) },
    NONE_OURS,
  );
  const error: unknown = await run(claim).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApplicationFailure);
  expect(error).toMatchObject({ type: 'permanent', nonRetryable: true, details: [{ code: 'event_cut' }] });
});

test('other errors stay as they are: Temporal retries', async () => {
  const away = new Error('Temporal does not answer');
  await expect(run(claimLimits({ claim: () => Promise.reject(away) }, NONE_OURS))).rejects.toBe(away);
});

test('too many claims in force fail with their own code, and Temporal retries', async () => {
  const full = new ActionError('transient', 'full', { connection: 'temporal', code: 'claims_full' });
  const claim = claimLimits({ claim: () => Promise.reject(full) }, NONE_OURS);
  await expect(run(claim)).rejects.toMatchObject({ nonRetryable: false, details: [{ code: 'claims_full' }] });
});

test('a local attempt too many fails at once, so that the tasks which answer the others find a slot', async () => {
  const waiting: (() => void)[] = [];
  const claim = claimLimits(
    { claim: () => new Promise((resolve) => waiting.push(() => resolve({ within: true }))) },
    NONE_OURS,
  );
  const local = Array.from({ length: 20 }, () => run(claim));
  await expect(run(claim)).rejects.toMatchObject({ type: 'transient', nonRetryable: false });
  const regular = run(claim, INPUT, false);
  waiting.splice(0).forEach((end) => end());
  expect(await Promise.all([...local, regular])).toHaveLength(21);
  const next = run(claim);
  waiting.splice(0).forEach((end) => end());
  expect(await next).toEqual({ within: true });
});
