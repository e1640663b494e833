import { StartError } from '../errors/start-errors';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataFolder } from './private-folder';
import { openDatabase, sqliteCode, type Database } from './sqlite';

/** Another bridge uses this data folder. */
export class DataFolderInUse extends StartError {
  override readonly name = 'DataFolderInUse';
  readonly code = 'data_folder_in_use';

  constructor(
    readonly dataDir: string,
    /** Process id of that bridge; null when it could not be read. */
    readonly pid: number | null,
  ) {
    super(
      `another bridge${pid === null ? '' : ` (process ${pid})`} already uses the data folder ${dataDir}: stop it first, or give this bridge another folder (BRIDGE_DATA_DIR)`,
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

/**
 * Creates a file of the data folder that only its owner can read, before anything is written to it.
 *
 * An existing file is never opened here. SQLite's locks belong to the process (POSIX), and closing any descriptor of the
 * file releases all of them. Another process that then closes the database takes itself for the last one, and deletes
 * the log while the writer uses it, with every event acknowledged since.
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
 * A lock that lets one process at a time use a part of the data folder.
 *
 * Node has no flock, so it is SQLite's exclusive lock on an empty file. The system releases it when the process ends,
 * however it ends, so that `kill -9` leaves nothing to clean up. The holder's process id is in a file beside it, for the
 * error message only.
 *
 * Not guaranteed: exclusion on network file systems without working locks.
 */
export class DataFolderLock {
  readonly #database: Database;
  readonly #pidFile: string;

  private constructor(database: Database, pidFile: string) {
    this.#database = database;
    this.#pidFile = pidFile;
  }

  /**
   * @param part the name of the part: `inbox` gives `inbox.lock` and `inbox.pid`.
   * @throws DataFolderInUse when another process (or another part of this one) holds it; DataFolderUnsafe.
   */
  static acquire(dataDir: string, part: string): DataFolderLock {
    openDataFolder(dataDir);
    const pidFile = join(dataDir, `${part}.pid`);
    const lockFile = join(dataDir, `${part}.lock`);
    makePrivateFile(lockFile);
    // Without waiting: the holder keeps it as long as it runs.
    const database = openDatabase(lockFile, 0);
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      throw sqliteCode(error) === 'SQLITE_BUSY' ? new DataFolderInUse(dataDir, readPid(pidFile)) : error;
    }
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return new DataFolderLock(database, pidFile);
  }

  /** Releases the lock. Safe to call twice. */
  release(): void {
    if (this.#database.open) {
      rmSync(this.#pidFile, { force: true });
      this.#database.close();
    }
  }
}
