import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { makePrivateFile } from '../../storage/data-folder';
import { RunLogReader } from '../../dispatch/run-log';
import { INBOX_FILE, INBOX_SCHEMA, prepareArchive } from './schema';
import {
  all,
  blobOf,
  inTransaction,
  isCorruption,
  one,
  oneNumber,
  openDatabase,
  prepare,
  type Bound,
  type Database,
} from '../../storage/sqlite';

/** Above this size the check after an unclean end reads the newest events only: a full check would delay the start. */
const FULL_CHECK_BYTES = 256 * 1_048_576;

/** How many events that shorter check reads. */
const CHECKED_EVENTS = 1_000;

/** How many rows the rescue looks up one by one at most; far more than the retention keeps. */
const MAX_LOOKUPS = 5_000_000;

/** Rows that the rescue copies in one transaction. */
const SLICE_ROWS = 500;

/** A damaged file that was set aside. */
export interface SetAside {
  /** Where the damaged file is now. */
  path: string;
  /** How many events were readable and are in the new file. */
  rescued: number;
}

/**
 * Whether the file is damaged. After a clean end nothing is read; otherwise SQLite's quick_check runs, up to
 * {@link FULL_CHECK_BYTES}. SQLite itself survives `kill -9` and power loss; this finds torn and overwritten files.
 *
 * Not found: damage that keeps the file's structure, inside a body for example.
 */
export function isDamaged(path: string): boolean {
  if (!existsSync(path) || statSync(path).size === 0) {
    return false;
  }
  let database: Database | null = null;
  try {
    database = openDatabase(path);
    const version = oneNumber(database, 'PRAGMA user_version');
    if (
      version === 0 ||
      version > INBOX_SCHEMA ||
      oneNumber(database, "SELECT value FROM meta WHERE name = 'clean'") === 1
    ) {
      return false;
    }
    if (statSync(path).size > FULL_CHECK_BYTES) {
      all(prepare(database, 'SELECT * FROM events ORDER BY seq DESC LIMIT ?'), [CHECKED_EVENTS]);
      return false;
    }
    const [verdict] = all(prepare(database, 'PRAGMA quick_check(1)'));
    return !z.object({ quick_check: z.literal('ok') }).safeParse(verdict).success;
  } catch (error) {
    if (isCorruption(error)) {
      return true;
    }
    throw error;
  } finally {
    database?.close();
  }
}

/** The name in `meta` of a rebuilt file: it lacks events that the damaged file had. */
export const REBUILT = 'rebuilt';

const BUILDING = '.new';
const COPY = '.copy';

/**
 * Makes a new file of the readable rows of a damaged one, and renames the damaged one (`inbox.db.corrupt-<time>`).
 * Events keep their `seq`, plans their ids. After `kill -9` at any moment either the damaged file is still in its place,
 * or {@link finishSetAside} completes the work.
 */
export function setAside(path: string, dataDir: string, now: Date): SetAside {
  const aside = `${path}.corrupt-${now.toISOString().replace(/[:.]/g, '-')}`;
  const building = `${path}${BUILDING}`;
  removeStore(building);
  makePrivateFile(building);
  const fresh = openDatabase(building);
  let rescued: number;
  try {
    prepareArchive(fresh, building);
    startSequenceAfterDispatched(fresh, dataDir);
    prepare(fresh, 'INSERT INTO meta (name, value) VALUES (?, 1)').run([REBUILT]);
    rescued = rescue(path, fresh);
    startPlansAfterKnown(fresh);
    fresh.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    fresh.close();
  }
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) {
      renameSync(path + suffix, aside + suffix);
    }
  }
  finishSetAside(path);
  return { path: aside, rescued };
}

/** Moves a rebuilt file into place when the damaged file is out of the way. */
export function finishSetAside(path: string): void {
  if (!existsSync(path) && existsSync(`${path}${BUILDING}`)) {
    // SQLite must not read the log of the damaged file as the log of the new one.
    removeStore(path);
    // A copy, not the file itself: SQLite shares state between connections by inode, and libsql closes a connection only
    // when it is garbage-collected. That connection would share its log index with the next one in this process, but not
    // with other processes.
    copyFileSync(`${path}${BUILDING}`, `${path}${COPY}`);
    syncFile(`${path}${COPY}`);
    renameSync(`${path}${COPY}`, path);
  }
  // Or what an interrupted rebuild left.
  removeStore(`${path}${BUILDING}`);
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function removeStore(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(path + suffix, { force: true });
  }
}

/**
 * Makes a new file number its events after the last one in the run log: an event below the run log's watermark would
 * never be dispatched.
 */
export function startSequenceAfterDispatched(database: Database, dataDir: string): void {
  const log = new RunLogReader(dataDir);
  let greatest = 0;
  try {
    greatest = log.greatestSeq();
  } catch (error) {
    // The dispatcher sets a damaged run log aside and starts a new one at 0.
    if (!isCorruption(error)) {
      throw error;
    }
  } finally {
    log.close();
  }
  startSequenceAt(database, 'events', greatest);
}

