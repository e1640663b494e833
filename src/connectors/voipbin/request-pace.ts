import { setTimeout as delay } from 'node:timers/promises';
import { ActionError } from '../action-error';

/** Limits of a {@link Pace}. */
export interface PaceLimits {
  perSecond: number;
  /** How many requests may go at once after a quiet time. */
  burst: number;
  /** The queue's bound: a request that would wait longer than this is refused at once. */
  longestWaitMs: number;
}

/**
 * Waits until the next request may go. Throws a `transient` ActionError when the queue is full, and the signal's reason
 * when it aborts.
 */
export type Pace = (signal: AbortSignal) => Promise<void>;

/**
 * Keeps this process below VoIPBIN's limit for an account (16.7 requests a second with bursts of 33, shared by all of
 * the account's keys; reference voipbin.md 5). Requests go in the order they came.
 *
 * Not guaranteed: staying below the limit with several workers; they meet 429 and its `Retry-After`.
 */
export function createPace(limits: PaceLimits, now: () => number = () => performance.now()): Pace {
  const interval = 1_000 / limits.perSecond;
  let next = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const current = now();
    const slot = Math.max(next, current - interval * (limits.burst - 1));
    const wait = slot - current;
    if (wait > limits.longestWaitMs) {
      throw new ActionError('transient', 'too many requests to voipbin are waiting in this worker', {
        connection: 'voipbin',
        code: 'queue_full',
        retryAfterMs: Math.ceil(wait),
      });
    }
    next = slot + interval;
    if (wait > 0) {
      await delay(wait, undefined, { signal });
    }
  };
}
