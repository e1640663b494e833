import { inTransaction, oneNumber, type Store } from '../../storage/sqlite';

/**
 * Version of the file, in `user_version`. 1: without a journal before it. A bridge that knows no journal must not open
 * the file and pass it over.
 */
export const INBOX_SCHEMA = 2;

/** So many pages of the log are brought into a file at once. */
export const CHECKPOINT_PAGES = 4_000;

/** The inbox's file in the data folder. */
export const INBOX_FILE = 'inbox.db';

/*
 * events.plan refers to plans.id and is null when there is nothing to do. plans holds each plan once, by the SHA-256 of its JSON: events
 * that matched the same rules share it. The partial indexes hold matched events only (one in ten), so the dispatcher never reads past the rest.
 * `body` is last: SQLite reads the columns before it without touching its overflow pages. An empty body is null (libsql).
 */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE plans (id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL UNIQUE, json TEXT NOT NULL);
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    plan INTEGER,
    bytes INTEGER NOT NULL,
    content_type TEXT,
    head TEXT NOT NULL,
    body BLOB
  );
  CREATE INDEX events_by_type ON events (type, seq);
  CREATE INDEX events_to_do ON events (seq) WHERE plan IS NOT NULL;
  CREATE INDEX events_by_plan ON events (plan) WHERE plan IS NOT NULL;
  CREATE TABLE fired (twin TEXT NOT NULL, rule TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (twin, rule)) WITHOUT ROWID;
  CREATE INDEX fired_by_time ON fired (at);
  CREATE TABLE our_numbers (number TEXT PRIMARY KEY, learned_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE quarantine (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    times INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    content_type TEXT,
    body BLOB
  );
`;

/**
 * Puts a store that nobody else writes into shape: WAL, tables.
 *
 * `synchronous=NORMAL`: a commit is not synced by itself, as what was acknowledged stands in the journal until the
 * store has it durably ({@link durably}). After a power loss the store is that of an earlier moment, whole, and the
 * journal has the rest.
 * @throws Error when the file was written by a newer bridge.
 */
export function prepareInbox(store: Store): void {
  // Takes effect on a file without tables only, so it stands before them.
  store.exec('PRAGMA auto_vacuum = INCREMENTAL');
  store.exec('PRAGMA journal_mode = WAL');
  store.exec('PRAGMA synchronous = NORMAL');
  // Each checkpoint syncs some megabytes, and acks that meet one wait for it: rather seldom (SQLite's own figure is
  // 1,000 pages).
  store.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  // What a burst leaves of the log is given back to the disk.
  store.exec('PRAGMA journal_size_limit = 67108864');
  const version = oneNumber(store, 'PRAGMA user_version');
  if (version > INBOX_SCHEMA) {
    throw new Error(
      `${INBOX_FILE} was written by a newer bridge (its format is ${version}, this one knows ${INBOX_SCHEMA}): update this bridge, or give it another data folder`,
    );
  }
  if (version === 1) {
    store.exec(`PRAGMA user_version = ${INBOX_SCHEMA}`);
  }
  if (version === 0) {
    store.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${INBOX_SCHEMA}; COMMIT`);
  }
}

/** Does `work` and syncs the log, and with it all that was committed before. */
export function durably(store: Store, work: () => void): void {
  store.exec('PRAGMA synchronous = FULL');
  try {
    inTransaction(store, work);
  } finally {
    store.exec('PRAGMA synchronous = NORMAL');
  }
}
