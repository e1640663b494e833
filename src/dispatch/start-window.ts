/**
 * Starts in progress at a time. A single start waits for the server's disk most of the time; with many, later events
 * would overtake earlier ones by far.
 */
const MAX_IN_PROGRESS = 8;

/** The place of an event in the inbox. */
export interface Place {
  readonly seq: number;
  readonly event_id: string;
}

/** A start that was begun: of one event, or of the events of a batch, in the order of the inbox. */
export interface Start {
  readonly events: readonly Place[];
}

/**
 * Follows the dispatcher through the inbox while several starts are in progress at a time and end in any order: what to
 * read next, what is started already, and up to where everything is started.
 *
 * A batch may contain events that come after some that are not begun yet.
 */
export class StartWindow {
  /** Everything up to here was read from the inbox and begun. */
  #cursor = 0;
  /** Events after the watermark that are known to be started. */
  #started = new Set<number>();
  /** Events of starts that the watermark has not passed, in the order of the inbox. */
  #begun: { seq: number; start: Start; isDone: boolean }[] = [];
  /** Starts without an answer. */
  readonly #inProgress = new Set<Start>();

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
    for (const { events } of this.#inProgress) {
      if (events.some(({ event_id }) => event_id === eventId)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the event is started, or its start in progress. */
  isBegun(seq: number): boolean {
    return this.#started.has(seq) || this.#begun.some((begun) => begun.seq === seq);
  }

  /** Moves past an event that is begun. */
  pass(seq: number): void {
    this.#cursor = Math.max(this.#cursor, seq);
  }

  /** Begins a start. @returns it, without the events that are begun already; null when none is left. */
  begin(events: readonly Place[]): Start | null {
    const start = { events: events.filter(({ seq }) => !this.isBegun(seq)) };
    if (start.events.length === 0) {
      return null;
    }
    this.#begun.push(...start.events.map(({ seq }) => ({ seq, start, isDone: false })));
    this.#begun.sort((one, other) => one.seq - other.seq);
    this.#inProgress.add(start);
    return start;
  }

  /** The start was answered. @param isDone false when it failed and is to be repeated. */
  end(start: Start, isDone: boolean): void {
    this.#inProgress.delete(start);
    for (const begun of this.#begun) {
      if (begun.start === start) {
        begun.isDone = isDone;
      }
    }
  }

  /** Moves past an event that is never started. @returns false when that is known already. */
  skip(seq: number): boolean {
    this.pass(seq);
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
    for (const { seq, isDone } of this.#begun.splice(failed)) {
      if (isDone) {
        this.#started.add(seq);
      } else {
        this.#cursor = Math.min(this.#cursor, seq - 1);
      }
    }
  }

  /** The new watermark: every event up to it is started. Null when there is no new one. */
  watermark(): number | null {
    const undone = this.#begun.findIndex(({ seq, isDone }) => !isDone || seq > this.#cursor);
    return this.#begun[(undone === -1 ? this.#begun.length : undone) - 1]?.seq ?? null;
  }

  /** The watermark is recorded: what is below it is forgotten. */
  passWatermark(watermark: number): void {
    this.#begun = this.#begun.filter(({ seq }) => seq > watermark);
    // In their order but for a few, which stay a little longer.
    for (const seq of this.#started) {
      if (seq > watermark) {
        return;
      }
      this.#started.delete(seq);
    }
  }
}
