/** More names are not remembered. */
const MAX_NAMES = 1_000;

/** Decides how often a line about the same thing is written. */
export class RareLines {
  readonly #seen = new Map<string, { writtenAt: number; since: number }>();

  /** @param everyMs the time between two lines about one name. */
  constructor(private readonly everyMs: number) {}

  /**
   * Counts one occurrence.
   * @param now milliseconds.
   * @returns how often it occurred since its last line, with this one, when a line is due; null when it is not.
   */
  count(name: string, now: number): number | null {
    const seen = this.#seen.get(name);
    const since = (seen?.since ?? 0) + 1;
    // A clock that was set back does not silence the lines.
    if (seen !== undefined && now >= seen.writtenAt && now - seen.writtenAt < this.everyMs) {
      seen.since = since;
      return null;
    }
    if (this.#seen.size >= MAX_NAMES) {
      this.#seen.clear();
    }
    this.#seen.set(name, { writtenAt: now, since: 0 });
    return since;
  }
}
