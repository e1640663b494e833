import type { ClaimAnswer, ClaimChange, ClaimEntry } from '../src/runs/run-contract';

/** Bounds of a {@link ClaimBook}. */
export interface ClaimBookLimits {
  /** Owners of all keys together. */
  owners: number;
  /** Owners of one key that are known by name; the others before them are only counted. */
  ownersOfKey: number;
}

interface Entry {
  endsAt: number;
  owners: string[];
  /** Owners before those, no longer known by name. */
  counted: number;
}

/**
 * Claims on keys: each key admits a number of owners in the time after its first claim. It works on times that it is
 * given, so that a replay gives the same answers.
 *
 * Guarantees: a key never admits more owners than a claim says; an owner that is known by name is admitted again without
 * being counted again; the size is bounded.
 */
export class ClaimBook {
  readonly #entries = new Map<string, Entry>();
  #owners = 0;

  constructor(
    entries: readonly ClaimEntry[],
    private readonly limits: ClaimBookLimits,
  ) {
    for (const [id, endsAt, owners, counted = 0] of entries) {
      this.#entries.set(id, { endsAt, owners: [...owners], counted });
      this.#owners += owners.length;
    }
  }

  /** How many owners are known by name, those of expired keys included. */
  get size(): number {
    return this.#owners;
  }

  /** Makes one change at a time, in epoch milliseconds. */
  change(change: ClaimChange, now: number): ClaimAnswer {
    if (change.do === 'release') {
      this.#release(change.id, change.owner);
      return 'released';
    }
    const current = this.#current(change.id, now);
    if (current?.owners.includes(change.owner) === true) {
      return 'claimed';
    }
    if (current !== undefined && current.counted + current.owners.length >= change.max) {
      return 'held';
    }
    if (!this.#makeRoom(now)) {
      return 'full';
    }
    const entry = current ?? { endsAt: now + change.keep_ms, owners: [], counted: 0 };
    this.#entries.set(change.id, entry);
    entry.owners.push(change.owner);
    this.#owners += 1;
    if (entry.owners.length > this.limits.ownersOfKey) {
      entry.owners.shift();
      entry.counted += 1;
      this.#owners -= 1;
    }
    return 'claimed';
  }

  /** What is in force, for a book that continues this one. */
  inForce(now: number): ClaimEntry[] {
    this.#dropExpired(now);
    return [...this.#entries].map(([id, { endsAt, owners, counted }]) =>
      counted === 0 ? [id, endsAt, owners] : [id, endsAt, owners, counted],
    );
  }

  /** The key's entry that is in force. An expired one is dropped. */
  #current(id: string, now: number): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.endsAt <= now) {
      this.#drop(id, entry);
      return undefined;
    }
    return entry;
  }

  #release(id: string, owner: string): void {
    const entry = this.#entries.get(id);
    const index = entry?.owners.indexOf(owner) ?? -1;
    if (entry === undefined || index === -1) {
      return;
    }
    entry.owners.splice(index, 1);
    this.#owners -= 1;
    if (entry.owners.length === 0 && entry.counted === 0) {
      this.#entries.delete(id);
    }
  }

  #makeRoom(now: number): boolean {
    if (this.#owners >= this.limits.owners) {
      this.#dropExpired(now);
    }
    return this.#owners < this.limits.owners;
  }

  #dropExpired(now: number): void {
    for (const [id, entry] of this.#entries) {
      if (entry.endsAt <= now) {
        this.#drop(id, entry);
      }
    }
  }

  #drop(id: string, entry: Entry): void {
    this.#entries.delete(id);
    this.#owners -= entry.owners.length;
  }
}
