import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DataFolderLock, makePrivateFile } from '../storage/data-folder';
import { FollowedStore } from '../storage/followed-database';
import { CHECKPOINT_PAGES } from '../inbox/archive/schema';
import {
  all,
  change,
  inTransaction,
  isCorruption,
  one,
  oneNumber,
  openStore,
  prepare,
  type Bound,
  type Prepared,
  type Store,
} from '../storage/sqlite';

/** The dispatch log's file in the data folder. */
export const DISPATCH_FILE = 'dispatch.db';

const SCHEMA = 1;
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

/** A run that Temporal has taken. */
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
   * `done|partial|failed|skipped`, or Temporal's word for a run that ended without a report (`terminated`, `timed_out`
   * ...).
   */
  outcome: string;
  /** The run's report as JSON text; null when it left none. */
  report: string | null;
}

/** What is known of an event's run. */
export interface DispatchState {
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
  .transform((columns): DispatchState => ({
    ...columns,
    state: columns.closed_at === null ? 'started' : 'closed',
    started_at: new Date(columns.started_at),
    closed_at: columns.closed_at === null ? null : new Date(columns.closed_at),
  }));

const COLUMNS = 'seq, event_id, run_id, started_at, closed_at, outcome, report';

/**
 * Reads the dispatch log from any process while its writer runs. Before the writer has made it, it is simply empty.
 * Close it when done.
 */
export class DispatchLogReader {
  readonly #file: FollowedStore;

  constructor(dataDir: string) {
    this.#file = new FollowedStore(
      join(dataDir, DISPATCH_FILE),
      (store) => oneNumber(store, 'PRAGMA user_version') > 0,
    );
  }

  /** Every event up to this `seq` is started or needs no run; 0 at first. See {@link RunLog.markStarted}. */
  watermark(): number {
    return this.#number("SELECT value FROM meta WHERE name = 'watermark'");
  }

  /** The greatest `seq` that the log has ever heard of. */
  greatestSeq(): number {
    return Math.max(this.watermark(), this.#number('SELECT max(seq) FROM runs'));
  }

  /** What is known of an event's run; null when it was not started, or so long ago that the log has dropped it. */
  get(eventId: string): DispatchState | null {
    const found = this.#rows(`SELECT ${COLUMNS} FROM runs WHERE event_id = ?`, [eventId])[0];
    return found ?? null;
  }

  /** Runs started and not known to be closed, oldest first. @param after only those after this `seq`. */
  openRuns(limit: number, after = 0): DispatchState[] {
    return this.#rows(`SELECT ${COLUMNS} FROM runs WHERE closed_at IS NULL AND seq > ? ORDER BY seq LIMIT ?`, [
      after,
      limit,
    ]);
  }

  /** The `seq` of events above the watermark that are started already, for a dispatcher that begins again. */
  startedAfter(seq: number): Set<number> {
    const store = this.#file.current();
    const found = store === null ? [] : all(prepare(store, 'SELECT seq FROM runs WHERE seq > ?'), [seq]);
    return new Set(found.map((entry) => z.object({ seq: z.number() }).parse(entry).seq));
  }

  /** How many runs are started and not known to be closed. */
  openCount(): number {
    return this.#number('SELECT count(*) FROM runs WHERE closed_at IS NULL');
  }

  close(): void {
    this.#file.close();
  }

  #rows(sql: string, values: Bound[]): DispatchState[] {
    const store = this.#file.current();
    return store === null ? [] : all(prepare(store, sql), values).map((entry) => row.parse(entry));
  }

  #number(sql: string): number {
    const store = this.#file.current();
    return store === null ? 0 : oneNumber(store, sql);
  }
}

