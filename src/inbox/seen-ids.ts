/**
 * Beyond so many ids nothing is remembered: every id may be known then, and is looked up. Eight to sixteen bytes each.
 */
const MOST = 8_000_000;
const FEWEST_SLOTS = 4_096;

/** The hashes of a set of ids, as they travel between threads. */
export interface IdHashes {
  slots: Uint32Array<ArrayBuffer>;
  count: number;
}

/**
 * Remembers of which event ids the inbox may have an event, in little memory, so that a new event (nearly every one)
 * needs no look into the store. Nothing is ever taken out: an id that the retention dropped is looked up in vain.
 */
export class KnownIds {
  #slots: Uint32Array<ArrayBuffer>;
  #count: number;

  constructor(hashes: IdHashes = { slots: new Uint32Array(FEWEST_SLOTS), count: 0 }) {
    this.#slots = hashes.slots;
    this.#count = hashes.count;
  }

  /** The set as it can be handed to another thread. */
  hashes(): IdHashes {
    return { slots: this.#slots, count: this.#count };
  }

  /** False: certainly not added. True: almost certainly added. */
  mayHave(id: string): boolean {
    return this.#count >= MOST || this.#slots[this.#slotOf(hashOf(id))] !== 0;
  }

  add(id: string): void {
    if (this.#count >= MOST) {
      return;
    }
    if (this.#count * 2 >= this.#slots.length) {
      this.#grow();
    }
    this.#put(hashOf(id));
  }

  #put(hash: number): void {
    const slot = this.#slotOf(hash);
    if (this.#slots[slot] === 0) {
      this.#slots[slot] = hash;
      this.#count += 1;
    }
  }

  /** Where the hash stands, or the free slot where it belongs. */
  #slotOf(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let held = this.#slots[slot]; held !== 0 && held !== hash; held = this.#slots[slot]) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    this.#count = 0;
    for (const hash of before) {
      if (hash !== 0) {
        this.#put(hash);
      }
    }
  }
}

/** FNV-1a with a last mixing, since the low bits choose the slot. Never 0, which marks a free slot. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0 || 1;
}
