/** Bounds of neighbouring buckets differ by this factor, so that a percentile is at most 5 % too high. */
const GROWTH = 1.05;

/** How long something took, in milliseconds. Percentiles are at most 5 % too high. */
export interface LatencySummary {
  p50_ms: number;
  p95_ms: number;
  max_ms: number;
}

/** Collects durations in a bounded space. */
export class Latencies {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #max = 0;

  add(ms: number): void {
    const bounded = Math.max(1, ms);
    const bucket = Math.ceil(Math.log(bounded) / Math.log(GROWTH));
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#max = Math.max(this.#max, bounded);
  }

  /** Null without any. */
  summary(): LatencySummary | null {
    return this.#count === 0
      ? null
      : { p50_ms: this.#percentile(0.5), p95_ms: this.#percentile(0.95), max_ms: Math.round(this.#max) };
  }

  #percentile(share: number): number {
    let left = share * this.#count;
    for (const [bucket, count] of [...this.#buckets].sort(([one], [other]) => one - other)) {
      left -= count;
      if (left <= 0) {
        return Math.round(Math.min(this.#max, GROWTH ** bucket));
      }
    }
    return Math.round(this.#max);
  }
}
