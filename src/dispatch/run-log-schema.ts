import { z } from 'zod';
import { makePrivateFile } from '../storage/data-folder';
import { one, oneNumber, openDatabase, openWriteAheadLog, prepare, type Database } from '../storage/sqlite';

const SCHEMA = 1;
/** The condition of runs that ended otherwise than `done` or `skipped`. */
export const FAILED = "outcome IS NOT NULL AND outcome NOT IN ('done', 'skipped')";
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE runs (
    event_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    closed_at INTEGER,
    outcome TEXT,
    report TEXT
  ) WITHOUT ROWID;
  CREATE INDEX runs_by_seq ON runs (seq);
  CREATE INDEX runs_open ON runs (seq) WHERE closed_at IS NULL;
`;
/** Not in the tables above: files of earlier versions do not have them. */
const ADDED_COLUMNS = [
  ['batch', 'TEXT'],
  ['own_run', 'INTEGER NOT NULL DEFAULT 0'],
] as const;
const ADDED = `
  CREATE INDEX IF NOT EXISTS runs_failed ON runs (seq) WHERE ${FAILED};
  CREATE INDEX IF NOT EXISTS runs_failed_at ON runs (closed_at) WHERE ${FAILED};
  CREATE INDEX IF NOT EXISTS runs_by_batch ON runs (batch) WHERE batch IS NOT NULL;
  CREATE TABLE IF NOT EXISTS begun_batches (id TEXT PRIMARY KEY, members TEXT NOT NULL) WITHOUT ROWID;
`;

/** What the run log knows of an event's run. */
export interface RunLogEntry {
  seq: number;
  event_id: string;
  state: 'started' | 'closed';
  /** Temporal's run id: of the event's run, or of the batch that it was started in. */
  run_id: string;
  started_at: Date;
  closed_at: Date | null;
  outcome: string | null;
  /** JSON text. */
  report: string | null;
  /** Workflow id of the batch that the event was started in; null for an event that was started alone. */
  batch: string | null;
  /** Of an event in a batch: whether it goes on, or ended, in a run of its own, whose workflow id is the event id. */
  own_run: boolean;
}

/** A row with {@link columnsOf}. */
export const runLogRow = z
  .object({
    seq: z.number(),
    event_id: z.string(),
    run_id: z.string(),
    started_at: z.number(),
    closed_at: z.number().nullable(),
    outcome: z.string().nullable(),
    report: z.string().nullable(),
    batch: z.string().nullable(),
    own_run: z.number(),
  })
  .transform((columns): RunLogEntry => ({
    ...columns,
    state: columns.closed_at === null ? 'started' : 'closed',
    started_at: new Date(columns.started_at),
    closed_at: columns.closed_at === null ? null : new Date(columns.closed_at),
    own_run: columns.own_run === 1,
  }));

const COLUMNS = 'seq, event_id, run_id, started_at, closed_at, outcome, report';

/**
 * The columns of a run, for a SELECT. A reader may come before the first writer of this version: it finds no batches
 * then.
 */
export function columnsOf(database: Database): string {
  return `${COLUMNS}, ${hasBatches(database) ? 'batch, own_run' : 'NULL AS batch, 0 AS own_run'}`;
}

/** Open databases that have them: they are never removed. */
const withBatches = new WeakSet<Database>();

/** Whether the file has the columns and the table of batches. */
export function hasBatches(database: Database): boolean {
  if (
    !withBatches.has(database) &&
    oneNumber(database, "SELECT count(*) FROM sqlite_master WHERE name = 'begun_batches'") === 1
  ) {
    withBatches.add(database);
  }
  return withBatches.has(database);
}

/** Opens the run log's file for writing: creates it, or adds what files of earlier versions do not have. */
export function openRunLogWriter(path: string): Database {
  makePrivateFile(path);
  const database = openDatabase(path);
  try {
    openWriteAheadLog(database, path);
    database.exec('PRAGMA synchronous = NORMAL');
    if (oneNumber(database, 'PRAGMA user_version') === 0) {
      database.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${SCHEMA}; COMMIT`);
    }
    one(prepare(database, 'SELECT 1 FROM runs LIMIT 1'));
    for (const [name, type] of ADDED_COLUMNS) {
      if (oneNumber(database, 'SELECT count(*) FROM pragma_table_info(?) WHERE name = ?', ['runs', name]) === 0) {
        database.exec(`ALTER TABLE runs ADD COLUMN ${name} ${type}`);
      }
    }
    database.exec(ADDED);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
