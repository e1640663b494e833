import { join } from 'node:path';
import { z } from 'zod';
import { makePrivateFile } from '../storage/data-folder';
import { ReopeningDatabase } from '../storage/reopening-database';
import { all, oneNumber, openDatabase, openWriteAheadLog, prepare, type Bound, type Database } from '../storage/sqlite';
import { StatementCache } from '../storage/statement-cache';

const FILE = 'operations.db';
const SCHEMA = 1;
const TABLES = `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    cancelled_at INTEGER,
    request TEXT NOT NULL,
    plan TEXT NOT NULL,
    total INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE items (
    job TEXT NOT NULL,
    n INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    number INTEGER,
    plan INTEGER,
    PRIMARY KEY (job, n)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX items_by_run ON items (event_id, number) WHERE number IS NOT NULL;
  CREATE TABLE plans (id INTEGER PRIMARY KEY, json TEXT NOT NULL UNIQUE);
  CREATE TABLE audit (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    operation TEXT NOT NULL,
    detail TEXT NOT NULL,
    count INTEGER
  );
  CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
`;
/** Also added to files of earlier versions. REPLACE fires no trigger for what it deletes. */
const AUDIT_IS_NOT_REPLACED = `
  CREATE TRIGGER IF NOT EXISTS audit_is_not_replaced BEFORE INSERT ON audit
  WHEN EXISTS (SELECT 1 FROM audit WHERE n = NEW.n)
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
`;

/** A job as stored. */
export interface StoredJob {
  id: string;
  kind: 'retry' | 'rerun';
  who: string;
  created_at: Date;
  confirmed_at: Date | null;
  cancelled_at: Date | null;
  /** JSON text. */
  request: string;
  /** JSON text. */
  plan: string;
  /** How many events it has. */
  total: number;
}

/** One event of a job. */
export interface JobItem {
  n: number;
  event_id: string;
  /** Number of the event's run; null until the job is confirmed. */
  number: number | null;
  /** JSON text of the run's plan; null for the plan in the inbox. */
  plan: string | null;
}

/** An entry of the audit log. */
export interface AuditEntry {
  n: number;
  at: string;
  /** The user of the operating system, or `the bridge`. */
  who: string;
  /** `events.retry`, `connections.resume`, ... */
  operation: string;
  /** What was asked for. No personal data. */
  detail: unknown;
  /** How many events, connections, ... it was for; null where there is nothing to count. */
  count: number | null;
}

const at = z.number().transform((ms) => new Date(ms));
const jobRow: z.ZodType<StoredJob> = z.object({
  id: z.string(),
  kind: z.enum(['retry', 'rerun']),
  who: z.string(),
  created_at: at,
  confirmed_at: at.nullable(),
  cancelled_at: at.nullable(),
  request: z.string(),
  plan: z.string(),
  total: z.number(),
});
const itemRow: z.ZodType<JobItem> = z.object({
  n: z.number(),
  event_id: z.string(),
  number: z.number().nullable(),
  plan: z.string().nullable(),
});
const auditRow = z
  .object({
    n: z.number(),
    at: z.number(),
    who: z.string(),
    operation: z.string(),
    detail: z.string(),
    count: z.number().nullable(),
  })
  .transform((entry): AuditEntry => ({
    ...entry,
    at: new Date(entry.at).toISOString(),
    detail: JSON.parse(entry.detail),
  }));

/** Reads jobs and the audit log from any process. Empty before the first operation. Close it when done. */
export class OperationsReader {
  readonly #file: ReopeningDatabase;

  constructor(dataDir: string) {
    this.#file = new ReopeningDatabase(
      join(dataDir, FILE),
      (database) => oneNumber(database, 'PRAGMA user_version') > 0,
    );
  }

  /** The newest jobs first. */
  jobs(limit: number): StoredJob[] {
    return this.#rows('SELECT * FROM jobs ORDER BY created_at DESC, id LIMIT ?', [limit]).map((row) =>
      jobRow.parse(row),
    );
  }

  job(id: string): StoredJob | null {
    const [row] = this.#rows('SELECT * FROM jobs WHERE id = ?', [id]);
    return row === undefined ? null : jobRow.parse(row);
  }

  /** Confirmed jobs that nobody cancelled, oldest first. */
  confirmedJobs(): StoredJob[] {
    return this.#rows(
      'SELECT * FROM jobs WHERE confirmed_at IS NOT NULL AND cancelled_at IS NULL ORDER BY confirmed_at',
      [],
    ).map((row) => jobRow.parse(row));
  }

  /** A job's events after `n`, in their order. */
  items(job: string, after: number, limit: number): JobItem[] {
    return this.#rows(
      'SELECT n, event_id, number, plans.json AS plan FROM items LEFT JOIN plans ON plans.id = items.plan WHERE job = ? AND n > ? ORDER BY n LIMIT ?',
      [job, after, limit],
    ).map((row) => itemRow.parse(row));
  }

  /** The number of the last run that a job, which nobody cancelled, has for an event; 1 when there is none. */
  lastNumber(eventId: string): number {
    const database = this.#file.current();
    const sql =
      'SELECT max(number) FROM items JOIN jobs ON jobs.id = items.job WHERE event_id = ? AND cancelled_at IS NULL';
    return Math.max(1, database === null ? 0 : oneNumber(database, sql, [eventId]));
  }

  /** The newest audit entries first. */
  audit(options: { limit: number; since?: Date }): AuditEntry[] {
    return this.#rows('SELECT * FROM audit WHERE at >= ? ORDER BY n DESC LIMIT ?', [
      options.since?.getTime() ?? 0,
      options.limit,
    ]).map((row) => auditRow.parse(row));
  }

  close(): void {
    this.#file.close();
  }

  #rows(sql: string, values: Bound[]): unknown[] {
    const database = this.#file.current();
    return database === null ? [] : all(prepare(database, sql), values);
  }
}

