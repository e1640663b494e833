import { join } from 'node:path';
import { z } from 'zod';
import { ReopeningDatabase } from '../../storage/reopening-database';
import { all, oneNumber, prepare, type Bound } from '../../storage/sqlite';
import { hasTraffic, INBOX_FILE, isInbox, TRAFFIC_SINCE } from './schema';
import { seqAt } from './seq-at';
import { SLOT_MS } from './traffic-counts';

/** Events of one kind. */
export interface TypeCount {
  /** One of `COUNTED_TYPES`, or `other`. */
  type: string;
  direction: string | null;
  answered: boolean | null;
  events: number;
}

/** Part of the inbox: events with `from` <= `seq` < `to`. */
export interface SeqRange {
  from: number;
  to: number;
}

const typeRow = z
  .object({ type: z.string(), direction: z.string(), answered: z.number(), events: z.number() })
  .transform((row): TypeCount => ({
    ...row,
    direction: row.direction === '' ? null : row.direction,
    answered: row.answered < 0 ? null : row.answered === 1,
  }));
const planRow = z.object({ json: z.string(), events: z.number() });
const names = z.object({ rules: z.array(z.object({ name: z.string() })) });

/** Counts events in a data folder, without parsing them. Close it when done. */
export class TrafficReader {
  readonly #file: ReopeningDatabase;

  constructor(dataDir: string) {
    this.#file = new ReopeningDatabase(join(dataDir, INBOX_FILE), isInbox);
  }

  /** The events that came between two times; a few more or less where a clock was set back then. */
  range(since: Date, until: Date): SeqRange {
    const database = this.#file.current();
    if (database === null) {
      return { from: 0, to: 0 };
    }
    // From about where the times begin to the very event: a few rows.
    const first = 'SELECT seq FROM events WHERE seq >= ? AND received_at >= ? ORDER BY seq LIMIT 1';
    const last = 'SELECT seq FROM events WHERE seq < ? AND received_at < ? ORDER BY seq DESC LIMIT 1';
    const from = oneNumber(database, first, [seqAt(database, since.getTime(), 'max'), since.getTime()]);
    return from === 0
      ? { from: 0, to: 0 }
      : { from, to: oneNumber(database, last, [seqAt(database, until.getTime(), 'min'), until.getTime()]) + 1 };
  }

  /** When the oldest event that the inbox keeps came; null when it has none. */
  oldest(): Date | null {
    const database = this.#file.current();
    const at = database === null ? 0 : oneNumber(database, 'SELECT received_at FROM events ORDER BY seq LIMIT 1');
    return at === 0 ? null : new Date(at);
  }

  /** Since when {@link counted} counts, where events came before; null when it counts all that ever came. */
  countedSince(): Date | null {
    const database = this.#file.current();
    if (database !== null && !hasTraffic(database)) {
      return new Date();
    }
    const at = database === null ? 0 : oneNumber(database, 'SELECT value FROM meta WHERE name = ?', [TRAFFIC_SINCE]);
    return at === 0 ? null : new Date(at);
  }

  /** How many events came in whole quarters of an hour, by kind; also those that the retention has deleted since. */
  counted(since: Date, until: Date): TypeCount[] {
    const database = this.#file.current();
    if (database === null || !hasTraffic(database)) {
      return [];
    }
    return this.#rows(
      'SELECT type, direction, answered, sum(events) AS events FROM traffic WHERE slot >= ? AND slot < ? GROUP BY 1, 2, 3',
      [Math.floor(since.getTime() / SLOT_MS), Math.ceil(until.getTime() / SLOT_MS)],
    ).map((row) => typeRow.parse(row));
  }

  /** How many events each rule matched, by rule name, and how many any rule matched. */
  matched(range: SeqRange): { events: number; byRule: Map<string, number> } {
    const rows = this.#rows(
      'SELECT json, events FROM (SELECT plan, count(*) AS events FROM events INDEXED BY events_by_plan WHERE plan IS NOT NULL AND seq >= ? AND seq < ? GROUP BY plan) JOIN plans ON plans.id = plan',
      [range.from, range.to],
    ).map((row) => planRow.parse(row));
    const byRule = new Map<string, number>();
    for (const { json, events } of rows) {
      for (const { name } of names.parse(JSON.parse(json)).rules) {
        byRule.set(name, (byRule.get(name) ?? 0) + events);
      }
    }
    return { events: rows.reduce((sum, { events }) => sum + events, 0), byRule };
  }

  close(): void {
    this.#file.close();
  }

  #rows(sql: string, values: Bound[]): unknown[] {
    const database = this.#file.current();
    return database === null ? [] : all(prepare(database, sql), values);
  }
}
