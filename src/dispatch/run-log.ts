import { join } from 'node:path';
import { z } from 'zod';
import { DataFolderLock, makePrivateFile } from '../storage/data-folder';
import { ReopeningDatabase } from '../storage/reopening-database';
import { setAside } from '../storage/set-aside';
import {
  all,
  change,
  inTransaction,
  isCorruption,
  one,
  oneNumber,
  openDatabase,
  openWriteAheadLog,
  prepare,
  type Bound,
  type Database,
} from '../storage/sqlite';
import { StatementCache } from '../storage/statement-cache';

/** The run log's file in the data folder. */
export const RUN_LOG_FILE = 'dispatch.db';

const SCHEMA = 1;
const FAILED = "outcome IS NOT NULL AND outcome NOT IN ('done', 'skipped')";
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

/** A run that Temporal has accepted. */
export interface StartedRun {
  seq: number;
  event_id: string;
  /** Temporal's run id. */
  run_id: string;
  started_at: Date;
}

/** How a run ended. */
export interface ClosedRun {
  event_id: string;
  closed_at: Date;
  /**
   * `done|partial|failed|skipped`, or Temporal's status of a run that ended without a report (`terminated`, `timed_out`
   * ...).
   */
  outcome: string;
  /** The run's report as JSON text; null when it left none. */
  report: string | null;
}

/** What the run log knows of an event's run. */
export interface RunLogEntry {
  seq: number;
  event_id: string;
  state: 'started' | 'closed';
  run_id: string;
  started_at: Date;
  closed_at: Date | null;
  outcome: string | null;
  /** JSON text. */
  report: string | null;
}

const row = z
  .object({
    seq: z.number(),
    event_id: z.string(),
    run_id: z.string(),
    started_at: z.number(),
    closed_at: z.number().nullable(),
    outcome: z.string().nullable(),
    report: z.string().nullable(),
  })
  .transform((columns): RunLogEntry => ({
    ...columns,
    state: columns.closed_at === null ? 'started' : 'closed',
    started_at: new Date(columns.started_at),
    closed_at: columns.closed_at === null ? null : new Date(columns.closed_at),
  }));

const COLUMNS = 'seq, event_id, run_id, started_at, closed_at, outcome, report';

/**
 * Reads the run log from any process while its writer runs. It is empty before the writer has created the file. Close it
 * when done.
 */
export class RunLogReader {
  readonly #file: ReopeningDatabase;

  constructor(dataDir: string) {
    this.#file = new ReopeningDatabase(
      join(dataDir, RUN_LOG_FILE),
      (database) => oneNumber(database, 'PRAGMA user_version') > 0,
    );
  }

  /** Every event up to this `seq` is started or needs no run; 0 at first. See {@link RunLog.markStarted}. */
  watermark(): number {
    return this.#number("SELECT value FROM meta WHERE name = 'watermark'");
  }

  /** The greatest `seq` in the log, 0 when it is empty. */
  greatestSeq(): number {
    return Math.max(this.watermark(), this.#number('SELECT max(seq) FROM runs'));
  }

  /** An event's run; null when none was started, or so long ago that the log has deleted it. */
  get(eventId: string): RunLogEntry | null {
    const found = this.#rows(`SELECT ${COLUMNS} FROM runs WHERE event_id = ?`, [eventId])[0];
    return found ?? null;
  }

  /** Runs whose end is not recorded, oldest first. @param after only those after this `seq`. */
  openRuns(limit: number, after = 0): RunLogEntry[] {
    return this.#rows(`SELECT ${COLUMNS} FROM runs WHERE closed_at IS NULL AND seq > ? ORDER BY seq LIMIT ?`, [
      after,
      limit,
    ]);
  }

  /**
   * Runs that ended otherwise than `done` or `skipped`, the newest event first.
   * @param before only those of events before this `seq`.
   */
  failed(limit: number, before = Number.MAX_SAFE_INTEGER): RunLogEntry[] {
    return this.#rows(`SELECT ${COLUMNS} FROM runs WHERE ${FAILED} AND seq < ? ORDER BY seq DESC LIMIT ?`, [
      before,
      limit,
    ]);
  }

  /** Runs that ended so after `from` and until `until` (epoch milliseconds), a bounded number of them. */
  failedBetween(from: number, until: number): RunLogEntry[] {
    return this.#rows(`SELECT ${COLUMNS} FROM runs WHERE ${FAILED} AND closed_at > ? AND closed_at <= ? LIMIT 10000`, [
      from,
      until,
    ]);
  }

  /** The `seq` of started events after this one, for a dispatcher that starts again. */
  startedAfter(seq: number): Set<number> {
    const database = this.#file.current();
    const found = database === null ? [] : all(prepare(database, 'SELECT seq FROM runs WHERE seq > ?'), [seq]);
    return new Set(found.map((entry) => z.object({ seq: z.number() }).parse(entry).seq));
  }

  /** How many runs have no recorded end. */
  openCount(): number {
    return this.#number('SELECT count(*) FROM runs WHERE closed_at IS NULL');
  }

  close(): void {
    this.#file.close();
  }

  #rows(sql: string, values: Bound[]): RunLogEntry[] {
    const database = this.#file.current();
    return database === null ? [] : all(prepare(database, sql), values).map((entry) => row.parse(entry));
  }

  #number(sql: string): number {
    const database = this.#file.current();
    return database === null ? 0 : oneNumber(database, sql);
  }
}

