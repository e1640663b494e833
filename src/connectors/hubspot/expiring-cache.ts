/** What a cache may hold, and for how long. */
export interface CacheBounds {
  entries: number;
  ttlMs: number;
}

/** Remembers values for a time, at most so many: the one set longest ago goes first. */
export class ExpiringCache<Value> {
  readonly #entries = new Map<string, { value: Value; expires: number }>();

  constructor(
    private readonly bounds: CacheBounds,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      return undefined;
    }
    if (entry.expires <= this.now()) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry.value;
  }

  /** @param ttlMs instead of the cache's own. */
  set(key: string, value: Value, ttlMs: number = this.bounds.ttlMs): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expires: this.now() + ttlMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.bounds.entries) {
        return;
      }
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
