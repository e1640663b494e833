/**
 * The end of the current turn of the event loop: when what was ready to be read has been read. All who wait in one turn go
 * on one after another.
 *
 * It bundles short pieces of work of one kind. Code and data stay in the processor's caches then, and so each piece takes
 * less time than between others.
 */
export class TurnEnd {
  #next: Promise<void> | null = null;

  /** Resolves at the end of this turn; in the same turn, waiters go on in the order in which they came. */
  reached(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#next = null;
        resolve();
      });
    });
    return this.#next;
  }
}