/**
 * Jobs and the audit log: `operations.db`, written by the receiver's process alone.
 *
 * Guarantees: what a method wrote is on the disk when it returns. An event has at most one run of each number, whichever
 * jobs are confirmed at the same time. The audit log cannot be changed through this file.
 */
export class OperationsStore extends OperationsReader {
  readonly #writer: Database;
  readonly #statements: StatementCache;

  constructor(dataDir: string) {
    super(dataDir);
    const path = join(dataDir, FILE);
    makePrivateFile(path);
    this.#writer = openDatabase(path);
    openWriteAheadLog(this.#writer, path);
    this.#writer.exec('PRAGMA synchronous = FULL');
    if (oneNumber(this.#writer, 'PRAGMA user_version') === 0) {
      this.#writer.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${SCHEMA}; COMMIT`);
    }
    this.#writer.exec(AUDIT_IS_NOT_REPLACED);
    this.#statements = new StatementCache(this.#writer);
  }

  /** Stores a job that waits for its confirmation, with its events. */
  addJob(
    job: Pick<StoredJob, 'id' | 'kind' | 'who' | 'request' | 'plan'>,
    items: readonly { event_id: string; plan: string | null }[],
  ): void {
    this.#statements.transact(() => {
      this.#statements.change(
        'INSERT INTO jobs (id, kind, who, created_at, request, plan, total) VALUES (?, ?, ?, ?, ?, ?, ?)',
        [job.id, job.kind, job.who, Date.now(), job.request, job.plan, items.length],
      );
      items.forEach(({ event_id, plan }, index) => {
        this.#statements.change('INSERT INTO items (job, n, event_id, plan) VALUES (?, ?, ?, ?)', [
          job.id,
          index + 1,
          event_id,
          plan === null ? null : this.#planId(plan),
        ]);
      });
    });
  }

  /**
   * Confirms a job: its events get the numbers of their runs, and the audit log an entry.
   * @returns false when it is not waiting for its confirmation.
   */
  confirm(id: string, who: string): boolean {
    return this.#statements.transact(() => {
      const confirmed = this.#statements.change(
        'UPDATE jobs SET confirmed_at = ? WHERE id = ? AND confirmed_at IS NULL AND cancelled_at IS NULL',
        [Date.now(), id],
      );
      if (confirmed === 0) {
        return false;
      }
      this.#statements.change(
        'UPDATE items SET number = 1 + max(1, coalesce((SELECT max(other.number) FROM items AS other WHERE other.event_id = items.event_id), 1)) WHERE job = ?',
        [id],
      );
      const job = this.job(id);
      this.#audit(who, `events.${job?.kind ?? ''}`, { job: id, ...asObject(job?.request) }, job?.total ?? null);
      return true;
    });
  }

  /** Cancels a job; what has been started goes on. @returns false when it has been cancelled already, or is unknown. */
  cancel(id: string, who: string): boolean {
    return this.#statements.transact(() => {
      const cancelled = this.#statements.change(
        'UPDATE jobs SET cancelled_at = ? WHERE id = ? AND cancelled_at IS NULL',
        [Date.now(), id],
      );
      if (cancelled === 1) {
        this.#audit(who, 'jobs.cancel', { job: id }, null);
      }
      return cancelled === 1;
    });
  }

  /** Adds an entry to the audit log. @param detail without personal data. */
  recordOperation(who: string, operation: string, detail: object, count: number | null): void {
    this.#statements.transact(() => this.#audit(who, operation, detail, count));
  }

  /** Deletes jobs that were confirmed, or never were, before a time. The audit log stays. */
  prune(before: Date): void {
    this.#statements.transact(() => {
      const old = 'SELECT id FROM jobs WHERE created_at < ?';
      this.#statements.change(`DELETE FROM items WHERE job IN (${old})`, [before.getTime()]);
      this.#statements.change('DELETE FROM jobs WHERE created_at < ?', [before.getTime()]);
    });
  }

  override close(): void {
    super.close();
    this.#statements.close();
  }

  #audit(who: string, operation: string, detail: object, count: number | null): void {
    this.#statements.change('INSERT INTO audit (at, who, operation, detail, count) VALUES (?, ?, ?, ?, ?)', [
      Date.now(),
      who,
      operation,
      JSON.stringify(detail),
      count,
    ]);
  }

  #planId(json: string): number {
    this.#statements.change('INSERT INTO plans (json) VALUES (?) ON CONFLICT DO NOTHING', [json]);
    return oneNumber(this.#writer, 'SELECT id FROM plans WHERE json = ?', [json]);
  }
}

function asObject(json: string | undefined): object {
  const value: unknown = json === undefined ? {} : JSON.parse(json);
  return typeof value === 'object' && value !== null ? value : {};
}
