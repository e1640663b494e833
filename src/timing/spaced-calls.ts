/**
 * Calls a function soon after it is wanted, and again only after a pause: what is wanted meanwhile is one call.
 *
 * Guarantees: a call begins after each {@link want}, never inside it, and one call at a time. Not guaranteed: when, if
 * `call` never reports its end.
 */
export class SpacedCalls {
  #isBusy = false;
  #isWanted = false;

  /**
   * @param call reports its end by `done`, once.
   * @param pauseMs from the end of a call to the beginning of the next.
   */
  constructor(
    private readonly call: (done: () => void) => void,
    private readonly pauseMs: number,
  ) {}

  /** Asks for a call. */
  want(): void {
    this.#isWanted = true;
    if (!this.#isBusy) {
      this.#isBusy = true;
      // What is going on in this turn of the event loop is finished first.
      setImmediate(() => this.#begin());
    }
  }

  #begin(): void {
    this.#isWanted = false;
    this.call(() => setTimeout(() => this.#endPause(), this.pauseMs).unref());
  }

  #endPause(): void {
    this.#isBusy = this.#isWanted;
    if (this.#isWanted) {
      this.#begin();
    }
  }
}
