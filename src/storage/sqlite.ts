import LibsqlDatabase from 'libsql';
import { statfsSync } from 'node:fs';
import { types } from 'node:util';

/** An open SQLite file. */
export type Database = LibsqlDatabase.Database;

/** A prepared statement. Bind only through {@link Bound} values. */
export type Prepared = LibsqlDatabase.Statement<[Bound[]]>;

/**
 * A value that may be bound to a statement. Deliberately narrow: libsql 0.5.29 aborts the process on a boolean. It also
 * aborts on a single Buffer, which it takes for an object of named parameters, so values are always bound as one array.
 */
export type Bound = string | number | Buffer | null;

/** A statement waits this long for the lock of another process before it fails with SQLITE_BUSY. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Pages of the write-ahead log that are copied into the database file at once: about 16 MB. A checkpoint syncs some
 * megabytes, and writers wait for it. With SQLite's default of 1,000 pages the p99 of acknowledgements at 200/s was 25 to
 * 47 ms in four rounds; with 4,000 the median of seven was 10 ms.
 */
const CHECKPOINT_PAGES = 4_000;
/**
 * The same while less than {@link SMALL_DISK_BYTES} are free. The log needs its space besides the database: on a disk of
 * 16 MB it took what the database needed to grow, and then it could not be copied into it.
 */
const SMALL_DISK_CHECKPOINT_PAGES = 1_000;
const SMALL_DISK_BYTES = 256 * 1_048_576;
/** A log that a burst left is cut to this size. */
const LOG_LIMIT_BYTES = 64 * 1_048_576;

/** Opens a SQLite file, creating it when it is missing. */
export function openDatabase(path: string, busyTimeoutMs: number = BUSY_TIMEOUT_MS): Database {
  return new LibsqlDatabase(path, { timeout: busyTimeoutMs });
}

/**
 * Switches a database to write-ahead logging: readers in other processes do not wait for its writer.
 * @param path the database's file.
 */
export function openWriteAheadLog(database: Database, path: string): void {
  const { bavail, bsize } = statfsSync(path);
  const pages = bavail * bsize < SMALL_DISK_BYTES ? SMALL_DISK_CHECKPOINT_PAGES : CHECKPOINT_PAGES;
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
  database.exec(`PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES}`);
}

/**
 * Copies a write-ahead log into its database and empties it: the log, and the database until then, still have what was
 * overwritten. Not guaranteed while another process reads or writes: then a later checkpoint does it.
 */
export function emptyLog(database: Database): void {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** Prepares a statement. Its values are bound as one array. */
export function prepare(database: Database, sql: string): Prepared {
  return database.prepare<[Bound[]]>(sql);
}

/** Runs a statement that changes rows. @returns how many it changed. */
export function change(statement: Prepared, values: Bound[]): number {
  return statement.run(values).changes;
}

/** The first row; undefined when there is none. */
export function one(statement: Prepared, values: Bound[] = []): unknown {
  return statement.get(values);
}

/** All rows. */
export function all(statement: Prepared, values: Bound[] = []): unknown[] {
  return statement.all(values);
}

/** The number in the only column of a statement or pragma; 0 when there is no row, or it is null. */
export function oneNumber(database: Database, sql: string, values: Bound[] = []): number {
  const row: unknown = prepare(database, sql).get(values);
  if (typeof row !== 'object' || row === null) {
    return 0;
  }
  // `get` adds a key `_metadata` after the columns.
  const value: unknown = Object.values(row)[0];
  return typeof value === 'number' ? value : 0;
}

/**
 * Runs `work` in one write transaction: all of it is committed (and synced, as the database's `synchronous` says), or
 * nothing.
 */
export function inTransaction<Result>(database: Database, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // After some errors (disk full) SQLite has rolled back by itself; a second ROLLBACK would hide the cause.
    if (database.inTransaction) {
      database.exec('ROLLBACK');
    }
    throw error;
  }
}

/**
 * A blob column as a Buffer; null gives an empty Buffer. libsql returns a Buffer from `get`, an ArrayBuffer from `all`.
 * @throws TypeError when the column is not a blob.
 */
export function blobOf(value: unknown): Buffer {
  if (value === null || value === undefined) {
    return Buffer.alloc(0);
  }
  if (Buffer.isBuffer(value)) {
    return value;
  }
  if (types.isArrayBuffer(value)) {
    return Buffer.from(value);
  }
  if (types.isUint8Array(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  throw new TypeError('the column is not a blob');
}

/** SQLite's code of an error (`SQLITE_FULL`); undefined for other errors. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_')
    ? error.code
    : undefined;
}

/** Whether an error means that the file's content is damaged, not that the disk or another process is the cause. */
export function isCorruption(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}
