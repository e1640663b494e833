/**
 * A sleep that {@link wake} ends early, for one sleeper at a time.
 *
 * Guarantees: a wake-up is never lost. One that comes while nobody sleeps ends the next sleep at once.
 */
export class WakeableSleep {
  #isWoken = false;
  #end: (() => void) | null = null;

  /** Sleeps for `ms` milliseconds, or until woken. */
  async sleep(ms: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#end = null;
    }
    this.#isWoken = false;
  }

  /** Ends the sleep, or the next one. */
  wake(): void {
    this.#isWoken = true;
    this.#end?.();
  }
}
