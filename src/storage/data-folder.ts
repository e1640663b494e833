import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openStore, sqliteCode, type Store } from './sqlite';

/** Another bridge works on this data folder. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse';

  constructor(
    readonly dataDir: string,
    /** Process id of the holder; null when it could not be read. */
    readonly pid: number | null,
  ) {
    super(
      `another bridge${pid === null ? '' : ` (process ${pid})`} already uses the data folder ${dataDir}: stop it first, or give this one a folder of its own (BRIDGE_DATA_DIR)`,
    );
  }
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

/** Makes the data folder when it is missing, readable by its owner only: it holds numbers and texts. */
export function makeDataFolder(dataDir: string): void {
  // One by one, from the first that is there: Node's own recursion never ends where a folder takes no folders (/proc).
  const missing: string[] = [];
  for (let folder = resolve(dataDir); !existsSync(folder); folder = dirname(folder)) {
    missing.unshift(folder);
  }
  for (const folder of missing) {
    mkdirSync(folder, { mode: 0o700 });
  }
}

/**
 * Makes a file of the data folder readable by its owner only, before anything is written to it.
 *
 * A file that is there is not opened: SQLite's locks are the process' (POSIX), and closing any descriptor of the file
 * gives them all up. A store that was closed but lives on until its statements are collected would then be taken for
 * holding the lock, and no later one in this process would get it; another process that closes the store believes
 * itself alone then and deletes the log under the writer, with all that was acknowledged since.
 */
export function makePrivateFile(path: string): void {
  if (!existsSync(path)) {
    writeFileSync(path, '', { flag: 'a', mode: 0o600 });
  }
  if (process.platform !== 'win32') {
    chmodSync(path, 0o600);
  }
}

/**
 * "One process at a time" for a part of the data folder.
 *
 * Node has no flock, so the lock is SQLite's own exclusive lock on an empty file: the system drops it when the process
 * ends, however it ends, so that a `kill -9` leaves nothing to clean up. The holder's process id stands in a file
 * beside it, for the message only. Not guaranteed on network file systems without working locks.
 */
export class DataFolderLock {
  readonly #store: Store;
  readonly #pidFile: string;

  private constructor(store: Store, pidFile: string) {
    this.#store = store;
    this.#pidFile = pidFile;
  }

  /**
   * @param part what is locked: `inbox` gives `inbox.lock` and `inbox.pid`.
   * @throws DataFolderInUse when another process (or another part of this one) holds it.
   */
  static take(dataDir: string, part: string): DataFolderLock {
    makeDataFolder(dataDir);
    const pidFile = join(dataDir, `${part}.pid`);
    // No waiting: the holder keeps it for its whole life.
    const store = openStore(join(dataDir, `${part}.lock`), 0);
    try {
      store.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      store.close();
      throw sqliteCode(error) === 'SQLITE_BUSY' ? new DataFolderInUse(dataDir, readPid(pidFile)) : error;
    }
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return new DataFolderLock(store, pidFile);
  }

  /** Gives the lock back. Safe to call twice. */
  release(): void {
    if (this.#store.open) {
      rmSync(this.#pidFile, { force: true });
      this.#store.close();
    }
  }
}
