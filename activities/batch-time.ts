import type { AttemptSlots } from './attempt-slots';

/**
 * The longest attempt of a step. Longer than a local attempt (`workflows/run-step.ts`): a provider that takes only so many
 * requests in ten seconds makes whole batches wait for its next ten, and cutting them off would cost more requests.
 */
const STEP_WITHIN_MS = 20_000;
/** No step begins later than this after the batch: so all have ended after 30 s. */
const BEGIN_WITHIN_MS = 10_000;
/**
 * How long an attempt that is cut off may take to say what it knows: what it saved, and how long the next one has to wait
 * until it can find what this one may have made.
 */
const LAST_WORDS_MS = 250;
/** When this part of the events has ended, the others have little time. */
const MOST = 0.9;

/**
 * The time that the steps of one batch have. It ends for all of them when `signal` aborts.
 */
export class BatchTime {
  readonly #startedAt = performance.now();
  readonly #underWay = new Set<AbortController>();
  #isOver = false;
  #stragglers: NodeJS.Timeout | undefined;

  /**
   * @param stragglersWithinMs when nine tenths of the events have ended, the others have this time from the batch's
   *   beginning, or twice what the nine tenths took: it holds its slot until the slowest event has ended.
   */
  constructor(
    private readonly slots: AttemptSlots,
    private readonly stragglersWithinMs: number,
    signal: AbortSignal,
  ) {
    this.#isOver = signal.aborted;
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Waits for a slot for an attempt. @returns false when there is no time for it any more. */
  async begin(): Promise<boolean> {
    const isEarlyEnough = (): boolean => !this.#isOver && this.elapsedMs() <= BEGIN_WITHIN_MS;
    if (!isEarlyEnough()) {
      return false;
    }
    const hasSlot =
      this.slots.acquireNow() ||
      (await this.#within(BEGIN_WITHIN_MS - this.elapsedMs(), (signal) => this.slots.acquire(signal)));
    if (hasSlot && !isEarlyEnough()) {
      this.slots.release();
      return false;
    }
    return hasSlot;
  }

  /** Makes an attempt in the slot that it began with. @returns null when it did not end in time. */
  async attempt<Result>(timeoutMs: number, make: (signal: AbortSignal) => Promise<Result>): Promise<Result | null> {
    try {
      return await this.#within(Math.min(timeoutMs, STEP_WITHIN_MS), (signal) =>
        Promise.race([
          make(signal),
          new Promise<null>((resolve) =>
            signal.addEventListener('abort', () => setTimeout(() => resolve(null), LAST_WORDS_MS), { once: true }),
          ),
        ]),
      );
    } finally {
      this.slots.release();
    }
  }

  /** Called when events have ended, with how many of how many. */
  eventsEnded(ended: number, all: number): void {
    if (this.#stragglers !== undefined || this.#isOver || ended < all * MOST) {
      return;
    }
    const elapsedMs = this.elapsedMs();
    const withinMs = Math.max(2 * elapsedMs, this.stragglersWithinMs);
    this.#stragglers = setTimeout(() => this.end(), withinMs - elapsedMs);
  }

  /** Ends what is under way. Nothing begins any more. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#stragglers);
    this.#underWay.forEach((controller) => controller.abort());
  }

  /** Gives work a signal that aborts after this time, or with the batch. */
  async #within<Result>(timeoutMs: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    this.#underWay.add(controller);
    try {
      return await work(controller.signal);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(controller);
    }
  }
}
