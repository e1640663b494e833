import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { DataFolderLock } from '../storage/data-folder';
import { ReopeningDatabase } from '../storage/reopening-database';
import { setAside } from '../storage/set-aside';
import { all, isCorruption, oneNumber, prepare, type Bound, type Database } from '../storage/sqlite';
import { StatementCache } from '../storage/statement-cache';
import { columnsOf, FAILED, hasBatches, openRunLogWriter, runLogRow, type RunLogEntry } from './run-log-schema';

export type { RunLogEntry };

/** The run log's file in the data folder. */
export const RUN_LOG_FILE = 'dispatch.db';

/** A run that Temporal has accepted. */
export interface StartedRun {
  seq: number;
  event_id: string;
  /** Temporal's run id: of the event's run, or of the batch. */
  run_id: string;
  started_at: Date;
  /** Workflow id of the batch that it was started in; absent when it was started alone. */
  batch?: string;
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
  /** Whether it ended inside its batch; absent for a run of its own. */
  in_batch?: true;
}

/** A batch that is about to be started. */
export interface BegunBatch {
  /** Its workflow id. */
  id: string;
  /** Its events, in the order of their arrival. */
  members: { seq: number; event_id: string }[];
}

const begunRow = z.object({ id: z.string(), members: z.string() });
const begunMembers = z.array(z.object({ seq: z.number(), event_id: z.string() }));

