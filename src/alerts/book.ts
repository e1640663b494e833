import { join } from 'node:path';
import { z } from 'zod';
import { ALERT_KINDS, type AlertKind, type AlertRoute } from '../rules/alert-route';
import { makePrivateFile } from '../storage/data-folder';
import { oneNumber, openDatabase, openWriteAheadLog, type Bound, type Database } from '../storage/sqlite';
import { StatementCache } from '../storage/statement-cache';
import { LASTING, type Alert, type Condition, type Telling } from './alert';

const FILE = 'alerts.db';
const SCHEMA = 1;
const TABLES = `
  CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    rule TEXT,
    connection TEXT,
    error_class TEXT,
    summary TEXT NOT NULL,
    count INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    ended_at INTEGER,
    acked_by TEXT
  );
  CREATE UNIQUE INDEX alerts_open ON alerts (kind, key) WHERE ended_at IS NULL;
  CREATE TABLE tellings (
    alert INTEGER NOT NULL,
    route TEXT NOT NULL,
    ended INTEGER NOT NULL,
    told_at INTEGER,
    tries INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    problem TEXT,
    PRIMARY KEY (alert, route, ended)
  ) WITHOUT ROWID;
  CREATE TABLE cursors (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE silences (kind TEXT PRIMARY KEY, until INTEGER NOT NULL, who TEXT NOT NULL) WITHOUT ROWID;
`;
/** A lasting alert that comes back sooner is the same one, unless somebody takes it for mended. */
const FLAPS_WITHIN_MS = 60_000;
/** Whoever acknowledged an alert, or was notified of its end, must be notified when it begins again. */
const NOBODY_RELIES_ON_ITS_END =
  'acked_by IS NULL AND NOT EXISTS (SELECT 1 FROM tellings WHERE alert = alerts.id AND ended = 1 AND told_at > 0)';
const KEEP_MS = 90 * 86_400_000;
const FIRST_RETRY_MS = 15_000;
const LONGEST_RETRY_MS = 600_000;
/** A notification that cannot be delivered for so long is given up; `alerts list` shows it. */
const GIVE_UP_MS = 86_400_000;
/** So many notifications are sent at a time. */
const MOST_DUE = 20;

const KINDS = Object.keys(ALERT_KINDS) as [AlertKind, ...AlertKind[]];
const instant = z.number().transform((ms) => new Date(ms).toISOString());
const alertRow: z.ZodType<Alert> = z.object({
  id: z.number(),
  kind: z.enum(KINDS),
  key: z.string(),
  rule: z.string().nullable(),
  connection: z.string().nullable(),
  error_class: z.string().nullable(),
  summary: z.string(),
  count: z.number(),
  since: instant,
  last_at: instant,
  ended_at: instant.nullable(),
  acked_by: z.string().nullable(),
});
const dueRow = z.object({ alert: z.number(), route: z.string(), ended: z.number() });

/** A silence: alerts of a kind (or `all`) are not sent until then. */
export interface Silence {
  kind: string;
  until: string;
  who: string;
}

/**
 * The alerts of a bridge, and the notifications of each: `alerts.db` in the data folder, written by the receiver's
 * process.
 *
 * Guarantees: an alert is sent once to each route that wants its kind, and its end once, over restarts. While it lasts,
 * more of the same is counted. An alert whose end was sent, and that comes back, is sent again.
 *
 * Not guaranteed: that a notification arrives only once when the process is killed while it is delivered.
 */
export class AlertBook {
  readonly #database: Database;
  readonly #statements: StatementCache;

