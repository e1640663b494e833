import { ApplicationFailure } from '@temporalio/common';
import { claimLimits } from '../../src/worker/claim-limits';
import { limitValueOf } from '../../src/worker/limit-value';
import type { LimitsInput } from '../../src/runs/run-contract';
import { eventOf } from '../events/event-of';

const INPUT: LimitsInput = {
  event: { ...eventOf({ id: '1' }), left_out: ['data.session'] },
  rule: 'rule',
  timezone: 'UTC',
  limits: { cooldown: null, max: { count: 1, every: 'day', per: 'data.session' } },
};

const NONE_OURS = { has: () => false };

test('a limit per the number of the call counts what was looked up', async () => {
  const event = eventOf({ type: 'queuecall_abandoned', data: { id: 'q' }, call_id: 'c1', pending: ['call'] });
  const call = { id: 'c1', direction: 'incoming', source: { type: 'tel', target: '+15551234567' } };
  const claim = claimLimits(
    { claim: async ({ event: seen }) => ({ within: false, reason: limitValueOf(seen, 'peer.number') ?? 'none' }) },
    NONE_OURS,
  );
  const found = { calls: { c1: call }, references: {}, agents: {} };
  expect(await claim({ ...INPUT, event, calls: found })).toEqual({ within: false, reason: '+15551234567' });
});

test('a limit per a part that was left out fails without a retry', async () => {
  const claim = claimLimits(
    { claim: async ({ event }) => ({ within: false, reason: limitValueOf(event, 'data.session') ?? '' }) },
    NONE_OURS,
  );
  const error: unknown = await claim(INPUT).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApplicationFailure);
  expect(error).toMatchObject({ type: 'permanent', nonRetryable: true, details: [{ code: 'event_cut' }] });
});

test('other errors stay as they are: Temporal retries', async () => {
  const away = new Error('Temporal does not answer');
  await expect(claimLimits({ claim: () => Promise.reject(away) }, NONE_OURS)(INPUT)).rejects.toBe(away);
});
