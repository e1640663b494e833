import { existsSync, statSync } from 'node:fs';
import { openDatabase, type Database } from './sqlite';

/** How often the file is checked for a replacement (its writer sets a damaged file aside). */
const CHECK_EVERY_MS = 1_000;

/**
 * Reads a database that another process or thread writes. It is opened once it exists, and again when its writer has
 * replaced the file.
 */
export class ReopeningDatabase {
  #database: Database | null = null;
  #inode = 0;
  #checkedAt = 0;

  /**
   * @param isReady checks a database that was just opened; false while its writer has not created the tables yet. Its
   *   errors are passed on.
   * @param onClosed called when what was read from the file before may no longer be true.
   */
  constructor(
    private readonly path: string,
    private readonly isReady: (database: Database) => boolean,
    private readonly onClosed: () => void = () => undefined,
  ) {}

  /** The open database; null while there is none. */
  current(): Database | null {
    if (this.#database !== null && performance.now() - this.#checkedAt < CHECK_EVERY_MS) {
      return this.#database;
    }
    this.#checkedAt = performance.now();
    const inode = existsSync(this.path) ? statSync(this.path).ino : 0;
    if (this.#database !== null && inode === this.#inode) {
      return this.#database;
    }
    this.close();
    if (inode === 0) {
      return null;
    }
    const database = openDatabase(this.path);
    try {
      if (!this.isReady(database)) {
        database.close();
        return null;
      }
    } catch (error) {
      database.close();
      throw error;
    }
    database.exec('PRAGMA query_only = 1');
    this.#database = database;
    this.#inode = inode;
    return database;
  }

  close(): void {
    if (this.#database !== null) {
      this.#database.close();
      this.#database = null;
      this.onClosed();
    }
  }
}