  constructor(
    dataDir: string,
    private readonly now: () => number = Date.now,
  ) {
    const path = join(dataDir, FILE);
    makePrivateFile(path);
    this.#database = openDatabase(path);
    openWriteAheadLog(this.#database, path);
    if (oneNumber(this.#database, 'PRAGMA user_version') === 0) {
      this.#database.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${SCHEMA}; COMMIT`);
    }
    this.#statements = new StatementCache(this.#database);
    this.#statements.change('DELETE FROM alerts WHERE ended_at < ?', [now() - KEEP_MS]);
    this.#statements.change('DELETE FROM tellings WHERE alert NOT IN (SELECT id FROM alerts)', []);
  }

  /** Something happened (again). `more`: how often since the last call. */
  raise(condition: Condition, routes: readonly AlertRoute[], more = 1): void {
    const { kind, key, rule = null, connection = null, error_class: errorClass = null, summary } = condition;
    this.#statements.transact(() => {
      const now = this.now();
      const open = oneNumber(
        this.#database,
        `SELECT id FROM alerts WHERE kind = ? AND key = ? AND (ended_at IS NULL OR (ended_at > ? AND ${NOBODY_RELIES_ON_ITS_END})) ORDER BY id DESC LIMIT 1`,
        [kind, key, LASTING.has(kind) ? now - FLAPS_WITHIN_MS : now],
      );
      if (open > 0) {
        this.#statements.change(
          'UPDATE alerts SET count = count + ?, last_at = ?, ended_at = NULL, summary = ? WHERE id = ?',
          [more, now, summary, open],
        );
        // The notification of its end was due.
        this.#statements.change('DELETE FROM tellings WHERE alert = ? AND ended = 1 AND told_at IS NULL', [open]);
        return;
      }
      this.#statements.change(
        'INSERT INTO alerts (kind, key, rule, connection, error_class, summary, count, since, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        [kind, key, rule, connection, errorClass, summary, more, now, now],
      );
      const id = oneNumber(this.#database, 'SELECT last_insert_rowid()');
      if (!this.#isSilenced(kind, now)) {
        for (const route of routes.filter(({ on }) => on.includes(kind))) {
          this.#addTelling(id, route.name, false, now);
        }
      }
    });
  }

  /** A lasting alert goes on: it is not counted again. */
  lasts(kind: AlertKind, key: string): void {
    this.#statements.change('UPDATE alerts SET last_at = ? WHERE kind = ? AND key = ? AND ended_at IS NULL', [
      this.now(),
      kind,
      key,
    ]);
  }

  /** A lasting alert is over. Its end is sent to the routes that its beginning was sent to. */
  end(kind: AlertKind, key: string): void {
    this.#statements.transact(() => {
      const id = oneNumber(this.#database, 'SELECT id FROM alerts WHERE kind = ? AND key = ? AND ended_at IS NULL', [
        kind,
        key,
      ]);
      if (id > 0) {
        this.#end(id);
      }
    });
  }

  /** Ends alerts of things that have not happened again for their quiet time. */
  endQuiet(quietMsOf: (kind: AlertKind) => number): void {
    for (const alert of this.open()) {
      if (!LASTING.has(alert.kind) && Date.parse(alert.last_at) + quietMsOf(alert.kind) <= this.now()) {
        this.#statements.transact(() => this.#end(alert.id));
      }
    }
  }

  /** The alerts that last, the oldest first. */
  open(): Alert[] {
    return this.#alerts('WHERE ended_at IS NULL ORDER BY id', []);
  }

  /** The newest first. */
  list(limit: number): Alert[] {
    return this.#alerts('ORDER BY (ended_at IS NULL) DESC, id DESC LIMIT ?', [limit]);
  }

  /** The notifications that are due. */
  due(): Telling[] {
    const rows = this.#statements
      .all(
        'SELECT alert, route, ended FROM tellings WHERE told_at IS NULL AND next_at <= ? ORDER BY alert, ended LIMIT ?',
        [this.now(), MOST_DUE],
      )
      .map((row) => dueRow.parse(row));
    return rows.flatMap(({ alert: id, route, ended }) => {
      const [alert] = this.#alerts('WHERE id = ?', [id]);
      return alert === undefined ? [] : [{ alert, route, ended: ended === 1 }];
    });
  }

  /** A notification was delivered. */
  told({ alert, route, ended }: Telling): void {
    this.#statements.change(
      'UPDATE tellings SET told_at = ?, problem = NULL WHERE alert = ? AND route = ? AND ended = ?',
      [this.now(), alert.id, route, ended ? 1 : 0],
    );
  }

  /**
   * A notification could not be delivered: it is tried again later, for a day.
   * @param problem a code, no personal data.
   */
  notTold({ alert, route, ended }: Telling, problem: string): void {
    this.#statements.transact(() => {
      const values: Bound[] = [alert.id, route, ended ? 1 : 0];
      const tries = oneNumber(
        this.#database,
        'SELECT tries FROM tellings WHERE alert = ? AND route = ? AND ended = ?',
        values,
      );
      const now = this.now();
      const from = ended && alert.ended_at !== null ? alert.ended_at : alert.since;
      if (Date.parse(from) + GIVE_UP_MS < now) {
        this.#statements.change(
          'UPDATE tellings SET told_at = 0, problem = ? WHERE alert = ? AND route = ? AND ended = ?',
          [problem, ...values],
        );
        return;
      }
      const wait = Math.min(FIRST_RETRY_MS * 2 ** tries, LONGEST_RETRY_MS);
      this.#statements.change(
        'UPDATE tellings SET tries = tries + 1, next_at = ?, problem = ? WHERE alert = ? AND route = ? AND ended = ?',
        [now + wait, problem, ...values],
      );
    });
  }

  /** A route is no longer in the rule file: nothing can be sent by it. */
  dropRoute(route: string): void {
    this.#statements.change('DELETE FROM tellings WHERE route = ? AND told_at IS NULL', [route]);
  }

  /** Notifications that could not be delivered yet, or were given up, by alert. */
  problems(): { alert: number; route: string; problem: string }[] {
    const row = z.object({ alert: z.number(), route: z.string(), problem: z.string() });
    return this.#statements
      .all('SELECT alert, route, problem FROM tellings WHERE problem IS NOT NULL')
      .map((found) => row.parse(found));
  }

  /** How many notifications are due, or could not be delivered yet. Those that were given up do not count. */
  untold(): number {
    return oneNumber(this.#database, 'SELECT count(*) FROM tellings WHERE told_at IS NULL');
  }

  /** Somebody knows of an alert: nothing of it is sent any more. @returns false for one that does not last. */
  ack(id: number, who: string): boolean {
    return this.#statements.transact(() => {
      const acked = this.#statements.change('UPDATE alerts SET acked_by = ? WHERE id = ? AND ended_at IS NULL', [
        who,
        id,
      ]);
      this.#statements.change('DELETE FROM tellings WHERE alert = ? AND told_at IS NULL', [id]);
      return acked === 1;
    });
  }

  /** Nothing of a kind is sent until then. `all` for every kind. */
  silence(kind: AlertKind | 'all', until: Date, who: string): void {
    this.#statements.change(
      'INSERT INTO silences (kind, until, who) VALUES (?, ?, ?) ON CONFLICT (kind) DO UPDATE SET until = excluded.until, who = excluded.who',
      [kind, until.getTime(), who],
    );
  }

  silences(): Silence[] {
    const row = z.object({ kind: z.string(), until: instant, who: z.string() });
    return this.#statements
      .all('SELECT kind, until, who FROM silences WHERE until > ?', [this.now()])
      .map((found) => row.parse(found));
  }

  /** A number that outlives restarts: how far a probe has read. 0 at first. */
  cursor(name: string): number {
    return oneNumber(this.#database, 'SELECT value FROM cursors WHERE name = ?', [name]);
  }

  /** Sets it when it has never been set. */
  startCursor(name: string, value: number): void {
    this.#statements.change('INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING', [name, value]);
  }

  setCursor(name: string, value: number): void {
    this.#statements.change(
      'INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [name, value],
    );
  }

  close(): void {
    this.#statements.close();
  }

  #end(id: number): void {
    const now = this.now();
    this.#statements.change('UPDATE alerts SET ended_at = ? WHERE id = ?', [now, id]);
    const wasAcked = this.#statements.one('SELECT 1 AS acked FROM alerts WHERE id = ? AND acked_by IS NOT NULL', [id]);
    const told = this.#statements
      .all('SELECT route FROM tellings WHERE alert = ? AND ended = 0 AND told_at > 0', [id])
      .map((row) => z.object({ route: z.string() }).parse(row).route);
    // Its beginning was sent to nobody: there is nothing to take back.
    this.#statements.change('DELETE FROM tellings WHERE alert = ? AND told_at IS NULL', [id]);
    for (const route of wasAcked === undefined ? told : []) {
      this.#addTelling(id, route, true, now);
    }
  }

  #addTelling(alert: number, route: string, ended: boolean, now: number): void {
    this.#statements.change(
      'INSERT INTO tellings (alert, route, ended, tries, next_at) VALUES (?, ?, ?, 0, ?) ON CONFLICT (alert, route, ended) DO UPDATE SET told_at = NULL, tries = 0, next_at = excluded.next_at',
      [alert, route, ended ? 1 : 0, now],
    );
  }

  #isSilenced(kind: AlertKind, now: number): boolean {
    return (
      oneNumber(this.#database, "SELECT count(*) FROM silences WHERE kind IN (?, 'all') AND until > ?", [kind, now]) > 0
    );
  }

  #alerts(where: string, values: Bound[]): Alert[] {
    return this.#statements.all(`SELECT * FROM alerts ${where}`, values).map((row) => alertRow.parse(row));
  }
}
