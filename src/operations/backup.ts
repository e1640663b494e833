import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  closeSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { DataFolderLock, makePrivateFile } from '../storage/data-folder';
import {
  all,
  change,
  inTransaction,
  one,
  oneNumber,
  openDatabase,
  prepare,
  blobOf,
  type Database,
} from '../storage/sqlite';

/** The mark of a backup file (`PRAGMA application_id`). */
const APPLICATION_ID = 0x42726467;
/** A bridge restores the formats up to its own. 2 has files beside the databases. */
const FORMAT = 2;
const TABLES = `
  CREATE TABLE files (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE parts (name TEXT NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (name, n));
  CREATE TABLE about (made_at INTEGER NOT NULL);
`;
const PART_BYTES = 8 * 1_048_576;
const COPIED_WITHIN_MS = 120_000;

/** The embedded Temporal's database. Its schema is in a dialect that our SQLite cannot write, so it is copied as a file. */
const TEMPORAL = 'temporal.db';
const TEMPORAL_LOG = 'temporal.db-wal';

/** Files that are replaced as a whole, so that each read gets one version: the webhook secret, the progress of backfill. */
const PLAIN_FILES = ['webhook.secret', 'backfill.json'] as const;

/**
 * What is copied of a data folder, in this order. A copy may be older than those after it, never newer: an event that the
 * run log does not know yet is started again, and Temporal, copied last, knows its run. The other way round the run log
 * would take the next events for started; so would backfill and alerts for read and told.
 */
const COPIED = [
  ...PLAIN_FILES,
  'alerts.db',
  'operations.db',
  'dispatch.db',
  'effects.db',
  'inbox.db',
  TEMPORAL,
] as const;
type Copied = (typeof COPIED)[number];

const fileRow = z.object({
  name: z.enum([...COPIED, TEMPORAL_LOG]),
  bytes: z.int().nonnegative(),
  sha256: z.string(),
});
const partRow = z.object({ data: z.unknown(), bytes: z.int().max(PART_BYTES) });

/** What a backup has. */
export interface Backup {
  made_at: string;
  files: { name: string; bytes: number }[];
}

/**
 * Copies the databases of a data folder, its webhook secret and the progress of backfill into one file, while a bridge may
 * run. It holds personal data and the secret; only its owner can read it.
 *
 * Guarantees: each file is copied as it was at one moment, and the copies fit together. The file has its name only
 * when it is complete.
 *
 * @throws WrongUse when there is nothing to copy, or the file exists; OperationFailed when it cannot be written.
 */
