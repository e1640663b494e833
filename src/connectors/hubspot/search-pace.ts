import { setTimeout as delay } from 'node:timers/promises';
import { transientFailure } from './failure';

/** A refused search is told to come back within this at most; by then the queue has moved, and it is told again. */
const LONGEST_RETURN_MS = 300_000;

/**
 * Keeps this process under HubSpot's limit on searches (5/s for the whole account, without headers that say how much is
 * left; reference connectors.md 1.1). Searches go out evenly spaced.
 *
 * Guaranteed: at most one search an interval from this process. Not guaranteed: the account's limit, which other
 * workers and other integrations share; HubSpot's 429 is still to be expected.
 */
export class SearchPace {
  #nextFree = 0;
  #nextReturn = 0;
  readonly #intervalMs: number;

  constructor(
    searchesPerSecond: number,
    private readonly longestWaitMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#intervalMs = 1_000 / searchesPerSecond;
  }

  /**
   * Waits for its turn, at most `longestWaitMs`.
   * @throws ActionError `transient` at once when the wait would be longer, with the time at which a turn should be
   *   free: later for each one refused, so that they do not all come back together.
   */
  async turn(signal: AbortSignal): Promise<void> {
    const now = this.now();
    const at = Math.max(now, this.#nextFree);
    if (at - now > this.longestWaitMs) {
      this.#nextReturn = Math.min(Math.max(at, this.#nextReturn) + this.#intervalMs, now + LONGEST_RETURN_MS);
      throw transientFailure('too many HubSpot searches are waiting already', 'search_pace', {
        retryAfterMs: Math.ceil(this.#nextReturn - now),
      });
    }
    this.#nextFree = at + this.#intervalMs;
    if (at > now) {
      await delay(at - now, undefined, { signal }).catch(() => {
        throw transientFailure('the wait for a HubSpot search was cancelled', 'cancelled');
      });
    }
  }
}
