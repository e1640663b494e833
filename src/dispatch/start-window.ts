/**
 * Starts in progress at a time. A single start waits for the server's disk most of the time; with many, later events
 * would overtake earlier ones by far.
 */
const MAX_IN_PROGRESS = 8;

/** A start that was begun, in the order of the inbox. */
export interface Start {
  readonly seq: number;
  readonly eventId: string;
}

/**
 * Follows the dispatcher through the inbox while several starts are in progress at a time and end in any order: what to
 * read next, what is started already, and up to where everything is started.
 */
export class StartWindow {
  /** Everything up to here was read from the inbox. */
  #cursor = 0;
  /** Events after the watermark that are known to be started. */
  #started = new Set<number>();
  /** Starts that the watermark has not passed, in the order of the inbox. */
  #begun: { start: Start; isDone: boolean }[] = [];
  /** Event ids of starts without an answer. */
  readonly #inProgress = new Set<string>();

  /** Begins after the watermark. @param started events after it that are started already. */
  reset(watermark: number, started: ReadonlySet<number>): void {
    this.#cursor = watermark;
    this.#started = new Set(started);
  }

  /** The `seq` after which the inbox is read next. */
  get cursor(): number {
    return this.#cursor;
  }

  get isFull(): boolean {
    return this.#inProgress.size >= MAX_IN_PROGRESS;
  }

  get isIdle(): boolean {
    return this.#inProgress.size === 0;
  }

  /** Whether the start of this event has no answer yet. */
  isInProgress(eventId: string): boolean {
    return this.#inProgress.has(eventId);
  }

  /** Moves past an event. @returns its start; null when it is started already. */
  begin(seq: number, eventId: string): Start | null {
    this.#cursor = seq;
    if (this.#started.has(seq)) {
      return null;
    }
    const start = { seq, eventId };
    this.#begun.push({ start, isDone: false });
    this.#inProgress.add(eventId);
    return start;
  }

  /** The start was answered. @param isDone false when it failed and is to be repeated. */
  end(start: Start, isDone: boolean): void {
    this.#inProgress.delete(start.eventId);
    const begun = this.#begun.find((each) => each.start === start);
    if (begun !== undefined) {
      begun.isDone = isDone;
    }
  }

  /** Moves past an event that is never started. @returns false when that is known already. */
  skip(seq: number): boolean {
    this.#cursor = Math.max(this.#cursor, seq);
    const isNew = !this.#started.has(seq);
    this.#started.add(seq);
    return isNew;
  }

  /**
   * Moves back to before the oldest failed start, so that it is read again. Later events that are started stay known.
   * Call it when no start is in progress.
   */
  rewind(): void {
    const failed = this.#begun.findIndex(({ isDone }) => !isDone);
    if (failed === -1) {
      return;
    }
    for (const { start, isDone } of this.#begun.splice(failed)) {
      if (isDone) {
        this.#started.add(start.seq);
      } else {
        this.#cursor = Math.min(this.#cursor, start.seq - 1);
      }
    }
  }

  /** The new watermark: every start up to it is done. Null when there is no new one. */
  watermark(): number | null {
    const undone = this.#begun.findIndex(({ isDone }) => !isDone);
    const last = this.#begun[(undone === -1 ? this.#begun.length : undone) - 1];
    return last?.start.seq ?? null;
  }

  /** The watermark is recorded: what is below it is forgotten. */
  passWatermark(watermark: number): void {
    this.#begun = this.#begun.filter(({ start }) => start.seq > watermark);
    // In their order but for a few, which stay a little longer.
    for (const seq of this.#started) {
      if (seq > watermark) {
        return;
      }
      this.#started.delete(seq);
    }
  }
}