/**
 * What became of events after the inbox: which have a run at Temporal, and how those ended. `dispatch.db`, written by
 * the dispatcher's process alone, so that inbox and dispatcher can live in two processes and never wait for each
 * other's disk.
 *
 * Its commits are not synced one by one (`synchronous=NORMAL`): a crash of the process loses nothing, a power loss may
 * lose the last rows, which is harmless: those events are started once more, and Temporal refuses a second start of the
 * same workflow id. NOT guaranteed: the same for events older than Temporal's own retention. Hence the floor that
 * `InboxReader.dispatchedThrough()` gives.
 */
export class RunLog extends DispatchLogReader {
  readonly #writer: Store;
  readonly #lock: DataFolderLock;
  readonly #statements = new Map<string, Prepared>();
  /** Set when the file was damaged and set aside, for the operator: what happened, and where the damaged file is. */
  readonly setAside: string | null;

  private constructor(dataDir: string, writer: Store, lock: DataFolderLock, setAside: string | null) {
    super(dataDir);
    this.#writer = writer;
    this.#lock = lock;
    this.setAside = setAside;
  }

  /**
   * Opens the log for writing.
   * @throws DataFolderInUse when another dispatcher works on this data folder.
   */
  static open(dataDir: string): RunLog {
    const lock = DataFolderLock.take(dataDir, 'dispatch');
    const path = join(dataDir, DISPATCH_FILE);
    try {
      try {
        return new RunLog(dataDir, openWriter(path), lock, null);
      } catch (error) {
        if (!isCorruption(error)) {
          throw error;
        }
        const aside = `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
        for (const suffix of ['', '-wal', '-shm']) {
          if (existsSync(path + suffix)) {
            renameSync(path + suffix, aside + suffix);
          }
        }
        return new RunLog(
          dataDir,
          openWriter(path),
          lock,
          `${DISPATCH_FILE} was damaged and is set aside as ${aside}; events that may not have been started are started again, which Temporal refuses for those that were`,
        );
      }
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Notes runs that Temporal has taken, and how far the dispatcher has come.
   * @param through every event with a `seq` up to it is started or needs no run; the log cannot know that by itself,
   *   since starts finish out of order and it does not see events without a plan. It never goes back.
   */
  markStarted(batch: readonly StartedRun[], through?: number): void {
    this.#transact(() => {
      for (const started of batch) {
        change(
          this.#sql(
            'INSERT INTO runs (event_id, seq, run_id, started_at) VALUES (?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
          ),
          [started.event_id, started.seq, started.run_id, started.started_at.getTime()],
        );
      }
      if (through !== undefined) {
        change(
          this.#sql(
            "INSERT INTO meta (name, value) VALUES ('watermark', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
          ),
          [through],
        );
      }
    });
  }

  /** Notes how runs ended. A run that the log does not know is left alone. */
  markClosed(batch: readonly ClosedRun[]): void {
    this.#transact(() => {
      for (const closed of batch) {
        change(this.#sql('UPDATE runs SET closed_at = ?, outcome = ?, report = ? WHERE event_id = ?'), [
          closed.closed_at.getTime(),
          closed.outcome,
          closed.report,
          closed.event_id,
        ]);
      }
    });
  }

  /**
   * Drops a bounded number of closed runs that ended before a time.
   * @returns whether there may be more.
   */
  prune(closedBefore: Date, limit = 500): boolean {
    return (
      change(
        this.#sql(
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
      // A libsql statement that failed once fails ever after.
      this.#statements.clear();
      throw error;
    }
  }

  #sql(text: string): Prepared {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = prepare(this.#writer, text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

function openWriter(path: string): Store {
  makePrivateFile(path);
  const store = openStore(path);
  try {
    store.exec('PRAGMA journal_mode = WAL');
    store.exec('PRAGMA synchronous = NORMAL');
    store.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    store.exec('PRAGMA journal_size_limit = 67108864');
    if (oneNumber(store, 'PRAGMA user_version') === 0) {
      store.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${SCHEMA}; COMMIT`);
    }
    one(prepare(store, 'SELECT 1 FROM runs LIMIT 1'));
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}
