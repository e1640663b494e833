import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { laterRunId } from '../runs/names';
import { ReopeningDatabase } from '../storage/reopening-database';
import {
  all,
  change,
  emptyLog,
  inTransaction,
  oneNumber,
  openDatabase,
  openWriteAheadLog,
  prepare,
  type Bound,
} from '../storage/sqlite';
import { StatementCache } from '../storage/statement-cache';
import { RUN_LOG_FILE } from './run-log';

const TABLES = `
  CREATE TABLE IF NOT EXISTS later_runs (
    event_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    plan TEXT,
    begun_at INTEGER NOT NULL,
    started_at INTEGER,
    closed_at INTEGER,
    outcome TEXT,
    report TEXT,
    PRIMARY KEY (event_id, number)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS later_runs_by_job ON later_runs (job, outcome);
  CREATE INDEX IF NOT EXISTS later_runs_closed ON later_runs (closed_at);
  CREATE INDEX IF NOT EXISTS later_runs_open ON later_runs (begun_at) WHERE closed_at IS NULL;
`;

/** How a run after an event's first came to be: the failed steps of the same plan, or the rules in force later. */
export type LaterRunKind = 'retry' | 'rerun';

/** A retry or rerun of an event. */
export interface LaterRunEntry {
  event_id: string;
  /** 2 for the first retry or rerun of the event. */
  number: number;
  /** The job that started it. */
  job: string;
  kind: LaterRunKind;
  /** JSON text of its plan; null for the plan in the inbox. */
  plan: string | null;
  /** When the job took it up. */
  begun_at: Date;
  /** When Temporal accepted it; null when not yet, or never. */
  started_at: Date | null;
  closed_at: Date | null;
  /** As in the run log; also `refused` (the reason is in the report) and `nothing` (nothing was left to do). */
  outcome: string | null;
  /** JSON text. */
  report: string | null;
}

const at = z
  .number()
  .nullable()
  .transform((ms) => (ms === null ? null : new Date(ms)));
const row: z.ZodType<LaterRunEntry> = z.object({
  event_id: z.string(),
  number: z.number(),
  job: z.string(),
  kind: z.enum(['retry', 'rerun']),
  plan: z.string().nullable(),
  begun_at: z.number().transform((ms) => new Date(ms)),
  started_at: at,
  closed_at: at,
  outcome: z.string().nullable(),
  report: z.string().nullable(),
});
const reportRow = z.object({ key: z.union([z.string(), z.number()]), report: z.string() });
const COLUMNS = 'event_id, number, job, kind, plan, begun_at, started_at, closed_at, outcome, report';

/** Reads the later runs of events from any process. Empty before the first job. Close it when done. */
export class LaterRunsReader {
  readonly #file: ReopeningDatabase;

  constructor(dataDir: string) {
    this.#file = new ReopeningDatabase(
      join(dataDir, RUN_LOG_FILE),
      (database) => oneNumber(database, "SELECT count(*) FROM sqlite_master WHERE name = 'later_runs'") > 0,
    );
  }

  /** The later runs of an event, in their order. */
  of(eventId: string): LaterRunEntry[] {
    return this.#rows('WHERE event_id = ? ORDER BY number', [eventId]);
  }

  /** The last run of an event after its first; null for none. */
  last(eventId: string): LaterRunEntry | null {
    return this.#rows('WHERE event_id = ? ORDER BY number DESC LIMIT 1', [eventId])[0] ?? null;
  }

  get(eventId: string, number: number): LaterRunEntry | null {
    return this.#rows('WHERE event_id = ? AND number = ?', [eventId, number])[0] ?? null;
  }

  /** Runs that have no recorded end, the oldest first. */
  open(limit: number): LaterRunEntry[] {
    return this.#rows('WHERE closed_at IS NULL ORDER BY begun_at LIMIT ?', [limit]);
  }

  /** Ids of the events that have a later run, in no order. */
  events(): string[] {
    const database = this.#file.current();
    const rows = database === null ? [] : all(prepare(database, 'SELECT DISTINCT event_id FROM later_runs'));
    return rows.map((entry) => z.object({ event_id: z.string() }).parse(entry).event_id);
  }

  /** How many runs of a job have each outcome; `open` counts those without one. */
  outcomes(job: string): Record<string, number> {
    const database = this.#file.current();
    const rows =
      database === null
        ? []
        : all(prepare(database, 'SELECT outcome, count(*) AS runs FROM later_runs WHERE job = ? GROUP BY outcome'), [
            job,
          ]);
    const counted = rows.map((entry) => z.object({ outcome: z.string().nullable(), runs: z.number() }).parse(entry));
    return Object.fromEntries(counted.map(({ outcome, runs }) => [outcome ?? 'open', runs]));
  }

  /** Ids of events that have a later run which ended otherwise than `done` or `skipped`, in no order. */
  failedEvents(): string[] {
    const database = this.#file.current();
    const rows =
      database === null
        ? []
        : all(
            prepare(
              database,
              "SELECT DISTINCT event_id FROM later_runs WHERE outcome NOT IN ('done', 'skipped', 'nothing')",
            ),
          );
    return rows.map((entry) => z.object({ event_id: z.string() }).parse(entry).event_id);
  }

  /** Runs that ended otherwise than `done` or `skipped`, after `from` and until `until` (epoch milliseconds). */
  failedBetween(from: number, until: number): { outcome: string; report: string | null }[] {
    const sql = "WHERE outcome NOT IN ('done', 'skipped', 'nothing') AND closed_at > ? AND closed_at <= ? LIMIT 10000";
    return this.#rows(sql, [from, until]).map(({ outcome, report }) => ({ outcome: outcome ?? '', report }));
  }

  close(): void {
    this.#file.close();
  }

  #rows(where: string, values: Bound[]): LaterRunEntry[] {
    const database = this.#file.current();
    return database === null
      ? []
      : all(prepare(database, `SELECT ${COLUMNS} FROM later_runs ${where}`), values).map((entry) => row.parse(entry));
  }
}

