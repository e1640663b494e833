import { existsSync, statSync } from 'node:fs';
import { openStore, type Store } from './sqlite';

/** How often it is looked whether the file was replaced under its name (a damaged one set aside by its writer). */
const LOOK_AGAIN_MS = 1_000;

/** A store that another process or thread writes, and may replace, read only. */
export class FollowedStore {
  #store: Store | null = null;
  #inode = 0;
  #lookedAt = 0;

  /**
   * @param isReady looks at a store that was just opened; false when its writer is about to make its tables. What it
   *   throws is thrown on.
   * @param onClosed what was read of the file before is no longer so.
   */
  constructor(
    private readonly path: string,
    private readonly isReady: (store: Store) => boolean,
    private readonly onClosed: () => void = () => undefined,
  ) {}

  /** The store as it is now; null while there is none. */
  current(): Store | null {
    if (this.#store !== null && performance.now() - this.#lookedAt < LOOK_AGAIN_MS) {
      return this.#store;
    }
    this.#lookedAt = performance.now();
    const inode = existsSync(this.path) ? statSync(this.path).ino : 0;
    if (this.#store !== null && inode === this.#inode) {
      return this.#store;
    }
    this.close();
    if (inode === 0) {
      return null;
    }
    const store = openStore(this.path);
    try {
      if (!this.isReady(store)) {
        store.close();
        return null;
      }
    } catch (error) {
      store.close();
      throw error;
    }
    store.exec('PRAGMA query_only = 1');
    this.#store = store;
    this.#inode = inode;
    return store;
  }

  close(): void {
    if (this.#store !== null) {
      this.#store.close();
      this.#store = null;
      this.onClosed();
    }
  }
}
