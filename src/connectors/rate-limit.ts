import type { StepErrorCode } from '../errors/step-errors';
import { setTimeout as delay } from 'node:timers/promises';
import { ActionError } from './action-error';

/** The longest `retryAfterMs` of a refused request; the queue has moved on when it comes back. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Limits of a {@link RateLimiter}. */
export interface RateLimits {
  /** The connection whose requests are limited, for errors: `hubspot`. */
  connection: string;
  /** What is limited, for errors: `searches`. */
  what: string;
  /** Error code of a request that is refused because the queue is full. */
  fullCode: StepErrorCode;
  perSecond: number;
  /** How many requests may start at once after a quiet time; 1 by default. */
  burst?: number;
  /** The bound of the queue: a request that would wait longer is refused at once. */
  maxWaitMs: number;
}

/**
 * Keeps the requests of this process below a provider's limit. Requests start evenly spaced, in the order they came.
 *
 * Not guaranteed: the provider's limit, which other workers and other programs share. Its 429 is still to be expected.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #intervalMs: number;
  #nextSlotAt = Number.NEGATIVE_INFINITY;
  #nextRetryAt = Number.NEGATIVE_INFINITY;

  /** @param now a clock in milliseconds, for tests. */
  constructor(
    limits: RateLimits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#intervalMs = 1_000 / limits.perSecond;
  }

  /** Starts no request for a time, because the provider asks for it. At most five minutes. */
  pauseFor(waitMs: number): void {
    this.#nextSlotAt = Math.max(this.#nextSlotAt, this.now() + Math.min(waitMs, MAX_RETRY_AFTER_MS));
  }

  /**
   * Waits until the next request may start.
   *
   * @param maxWaitMs instead of the limits' own: longer for what was begun already, so that it ends.
   * @throws ActionError `transient`, code `fullCode`, at once when the wait would be longer than `maxWaitMs`. Each refused
   *   request gets a later `retryAfterMs`, so that they do not all come back together. `transient`, code `cancelled`,
   *   when the signal aborts.
   */
  async waitForSlot(signal: AbortSignal, maxWaitMs: number = this.#limits.maxWaitMs): Promise<void> {
    const { connection, what } = this.#limits;
    const now = this.now();
    const slotAt = this.#slotAt(now);
    const waitMs = slotAt - now;
    if (waitMs > maxWaitMs) {
      throw this.#refusal(slotAt, now);
    }
    this.#nextSlotAt = slotAt + this.#intervalMs;
    if (waitMs > 0) {
      await delay(waitMs, undefined, { signal }).catch(() => {
        throw new ActionError('transient', `the wait for a slot among ${connection} ${what} was cancelled`, {
          connection,
          code: 'cancelled',
        });
      });
    }
  }

  /**
   * Refuses what would wait too long, without taking a slot.
   *
   * @param aheadMs how long others wait that have no slot yet.
   * @throws ActionError like {@link waitForSlot}.
   */
  assertRoom(maxWaitMs: number = this.#limits.maxWaitMs, aheadMs = 0): void {
    const now = this.now();
    const slotAt = this.#slotAt(now) + aheadMs;
    if (slotAt - now > maxWaitMs) {
      throw this.#refusal(slotAt, now);
    }
  }

  #refusal(slotAt: number, now: number): ActionError {
    const { connection, what, fullCode } = this.#limits;
    this.#nextRetryAt = Math.min(Math.max(slotAt, this.#nextRetryAt) + this.#intervalMs, now + MAX_RETRY_AFTER_MS);
    return new ActionError('transient', `too many ${connection} ${what} are waiting in this worker`, {
      connection,
      code: fullCode,
      retryAfterMs: Math.ceil(this.#nextRetryAt - now),
    });
  }

  /** When the next request may start; in the past after a quiet time, which is what a burst may use. */
  #slotAt(now: number): number {
    return Math.max(this.#nextSlotAt, now - this.#intervalMs * ((this.#limits.burst ?? 1) - 1));
  }
}