/**
 * The record of later runs, in the run log's file. Written by the process of the dispatcher alone. A run is recorded
 * before it is started, so that a job that is resumed knows its own runs from those of others.
 *
 * Guarantees: a crash of the process loses nothing.
 */
export class LaterRuns extends LaterRunsReader {
  readonly #statements: StatementCache;

  /** Opens the record for writing. The run log must be open. */
  constructor(dataDir: string) {
    super(dataDir);
    const path = join(dataDir, RUN_LOG_FILE);
    const writer = openDatabase(path);
    openWriteAheadLog(writer, path);
    writer.exec('PRAGMA synchronous = FULL');
    writer.exec(TABLES);
    this.#statements = new StatementCache(writer);
  }

  /** Records that a job takes up a run. No effect when it is recorded already. */
  begin(run: Pick<LaterRunEntry, 'event_id' | 'number' | 'job' | 'kind' | 'plan'>): void {
    this.#statements.change(
      'INSERT INTO later_runs (event_id, number, job, kind, plan, begun_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      [run.event_id, run.number, run.job, run.kind, run.plan, Date.now()],
    );
  }

  /** Records that Temporal accepted a run. */
  started(eventId: string, number: number): void {
    this.#statements.change(
      'UPDATE later_runs SET started_at = ? WHERE event_id = ? AND number = ? AND started_at IS NULL',
      [Date.now(), eventId, number],
    );
  }

  /** Records how a run ended. A later end replaces it. @returns false for a run that is not in the record. */
  ended(eventId: string, number: number, outcome: string, report: unknown): boolean {
    const changed = this.#statements.change(
      'UPDATE later_runs SET closed_at = ?, outcome = ?, report = ? WHERE event_id = ? AND number = ?',
      [Date.now(), outcome, JSON.stringify(report ?? null), eventId, number],
    );
    return changed === 1;
  }

  /** Deletes closed runs that ended before a time. */
  prune(closedBefore: Date): void {
    this.#statements.change('DELETE FROM later_runs WHERE closed_at < ?', [closedBefore.getTime()]);
  }

  override close(): void {
    super.close();
    this.#statements.close();
  }
}

/** The workflow id of a later run. */
export function workflowIdOf({ event_id, number }: Pick<LaterRunEntry, 'event_id' | 'number'>): string {
  return laterRunId(event_id, number);
}

/** Replaces the reports of an event's runs, the first one included. No effect where nothing has ever run. */
export function replaceReports(dataDir: string, eventId: string, replace: (report: unknown) => unknown): void {
  const path = join(dataDir, RUN_LOG_FILE);
  if (!existsSync(path)) {
    return;
  }
  const database = openDatabase(path);
  try {
    database.exec('PRAGMA secure_delete = ON');
    inTransaction(database, () => {
      for (const [table, key] of [
        ['runs', 'run_id'],
        ['later_runs', 'number'],
      ] as const) {
        if (
          oneNumber(database, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", [table]) === 0
        ) {
          continue;
        }
        const found = all(
          prepare(database, `SELECT ${key} AS key, report FROM ${table} WHERE event_id = ? AND report IS NOT NULL`),
          [eventId],
        );
        for (const entry of found) {
          const { key: value, report } = reportRow.parse(entry);
          change(prepare(database, `UPDATE ${table} SET report = ? WHERE event_id = ? AND ${key} = ?`), [
            JSON.stringify(replace(JSON.parse(report)) ?? null),
            eventId,
            value,
          ]);
        }
      }
    });
    emptyLog(database);
  } finally {
    database.close();
  }
}