/** A run that ended. */
export type EndedRun = z.infer<typeof endedRow>;
const endedRow = z.object({
  event_id: z.string(),
  seq: z.number(),
  /** Epoch milliseconds. */
  started_at: z.number(),
  closed_at: z.number(),
  outcome: z.string().nullable(),
  report: z.string().nullable(),
});
const CLOSED_PAGE = 5_000;

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
    const found = this.#rows('WHERE event_id = ?', [eventId])[0];
    return found ?? null;
  }

  /** Runs whose end is not recorded, oldest first. @param after only those after this `seq`. */
  openRuns(limit: number, after = 0): RunLogEntry[] {
    return this.#rows('WHERE closed_at IS NULL AND seq > ? ORDER BY seq LIMIT ?', [after, limit]);
  }

  /**
   * Runs that ended otherwise than `done` or `skipped`, the newest event first.
   * @param before only those of events before this `seq`.
   */
  failed(limit: number, before = Number.MAX_SAFE_INTEGER): RunLogEntry[] {
    return this.#rows(`WHERE ${FAILED} AND seq < ? ORDER BY seq DESC LIMIT ?`, [before, limit]);
  }

  /** Runs that ended so after `from` and until `until` (epoch milliseconds), a bounded number of them. */
  failedBetween(from: number, until: number): RunLogEntry[] {
    return this.#rows(`WHERE ${FAILED} AND closed_at > ? AND closed_at <= ? LIMIT 10000`, [from, until]);
  }

  /** Runs that ended, in no useful order, of events with `from` <= `seq` < `to`. Read in pages: there may be a million. */
  *closed(from: number, to: number): Generator<EndedRun> {
    for (let after = ''; ;) {
      const database = this.#file.current();
      const page =
        database === null
          ? []
          : all(
              prepare(
                database,
                // In the order of the table (the `+`): by the index of `seq`, each page would look up and sort all rows.
                'SELECT event_id, seq, started_at, closed_at, outcome, report FROM runs WHERE event_id > ? AND +seq >= ? AND +seq < ? AND closed_at IS NOT NULL ORDER BY event_id LIMIT ?',
              ),
              [after, from, to, CLOSED_PAGE],
            ).map((entry) => endedRow.parse(entry));
      yield* page;
      if (page.length < CLOSED_PAGE) {
        return;
      }
      after = page.at(-1)?.event_id ?? '';
    }
  }

  /** The `seq` of started events after this one, for a dispatcher that starts again. */
  startedAfter(seq: number): Set<number> {
    const database = this.#file.current();
    const found = database === null ? [] : all(prepare(database, 'SELECT seq FROM runs WHERE seq > ?'), [seq]);
    return new Set(found.map((entry) => z.object({ seq: z.number() }).parse(entry).seq));
  }

  /** The events that were started in a batch, in the order of their arrival. */
  inBatch(batch: string): RunLogEntry[] {
    const database = this.#file.current();
    return database === null || !hasBatches(database) ? [] : this.#rows('WHERE batch = ? ORDER BY seq', [batch]);
  }

  /** How many events were started in a batch. */
  sizeOfBatch(batch: string): number {
    const database = this.#file.current();
    return database === null || !hasBatches(database)
      ? 0
      : oneNumber(database, 'SELECT count(*) FROM runs WHERE batch = ?', [batch]);
  }

  /** Batches that were begun and are not known to be started, the oldest first. */
  begunBatches(): BegunBatch[] {
    const database = this.#file.current();
    const rows =
      database === null || !hasBatches(database) ? [] : all(prepare(database, 'SELECT id, members FROM begun_batches'));
    return rows
      .map((row) => begunRow.parse(row))
      .map(({ id, members }) => ({ id, members: begunMembers.parse(JSON.parse(members)) }))
      .sort((one, other) => (one.members[0]?.seq ?? 0) - (other.members[0]?.seq ?? 0));
  }

  /** How many runs have no recorded end. */
  openCount(): number {
    return this.#number('SELECT count(*) FROM runs WHERE closed_at IS NULL');
  }

  close(): void {
    this.#file.close();
  }

  /** @param where what follows `FROM runs`. */
  #rows(where: string, values: Bound[]): RunLogEntry[] {
    const database = this.#file.current();
    return database === null
      ? []
      : all(prepare(database, `SELECT ${columnsOf(database)} FROM runs ${where}`), values).map((entry) =>
          runLogRow.parse(entry),
        );
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
  #receiver: number | null = null;
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
        return new RunLog(dataDir, openRunLogWriter(path), lock, null);
      } catch (error) {
        if (!isCorruption(error)) {
          throw error;
        }
        const aside = setAside(path);
        return new RunLog(
          dataDir,
          openRunLogWriter(path),
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
    this.#statements.transact(() => {
      for (const started of batch) {
        this.#statements.change(
          'INSERT INTO runs (event_id, seq, run_id, started_at, batch) VALUES (?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
          [started.event_id, started.seq, started.run_id, started.started_at.getTime(), started.batch ?? null],
        );
      }
      for (const id of new Set(batch.flatMap((started) => started.batch ?? []))) {
        this.#statements.change('DELETE FROM begun_batches WHERE id = ?', [id]);
      }
      if (through !== undefined) {
        this.#statements.change(
          "INSERT INTO meta (name, value) VALUES ('watermark', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
          [through],
        );
      }
    });
  }

  /** Records how runs ended. A run that is not in the log is ignored. */
  markClosed(batch: readonly ClosedRun[]): void {
    this.#statements.transact(() => {
      for (const closed of batch) {
        this.#statements.change(
          'UPDATE runs SET closed_at = ?, outcome = ?, report = ?, own_run = (batch IS NOT NULL AND ?) WHERE event_id = ?',
          [
            closed.closed_at.getTime(),
            closed.outcome,
            closed.report,
            closed.in_batch === true ? 0 : 1,
            closed.event_id,
          ],
        );
      }
    });
  }

  /** Records that events of a batch go on in runs of their own. */
  markOwnRuns(eventIds: readonly string[]): void {
    this.#statements.transact(() => {
      for (const eventId of eventIds) {
        this.#statements.change('UPDATE runs SET own_run = 1 WHERE event_id = ? AND batch IS NOT NULL', [eventId]);
      }
    });
  }

  /**
   * Records a batch before it is started, so that the same events are started under the same id again after a crash.
   * Synced: not lost in a power loss either. {@link markStarted} of its events deletes it.
   */
  beginBatch({ id, members }: BegunBatch): void {
    this.#writer.exec('PRAGMA synchronous = FULL');
    try {
      this.#statements.transact(() =>
        this.#statements.change('INSERT INTO begun_batches (id, members) VALUES (?, ?) ON CONFLICT (id) DO NOTHING', [
          id,
          JSON.stringify(members),
        ]),
      );
    } finally {
      this.#writer.exec('PRAGMA synchronous = NORMAL');
    }
  }

  /** Deletes the record of a batch that is not started. */
  dropBatch(id: string): void {
    this.#statements.transact(() => this.#statements.change('DELETE FROM begun_batches WHERE id = ?', [id]));
  }

  /** A number of this run log alone, for batch ids: two receivers may have the same events. */
  receiver(): number {
    this.#receiver ??= this.#findReceiver();
    return this.#receiver;
  }

  #findReceiver(): number {
    this.#statements.change("INSERT INTO meta (name, value) VALUES ('receiver', ?) ON CONFLICT (name) DO NOTHING", [
      randomInt(2 ** 47),
    ]);
    return oneNumber(this.#writer, "SELECT value FROM meta WHERE name = 'receiver'");
  }

  /**
   * Deletes closed runs that ended before a time, a bounded number of them.
   * @returns whether there may be more.
   */
  prune(closedBefore: Date, limit = 500): boolean {
    return (
      this.#statements.change(
        'DELETE FROM runs WHERE event_id IN (SELECT event_id FROM runs WHERE seq <= ? AND closed_at < ? ORDER BY seq LIMIT ?)',
        [this.watermark(), closedBefore.getTime(), limit],
      ) === limit
    );
  }

  override close(): void {
    super.close();
    if (this.#statements.close()) {
      this.#lock.release();
    }
  }
}
