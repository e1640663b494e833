import Database from 'libsql';
import { types } from 'node:util';

/** An open SQLite file. */
export type Store = Database.Database;

/** A prepared statement. Bind only through {@link Bound} values. */
export type Prepared = Database.Statement<[Bound[]]>;

/**
 * What may be bound to a statement. Narrow on purpose: libsql 0.5.29 aborts the whole process on a boolean, and takes
 * one single Buffer for an object of named parameters (also an abort), so parameters always go in as one array.
 */
export type Bound = string | number | Buffer | null;

/** How long a statement waits for another process' lock before SQLITE_BUSY. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens a SQLite file, creating it when missing. The wait for other processes' locks is set before anything else is
 * done with it.
 */
export function openStore(path: string, busyTimeoutMs: number = BUSY_TIMEOUT_MS): Store {
  return new Database(path, { timeout: busyTimeoutMs });
}

/** Prepares a statement; its values are bound as one array. */
export function prepare(store: Store, sql: string): Prepared {
  return store.prepare<[Bound[]]>(sql);
}

/** Runs a statement that changes rows; how many. */
export function change(statement: Prepared, values: Bound[]): number {
  return statement.run(values).changes;
}

/** The first row, undefined when there is none. */
export function one(statement: Prepared, values: Bound[] = []): unknown {
  return statement.get(values);
}

/** All rows. */
export function all(statement: Prepared, values: Bound[] = []): unknown[] {
  return statement.all(values);
}

/** A single number that a statement or pragma gives in its only column; 0 when there is no row or it is null. */
export function oneNumber(store: Store, sql: string, values: Bound[] = []): number {
  const row: unknown = prepare(store, sql).get(values);
  if (typeof row !== 'object' || row === null) {
    return 0;
  }
  // `get` adds a `_metadata` key of its own, after the columns.
  const value: unknown = Object.values(row)[0];
  return typeof value === 'number' ? value : 0;
}

/** Runs `work` in one write transaction: all of it is kept (and synced, as the store's `synchronous` says), or none. */
export function inTransaction<Result>(store: Store, work: () => Result): Result {
  store.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    store.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has already rolled back by itself after some errors (disk full), and a second ROLLBACK would hide the
    // cause.
    if (store.inTransaction) {
      store.exec('ROLLBACK');
    }
    throw error;
  }
}

/**
 * A blob column as a Buffer; a null one is an empty Buffer. libsql gives a Buffer from `get` and an ArrayBuffer from
 * `all`.
 * @throws TypeError when the column holds something else.
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
  throw new TypeError('a blob column does not hold a blob');
}

/** SQLite's own name for what went wrong (`SQLITE_FULL`); undefined for other errors. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_')
    ? error.code
    : undefined;
}

/**
 * Whether an error says that the file's content is broken, as opposed to the disk or another process being in the way.
 */
export function isCorruption(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}
