import type { ActionContext } from '../action-context';
import { transientFailure } from './failure';

/** The wait before a record that HubSpot says exists is looked for again: its search lags by seconds. */
const LOOK_AGAIN_MS = 5_000;
/** What an attempt leaves for the next one: how often HubSpot named a conflict and showed no record. */
const SAVED_KEY = 'unseen_conflicts';

/**
 * The rounds in which HubSpot refused a record because it exists already, and showed it nowhere. Bounded: a record that
 * is archived or hidden never shows, and an attempt like the ones before would only meet the conflict again.
 *
 * Not guaranteed: that every round is counted. The first attempt leaves nothing for the next one, nor does a worker that
 * dies.
 */
export class ConflictRounds {
  readonly #earlier: number;

  constructor(private readonly context: Pick<ActionContext<unknown>, 'progress'>) {
    const { last } = context.progress;
    const saved = typeof last === 'object' && last !== null && !Array.isArray(last) ? last[SAVED_KEY] : 0;
    this.#earlier = typeof saved === 'number' ? saved : 0;
  }

  /**
   * Asks for another round; returns after two of them, when another way is due.
   * @throws ActionError `transient` while the record may still show.
   */
  waitForRecord(what: string): void {
    if (this.#earlier >= 2) {
      return;
    }
    this.context.progress.save({ [SAVED_KEY]: this.#earlier + 1 });
    throw transientFailure(`HubSpot says that ${what} exists already, but does not show it yet`, 'conflict', {
      retryAfterMs: LOOK_AGAIN_MS,
    });
  }
}