export function backUp(dataDir: string, file: string): Backup {
  if (existsSync(file)) {
    throw new WrongUse(`${file} exists already: give the backup another name`);
  }
  const present = COPIED.filter((name) => existsSync(join(dataDir, name)));
  if (!present.includes('inbox.db')) {
    throw new WrongUse(`the data folder ${dataDir} has no inbox: is BRIDGE_DATA_DIR right?`);
  }
  const work = mkdtempSync(join(dirname(file), '.bridge-backup-'));
  const incomplete = join(work, 'backup');
  try {
    makePrivateFile(incomplete);
    const target = openDatabase(incomplete);
    try {
      target.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT}; ${TABLES}`);
      change(prepare(target, 'INSERT INTO about (made_at) VALUES (?)'), [Date.now()]);
      const files = present.flatMap((name) => copyInto(target, dataDir, name, work));
      target.close();
      renameSync(incomplete, file);
      return { made_at: new Date().toISOString(), files };
    } finally {
      if (target.open) {
        target.close();
      }
    }
  } catch (error) {
    throw error instanceof WrongUse
      ? error
      : new OperationFailed(`the backup could not be written: ${error instanceof Error ? error.message : 'unknown'}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The files have their names only when all of them are complete. */
const INCOMPLETE = '.restoring';

/**
 * Writes a backup into an empty data folder, which no bridge can use meanwhile.
 *
 * The file is not trusted: only the files of a bridge are taken from it, in tables, and no more bytes than it has itself.
 * When it cannot be restored the folder is empty again. Not guaranteed: anything about what the files say. A bridge that
 * is started with them does what their events and jobs ask for.
 *
 * @throws WrongUse when the folder is not empty, or the file is no backup; OperationFailed when the file is damaged;
 *   DataFolderUnsafe; DataFolderInUse.
 */
export function restore(file: string, dataDir: string): Backup {
  if (!existsSync(file)) {
    throw new WrongUse(`there is no file ${file}`);
  }
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new WrongUse(
      `the data folder ${dataDir} is not empty: a backup is restored into an empty one. Move it away, or set BRIDGE_DATA_DIR`,
    );
  }
  const source = openBackup(file);
  let lock: DataFolderLock;
  try {
    lock = DataFolderLock.acquire(dataDir, 'inbox');
  } catch (error) {
    source.close();
    throw error;
  }
  try {
    const files = all(prepare(source, 'SELECT name, bytes, sha256 FROM files LIMIT ?'), [COPIED.length + 2]).map(
      (row) => fileRow.parse(row),
    );
    if (files.reduce((sum, { bytes }) => sum + bytes, 0) > statSync(file).size) {
      throw new RangeError('more than the backup has');
    }
    for (const entry of files) {
      copyOut(source, entry, join(dataDir, entry.name + INCOMPLETE));
    }
    for (const { name } of files) {
      renameSync(join(dataDir, name + INCOMPLETE), join(dataDir, name));
    }
    const madeAt = new Date(oneNumber(source, 'SELECT made_at FROM about')).toISOString();
    return { made_at: madeAt, files: files.map(({ name, bytes }) => ({ name, bytes })) };
  } catch (error) {
    // A folder with half of a backup must not be started. The folder itself may be a volume, or a link.
    readdirSync(dataDir).forEach((name) => rmSync(join(dataDir, name), { recursive: true, force: true }));
    throw error instanceof OperationFailed
      ? error
      : new OperationFailed(
          isDiskError(error)
            ? `the backup cannot be written to ${dataDir} (${error.code})`
            : 'the backup is damaged: what it holds is not what a bridge writes',
        );
  } finally {
    source.close();
    lock.release();
  }
}

/** Node's own errors have a code such as ENOSPC. */
function isDiskError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

function openBackup(file: string): Database {
  // SQLite would wait for the writer of a FIFO, and write beside a device.
  if (!statSync(file).isFile()) {
    throw new WrongUse(`${file} is not a file`);
  }
  const database = openDatabase(file);
  try {
    const isBackup =
      oneNumber(database, 'PRAGMA application_id') === APPLICATION_ID &&
      // A view can have rows without end.
      oneNumber(database, "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')") === 0 &&
      // A computed column can be of any size.
      oneNumber(
        database,
        'SELECT count(*) FROM sqlite_schema AS s, pragma_table_xinfo(s.name) AS c WHERE c.hidden <> 0',
      ) === 0;
    const format = oneNumber(database, 'PRAGMA user_version');
    if (!isBackup || format > FORMAT) {
      throw new WrongUse(
        isBackup
          ? `${file} was made by a newer bridge: restore it with that version`
          : `${file} is not a backup of the bridge`,
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error instanceof WrongUse ? error : new WrongUse(`${file} is not a backup of the bridge`);
  }
}

/** Copies a file or a database. @returns the files that it consists of. */
function copyInto(target: Database, dataDir: string, name: Copied, work: string): Backup['files'] {
  if (PLAIN_FILES.some((plain) => plain === name)) {
    copyFileSync(join(dataDir, name), join(work, name));
    return [{ name, bytes: addFile(target, name, join(work, name)) }];
  }
  const files = name === TEMPORAL ? [TEMPORAL, TEMPORAL_LOG] : [name];
  const source = openDatabase(join(dataDir, name));
  try {
    if (name === TEMPORAL) {
      // Nobody writes while the lock is held, so that the file and its log fit together.
      source.exec('BEGIN IMMEDIATE');
      copyFiles(files.map((file) => ({ from: join(dataDir, file), to: join(work, file) })));
      source.exec('ROLLBACK');
    } else {
      source.exec(`VACUUM INTO '${join(work, name).replaceAll("'", "''")}'`);
    }
  } finally {
    source.close();
  }
  return files
    .filter((file) => existsSync(join(work, file)))
    .map((file) => ({ name: file, bytes: addFile(target, file, join(work, file)) }));
}

/**
 * Copies files in another process. To close a file of SQLite's in this process would release the locks that SQLite holds
 * on it (POSIX).
 */
function copyFiles(files: readonly { from: string; to: string }[]): void {
  const script =
    "const { copyFileSync, existsSync } = require('node:fs'); for (const { from, to } of JSON.parse(process.argv[1])) if (existsSync(from)) copyFileSync(from, to);";
  execFileSync(process.execPath, ['-e', script, JSON.stringify(files)], { stdio: 'ignore', timeout: COPIED_WITHIN_MS });
}

/** Adds a file to the backup, and deletes it. @returns its size. */
function addFile(target: Database, name: string, copy: string): number {
  const hash = createHash('sha256');
  const handle = openSync(copy, 'r');
  const buffer = Buffer.alloc(PART_BYTES);
  try {
    return inTransaction(target, () => {
      const insert = prepare(target, 'INSERT INTO parts (name, n, data) VALUES (?, ?, ?)');
      let bytes = 0;
      for (let n = 0; ; n += 1) {
        const read = readSync(handle, buffer, 0, PART_BYTES, null);
        if (read === 0) {
          break;
        }
        const part = Buffer.from(buffer.subarray(0, read));
        hash.update(part);
        change(insert, [name, n, part]);
        bytes += read;
      }
      change(prepare(target, 'INSERT INTO files (name, bytes, sha256) VALUES (?, ?, ?)'), [
        name,
        bytes,
        hash.digest('hex'),
      ]);
      return bytes;
    });
  } finally {
    closeSync(handle);
    rmSync(copy);
  }
}

function copyOut(source: Database, { name, bytes, sha256 }: z.infer<typeof fileRow>, path: string): void {
  makePrivateFile(path);
  const hash = createHash('sha256');
  const handle = openSync(path, 'w');
  try {
    const select = prepare(
      source,
      `SELECT length(data) AS bytes, CASE WHEN length(data) <= ${PART_BYTES} THEN data END AS data FROM parts WHERE name = ? AND n = ?`,
    );
    let left = bytes;
    for (let n = 0; ; n += 1) {
      const row = one(select, [name, n]);
      if (row === undefined) {
        break;
      }
      const data = blobOf(partRow.parse(row).data);
      left -= data.length;
      if (left < 0) {
        throw damaged(name);
      }
      hash.update(data);
      writeSync(handle, data);
    }
  } finally {
    closeSync(handle);
  }
  if (hash.digest('hex') !== sha256 || statSync(path).size !== bytes) {
    throw damaged(name);
  }
}

function damaged(name: string): OperationFailed {
  return new OperationFailed(`the backup is damaged: ${name} in it is not what was copied`);
}