/**
 * The record of runs: which events have a run at Temporal, and how the runs ended. `dispatch.db`, written by the
 * dispatcher alone, so that inbox and dispatcher can be in two processes and do not wait for each other's disk.
 *
 * Guarantees: a crash of the process loses nothing.
 *
 * Not guaranteed: the last rows after a power loss, as commits are not synced one by one (`synchronous=NORMAL`). Their
 * events are started again, and Temporal refuses a second run with the same workflow id, within its retention. For older
 * events `InboxReader.dispatchedThrough()` gives a lower bound.
 */
export class RunLog extends RunLogReader {
  readonly #writer: Database;
  readonly #lock: DataFolderLock;
  readonly #statements: StatementCache;
  /** A sentence for the operator when the file was damaged and set aside; null when it was not. */
  readonly setAside: string | null;

  private constructor(dataDir: string, writer: Database, lock: DataFolderLock, setAside: string | null) {
    super(dataDir);
    this.#writer = writer;
    this.#statements = new StatementCache(writer);
    this.#lock = lock;
    this.setAside = setAside;
  }

  /**
   * Opens the log for writing.
   * @throws DataFolderInUse when another dispatcher uses this data folder.
   */
  static open(dataDir: string): RunLog {
    const lock = DataFolderLock.acquire(dataDir, 'dispatch');
    const path = join(dataDir, RUN_LOG_FILE);
    try {
      try {
        return new RunLog(dataDir, openWriter(path), lock, null);
      } catch (error) {
        if (!isCorruption(error)) {
          throw error;
        }
        const aside = setAside(path);
        return new RunLog(
          dataDir,
          openWriter(path),
          lock,
          `${RUN_LOG_FILE} was damaged and is set aside as ${aside}. Events without a recorded start are started again; Temporal refuses those that have a run`,
        );
      }
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Records runs that Temporal has accepted, and raises the watermark.
   * @param through the new watermark: every event with a `seq` up to it is started or needs no run. The log cannot know
   *   it by itself, as starts finish out of order and events without a plan are not in it. A lower one is ignored.
   */
  markStarted(batch: readonly StartedRun[], through?: number): void {
    this.#transact(() => {
      for (const started of batch) {
        change(
          this.#statements.get(
            'INSERT INTO runs (event_id, seq, run_id, started_at) VALUES (?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
          ),
          [started.event_id, started.seq, started.run_id, started.started_at.getTime()],
        );
      }
      if (through !== undefined) {
        change(
          this.#statements.get(
            "INSERT INTO meta (name, value) VALUES ('watermark', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
          ),
          [through],
        );
      }
    });
  }

  /** Records how runs ended. A run that is not in the log is ignored. */
  markClosed(batch: readonly ClosedRun[]): void {
    this.#transact(() => {
      for (const closed of batch) {
        change(this.#statements.get('UPDATE runs SET closed_at = ?, outcome = ?, report = ? WHERE event_id = ?'), [
          closed.closed_at.getTime(),
          closed.outcome,
          closed.report,
          closed.event_id,
        ]);
      }
    });
  }

  /**
   * Deletes closed runs that ended before a time, a bounded number of them.
   * @returns whether there may be more.
   */
  prune(closedBefore: Date, limit = 500): boolean {
    return (
      change(
        this.#statements.get(
          'DELETE FROM runs WHERE event_id IN (SELECT event_id FROM runs WHERE seq <= ? AND closed_at < ? ORDER BY seq LIMIT ?)',
        ),
        [this.watermark(), closedBefore.getTime(), limit],
      ) === limit
    );
  }

  override close(): void {
    super.close();
    if (this.#writer.open) {
      this.#statements.clear();
      this.#writer.close();
      this.#lock.release();
    }
  }

  #transact(work: () => void): void {
    try {
      inTransaction(this.#writer, work);
    } catch (error) {
      // A libsql statement that failed once fails every time.
      this.#statements.clear();
      throw error;
    }
  }
}

function openWriter(path: string): Database {
  makePrivateFile(path);
  const database = openDatabase(path);
  try {
    openWriteAheadLog(database, path);
    database.exec('PRAGMA synchronous = NORMAL');
    if (oneNumber(database, 'PRAGMA user_version') === 0) {
      database.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${SCHEMA}; COMMIT`);
    }
    one(prepare(database, 'SELECT 1 FROM runs LIMIT 1'));
    // Not in the tables above: files of earlier versions have not this index.
    database.exec(`CREATE INDEX IF NOT EXISTS runs_failed ON runs (seq) WHERE ${FAILED}`);
    database.exec(`CREATE INDEX IF NOT EXISTS runs_failed_at ON runs (closed_at) WHERE ${FAILED}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
