import { Context } from '@temporalio/activity';
import type { ActionLog } from '../src/connectors/action-log';
import type { BatchAttemptInput, BatchAttemptResult } from '../src/runs/batch-contract';
import type { Attempt } from './attempt';
import { AttemptSlots } from './attempt-slots';
import { attemptBatch } from './batch-attempt';

/** Attempts under way in all batches of a worker: as many as local attempts outside of batches (create-worker.ts). */
const MAX_UNDER_WAY = 100;
/** As long as the dispatcher waits for a run before it takes it to be waiting for something. */
const STRAGGLERS_WITHIN_MS = 3_000;

/**
 * Makes the activity `batch.attempt`: the first attempts of all steps of a batch's events. Events and rules run side by
 * side, the steps of a rule in order. Each attempt is made as the activity of its action would make it, under the same
 * action key.
 *
 * Guarantees: it ends within 30 seconds. At most 100 attempts are under way in all batches of a worker. One event's
 * failure, of whatever kind, does not affect the others. When a worker ends in the middle, the next one takes from the
 * heartbeats which events have ended; the steps of the others are attempted again, as second attempts. What did not end
 * well is reported for the event's own run, with what was done.
 *
 * Not guaranteed: results over 900 KiB together. An event whose results do not fit any more is reported as attempted, and
 * its own run repeats its steps under the same keys.
 *
 * @throws ApplicationFailure when the worker stops, for Temporal to give the batch to another one.
 */
export function createBatchActivity(
  attempts: ReadonlyMap<string, Attempt>,
  log: ActionLog,
): (input: BatchAttemptInput) => Promise<BatchAttemptResult> {
  const tools = { attempts, log, slots: new AttemptSlots(MAX_UNDER_WAY), stragglersWithinMs: STRAGGLERS_WITHIN_MS };
  return async (input) => {
    const context = Context.current();
    const { attempt, heartbeatDetails, scheduledTimestampMs, currentAttemptScheduledTimestampMs } = context.info;
    return attemptBatch(tools, input, {
      attempt,
      heartbeatDetails,
      heartbeat: (details) => context.heartbeat(details),
      signal: context.cancellationSignal,
      delayedMs: currentAttemptScheduledTimestampMs - scheduledTimestampMs,
    });
  };
}
