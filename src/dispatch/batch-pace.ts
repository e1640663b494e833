import type { FormedBatch } from './batch-former';
import type { RunSlots } from './run-slots';

/** Batches in flight of which none ends within this time wait for something, such as a provider that hangs. */
const PROGRESS_WITHIN_MS = 1_000;

/**
 * The pace of the batches in flight, and what follows from it for the events that wait.
 *
 * Batches make progress when one ended, or the first of several began, within the last second. Then what waits is worth
 * holding for the next batch: a run of its own costs an event about ten times the processor time. Batches without
 * progress hold up nothing.
 */
export class BatchPace {
  #progressAt = -Infinity;

  /** @param slots those of the batches in flight. */
  constructor(private readonly slots: RunSlots) {}

  /** A batch of so many events begins. */
  begin(batchId: string, events: number): void {
    if (this.slots.inUse === 0) {
      this.#progressAt = performance.now();
    }
    this.slots.acquire(batchId, events);
  }

  /** A batch ended. Nothing changes for one that is not in flight. */
  end(batchId: string): void {
    if (this.slots.release(batchId)) {
      this.#progressAt = performance.now();
    }
  }

  get areProgressing(): boolean {
    return this.progressingForMs > 0;
  }

  /** For how long batches count as making progress if none ends; 0 or less when they make none. Milliseconds. */
  get progressingForMs(): number {
    return this.#progressAt + PROGRESS_WITHIN_MS - performance.now();
  }

  /** Whether a batch may be formed of the events that wait. @param freeSlots how many of them may be started alone. */
  isBacklog(waiting: number, freeSlots: number): boolean {
    return this.areProgressing || (!this.slots.areFull && waiting > freeSlots);
  }

  /**
   * What happens to a batch that may be formed.
   * @returns `alone` when its first event gets a run of its own; `hold` when its events wait until a batch in flight ends,
   * and for a second at the most.
   */
  next({ isFull, isTooSmall }: Pick<FormedBatch<never>, 'isFull' | 'isTooSmall'>): 'start' | 'hold' | 'alone' {
    const mayHold = this.areProgressing && this.slots.inUse > 0;
    if (isTooSmall) {
      return mayHold && !isFull ? 'hold' : 'alone';
    }
    if (mayHold && (this.slots.areFull || !isFull)) {
      return 'hold';
    }
    return this.slots.areFull ? 'alone' : 'start';
  }
}
