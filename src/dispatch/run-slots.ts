/**
 * The runs in flight: a bounded number of slots, one per run. A run keeps its slot until it ends or waits (for a retry,
 * a parked connection, a recording).
 */
export class RunSlots {
  /** The event ids of runs in flight, each with the timer after which the run is taken to be waiting. */
  readonly #timers = new Map<string, NodeJS.Timeout>();

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

  get areFull(): boolean {
    return this.#timers.size >= this.maxInFlight;
  }

  /** Gives a run a slot. */
  acquire(eventId: string): void {
    this.#timers.set(
      eventId,
      setTimeout(() => this.release(eventId), this.waitingAfterMs),
    );
  }

  /** Releases a run's slot, if it has one. */
  release(eventId: string): void {
    const timer = this.#timers.get(eventId);
    if (timer !== undefined) {
      clearTimeout(timer);
      this.#timers.delete(eventId);
      this.onReleased();
    }
  }

  releaseAll(): void {
    for (const eventId of this.#timers.keys()) {
      this.release(eventId);
    }
  }
}