/** A new plan must not get the id of a lost one: its events would run the wrong plan. */
function startPlansAfterKnown(database: Database): void {
  startSequenceAt(database, 'plans', oneNumber(database, 'SELECT max(plan) FROM events'));
}

/** Makes a table number its next row above `least`. */
function startSequenceAt(database: Database, table: string, least: number): void {
  if (oneNumber(database, 'SELECT seq FROM sqlite_sequence WHERE name = ?', [table]) >= least) {
    return;
  }
  inTransaction(database, () => {
    prepare(database, 'DELETE FROM sqlite_sequence WHERE name = ?').run([table]);
    prepare(database, 'INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run([table, least]);
  });
}

const EVENT_COLUMNS = ['seq', 'event_id', 'type', 'received_at', 'plan', 'bytes', 'content_type', 'head', 'body'];
const TABLES: readonly { table: string; key: string; columns: readonly string[] }[] = [
  { table: 'events', key: 'seq', columns: EVENT_COLUMNS },
  { table: 'plans', key: 'id', columns: ['id', 'hash', 'json'] },
  {
    table: 'quarantine',
    key: 'n',
    columns: ['n', 'id', 'received_at', 'reason', 'times', 'bytes', 'content_type', 'body'],
  },
];
const KEYLESS: readonly { table: string; columns: readonly string[] }[] = [
  { table: 'meta', columns: ['name', 'value'] },
  { table: 'fired', columns: ['twin', 'rule', 'at'] },
  { table: 'our_numbers', columns: ['number', 'learned_at'] },
  { table: 'traffic', columns: ['slot', 'type', 'direction', 'answered', 'events'] },
];

function rescue(path: string, fresh: Database): number {
  let damaged: Database;
  try {
    damaged = openDatabase(path);
  } catch {
    // Not a database at all: there is nothing to rescue.
    return 0;
  }
  try {
    for (const { table, key, columns } of TABLES) {
      copyByKey(damaged, fresh, table, key, columns);
    }
    for (const { table, columns } of KEYLESS) {
      copyUntilBroken(damaged, fresh, table, columns);
    }
  } finally {
    damaged.close();
  }
  return oneNumber(fresh, 'SELECT count(*) FROM events');
}

/** Looks up every key between the least and the greatest separately, so that a damaged page loses its own rows only. */
function copyByKey(damaged: Database, fresh: Database, table: string, key: string, columns: readonly string[]): void {
  const least = readable(() => oneNumber(damaged, `SELECT min(${key}) FROM ${table}`)) ?? 1;
  const greatest =
    readable(() => oneNumber(damaged, `SELECT max(${key}) FROM ${table}`)) ??
    readable(() => oneNumber(damaged, 'SELECT seq FROM sqlite_sequence WHERE name = ?', [table])) ??
    0;
  const last = Math.min(greatest, least + MAX_LOOKUPS);
  const sql = `SELECT ${columns.join(', ')} FROM ${table} NOT INDEXED WHERE ${key} = ?`;
  let lookup = readable(() => prepare(damaged, sql));
  for (let from = least; from <= last; from += SLICE_ROWS) {
    inTransaction(fresh, () => {
      for (let n = from; n < from + SLICE_ROWS && n <= last; n += 1) {
        const at = lookup;
        if (at === null) {
          return;
        }
        const row = readable(() => one(at, [n]) ?? 'none');
        if (row === null) {
          // A libsql statement that failed once fails every time.
          lookup = readable(() => prepare(damaged, sql));
        } else if (row !== 'none') {
          insert(fresh, table, columns, row);
        }
      }
    });
  }
}

function copyUntilBroken(damaged: Database, fresh: Database, table: string, columns: readonly string[]): void {
  inTransaction(fresh, () => {
    readable(() => {
      for (const row of prepare(damaged, `SELECT ${columns.join(', ')} FROM ${table}`).iterate([])) {
        insert(fresh, table, columns, row);
      }
    });
  });
}

function insert(fresh: Database, table: string, columns: readonly string[], row: unknown): void {
  const cells = new Map(Object.entries(z.record(z.string(), z.unknown()).parse(row)));
  const values = columns.map((column) => bindable(cells.get(column)));
  prepare(
    fresh,
    `INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  ).run(values);
}

function bindable(value: unknown): Bound {
  if (typeof value === 'string' || typeof value === 'number' || value === null || value === undefined) {
    return value ?? null;
  }
  const blob = blobOf(value);
  return blob.length === 0 ? null : blob;
}

/** The result of `read`, or null where the damaged file cannot be read. */
function readable<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) {
      return null;
    }
    throw error;
  }
}

/** The sentence for the operator. */
export function setAsideMessage(found: SetAside): string {
  return `${INBOX_FILE} was damaged: ${found.rescued} events could be read and were kept; the damaged file is ${found.path}. Events that are missing can be fetched again with "bridge backfill".`;
}
