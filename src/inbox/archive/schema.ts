import { oneNumber, openWriteAheadLog, type Database } from '../../storage/sqlite';

/**
 * Version of the file, in `user_version`. 1: written before bridges kept a journal. 2: events may be in a journal beside
 * it (journal/replay.ts), which a bridge that knows version 1 only would ignore. 3: `head` lacks what is null and what
 * other columns have (`headJson`).
 */
export const INBOX_SCHEMA = 3;

/** The inbox's file in the data folder. */
export const INBOX_FILE = 'inbox.db';

/*
 * `events.plan` refers to `plans.id`; it is null when no rule matched. `plans` holds each plan once, by the SHA-256 of
 * its JSON. The partial indexes hold matched events only (about one in ten), so the dispatcher does not read the others.
 * `body` is the last column, so that SQLite reads the other columns without its overflow pages. An empty body is null.
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

/*
 * How many events came, by quarter of an hour (`slot`: epoch milliseconds / 900,000) and kind: `direction` is empty and
 * `answered` -1 where it is not known. Versions that know no such table leave it as it is, so it needs no new format.
 */
const TRAFFIC = `
  CREATE TABLE traffic (
    slot INTEGER NOT NULL,
    type TEXT NOT NULL,
    direction TEXT NOT NULL,
    answered INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (slot, type, direction, answered)
  ) WITHOUT ROWID;
`;

/** The name in `meta` of the time since which `traffic` counts, in epoch milliseconds; 0 when no event came before. */
export const TRAFFIC_SINCE = 'traffic_since';

/**
 * Prepares an `inbox.db` that this process alone writes: WAL mode, and the tables when it is new.
 *
 * `synchronous=FULL`: a commit returns after its log is synced to the disk. An event is acknowledged after the commit
 * that contains it.
 * @param path its file.
 * @throws Error when the file was written by a newer bridge.
 */
export function prepareArchive(database: Database, path: string): void {
  // Takes effect only before the first table.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  openWriteAheadLog(database, path);
  database.exec('PRAGMA synchronous = FULL');
  // What is deleted or replaced is overwritten: `bridge forget` relies on it.
  database.exec('PRAGMA secure_delete = ON');
  // On macOS, fsync alone leaves data in the disk's own cache. No effect elsewhere.
  database.exec('PRAGMA fullfsync = 1');
  database.exec('PRAGMA checkpoint_fullfsync = 1');
  const version = oneNumber(database, 'PRAGMA user_version');
  if (version > INBOX_SCHEMA) {
    throw new Error(
      `${INBOX_FILE} was written by a newer bridge (its format is ${version}, this bridge knows ${INBOX_SCHEMA}): update this bridge, or use another data folder`,
    );
  }
  if (version > 0 && version < INBOX_SCHEMA) {
    database.exec(`PRAGMA user_version = ${INBOX_SCHEMA}`);
  }
  if (version === 0) {
    database.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${INBOX_SCHEMA}; COMMIT`);
  }
  if (!hasTraffic(database)) {
    const since = "(SELECT CASE WHEN EXISTS (SELECT 1 FROM events) THEN unixepoch('now') * 1000 ELSE 0 END)";
    database.exec(
      `BEGIN IMMEDIATE; ${TRAFFIC} INSERT OR REPLACE INTO meta (name, value) VALUES ('${TRAFFIC_SINCE}', ${since}); COMMIT`,
    );
  }
}

/** Whether the file counts what came. Versions up to 0.2 did not. */
export function hasTraffic(database: Database): boolean {
  return oneNumber(database, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'traffic'") === 1;
}

/**
 * Whether a file that was just opened to be read has its tables; false while the writer has not created them.
 * @throws Error when a newer bridge wrote the file.
 */
export function isInbox(database: Database): boolean {
  const version = oneNumber(database, 'PRAGMA user_version');
  if (version > INBOX_SCHEMA) {
    throw new Error(
      `${INBOX_FILE} has format ${version}, this bridge reads formats up to ${INBOX_SCHEMA}: use the same version of the bridge everywhere`,
    );
  }
  return version > 0;
}
