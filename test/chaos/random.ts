/**
 * Chance that can be had again: the same seed gives the same events, order and kills. What processes make of the moment
 * they are killed at is not ours to repeat.
 */

/** Printed at the start; `CHAOS_SEED=...` gives the same again. */
export const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000_000);

/** A source of chance (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** @throws RangeError when there is nothing to pick. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) {
      throw new RangeError('nothing to pick');
    }
    return item;
  }

  /** A UUID of version 4. */
  uuid(): string {
    const hex = Array.from({ length: 32 }, (_, at) =>
      at === 12 ? '4' : at === 16 ? this.pick(['8', '9', 'a', 'b']) : this.whole(0, 15).toString(16),
    ).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}
