/**
 * The runs in flight: a bounded number of slots, one per run or batch. A run keeps its slot until it ends or waits (for a
 * retry, a parked connection, a recording).
 */
export class RunSlots {
  /** The workflow ids of runs in flight, each with the timer after which the run is taken to be waiting. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** How many events each of them handles. */
  readonly #events = new Map<string, number>();

  /**
   * @param maxInFlight how many slots there are.
   * @param waitingAfterMs a run that has not ended by then is taken to be waiting, and its slot is released.
   * @param onReleased called whenever a slot becomes free.
   */
  constructor(
    private readonly maxInFlight: number,
    private readonly waitingAfterMs: number,
    private readonly onReleased: () => void,
  ) {}

  /** How many runs are in flight. */
  get inUse(): number {
    return this.#timers.size;
  }

  /** How many events the runs in flight handle. */
  get events(): number {
    return [...this.#events.values()].reduce((sum, events) => sum + events, 0);
  }

  get free(): number {
    return Math.max(0, this.maxInFlight - this.#timers.size);
  }

  get areFull(): boolean {
    return this.free === 0;
  }

  /** Gives a run a slot. @param events how many events it handles. */
  acquire(workflowId: string, events = 1): void {
    clearTimeout(this.#timers.get(workflowId));
    this.#events.set(workflowId, events);
    this.#timers.set(
      workflowId,
      setTimeout(() => this.release(workflowId), this.waitingAfterMs),
    );
  }

  /** Releases a run's slot. @returns false when it has none. */
  release(workflowId: string): boolean {
    const timer = this.#timers.get(workflowId);
    if (timer === undefined) {
      return false;
    }
    clearTimeout(timer);
    this.#timers.delete(workflowId);
    this.#events.delete(workflowId);
    this.onReleased();
    return true;
  }

  releaseAll(): void {
    for (const workflowId of this.#timers.keys()) {
      this.release(workflowId);
    }
  }
}
