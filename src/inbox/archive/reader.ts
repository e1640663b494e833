import { join } from 'node:path';
import { z } from 'zod';
import type { Plan } from '../../rules/plan';
import type { RunLogReader } from '../../dispatch/run-log';
import { ReopeningDatabase } from '../../storage/reopening-database';
import { CLOCK_SET_BACK_MS, conditionsOf, type ListOptions } from './list-options';
import {
  dataOf,
  eventRow,
  HEAD_COLUMNS,
  planRow,
  positionRow,
  quarantineRow,
  ruleSetRow,
  sizeRow,
  storedPlan,
  summaryRow,
} from './rows';
import { INBOX_FILE, isInbox } from './schema';
import { seqAt } from './seq-at';
import { heldBytes } from './retention';
import { all, blobOf, oneNumber, prepare, type Bound } from '../../storage/sqlite';
import {
  FORGOTTEN_CONTENT_TYPE,
  readHead,
  type EventSummary,
  type Quarantined,
  type QuarantineSummary,
  type RuleSetUse,
  type StoredEvent,
} from '../stored-event';

/** Page size of {@link InboxReader.iterate}. No read stays open between pages, so that checkpoints can complete. */
const PAGE = 100;

/**
 * Bodies that {@link InboxReader.pendingAfter} reads at once, besides the first: parsed, they take several times as much
 * memory.
 */
const BATCH_BYTES = 8 * 1_048_576;

/** Events that {@link InboxReader.search} looks at in one go: some milliseconds. */
const SEARCHED_AT_ONCE = 500;

/** How many parsed plans are cached; an installation has a few dozen. */
const MAX_CACHED_PLANS = 200;

/** The backlog is counted up to this number. */
const MAX_COUNTED = 100_000;

/** Events that wait to be dispatched. */
export interface Backlog {
  /** How many; counted up to 100,000. */
  depth: number;
  /** Age of the oldest in milliseconds; 0 when there is none. */
  oldestAgeMs: number;
}

/** How many events and requests are stored. */
export interface InboxCounts {
  received: number;
  ignored: number;
  quarantined: number;
}

/**
 * Reads the inbox from any process while its writer runs: the dispatcher, `bridge events`, backfill. Everything is empty
 * before the writer has created the file. It never writes, and does not wait for commits (WAL).
 */
export class InboxReader {
  readonly #plans = new Map<number, Plan>();
  readonly #file: ReopeningDatabase;

  private constructor(dataDir: string) {
    this.#file = new ReopeningDatabase(join(dataDir, INBOX_FILE), isInbox, () => this.#plans.clear());
  }

  static open(dataDir: string): InboxReader {
    return new InboxReader(dataDir);
  }

  /**
   * Events with something to do after `seq`, oldest first, whether they are dispatched or not.
   * @param onUnreadable called for those that cannot be read (a damaged file), which are left out.
   */
  pendingAfter(
    seq: number,
    limit: number,
    onUnreadable: (unreadable: { seq: number; event_id: string }) => void = () => undefined,
  ): (StoredEvent & { event_id: string; plan: Plan })[] {
    // The sizes first: two hundred bodies of ten megabytes must not be in memory at once.
    const sizes = this.#rows(
      'SELECT seq, bytes FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?',
      [seq, limit],
    ).map((row) => sizeRow.parse(row));
    let leftBytes = BATCH_BYTES;
    const fitting = sizes.filter((row, index) => index === 0 || (leftBytes -= row.bytes) > 0);
    const last = fitting.at(-1)?.seq ?? seq;
    return this.#rows(
      `SELECT seq, ${HEAD_COLUMNS}, plan, content_type, body FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
      [seq, last, fitting.length],
    ).flatMap((row) => {
      const event = this.#readable(row);
      if (event === null) {
        onUnreadable(positionRow.parse(row));
        return [];
      }
      return event.plan === null ? [] : [{ ...event, event_id: event.event.event_id, plan: event.plan }];
    });
  }

  /** A whole event; null when the inbox does not have this id, or no longer. */
  get(eventId: string): StoredEvent | null {
    const [row] = this.#rows(`SELECT seq, ${HEAD_COLUMNS}, plan, content_type, body FROM events WHERE event_id = ?`, [
      eventId,
    ]);
    return row === undefined ? null : this.#event(row);
  }

  /** Whether the inbox has an event of this id. */
  has(eventId: string): boolean {
    return this.#rows('SELECT 1 FROM events WHERE event_id = ?', [eventId]).length > 0;
  }

  /** Names of the rules that a message or its twin fired. */
  firedBy(twin: string): string[] {
    return this.#rows('SELECT rule FROM fired WHERE twin = ?', [twin]).map(
      (row) => z.object({ rule: z.string() }).parse(row).rule,
    );
  }

  /** Events, newest first. */
  list(options: ListOptions): EventSummary[] {
    const database = this.#file.current();
    if (database === null) {
      return [];
    }
    const { where, values } = conditionsOf(options, (time, which) => seqAt(database, time, which));
    return this.#rows(`SELECT seq, ${HEAD_COLUMNS}, plan, bytes FROM events WHERE ${where} ORDER BY seq DESC LIMIT ?`, [
      ...values,
      options.limit,
    ]).map((row) => {
      const { seq, plan, bytes, ...head } = summaryRow.parse(row);
      return {
        ...readHead(head),
        seq,
        outcome: plan === null ? 'ignored' : 'received',
        rules: plan === null ? [] : this.#plan(plan).rules.map(({ name }) => name),
        bytes,
      };
    });
  }

  /** Ids of the plans for which `matches` holds, for {@link ListOptions.plans}. */
  plansWhere(matches: (plan: Plan) => boolean): number[] {
    return this.#rows('SELECT id, json FROM plans', []).flatMap((row) => {
      const { id, json } = planRow.parse(row);
      return matches(storedPlan.parse(JSON.parse(json))) ? [id] : [];
    });
  }

  /** The `seq` of an event; null when the inbox does not have it, or no longer. */
  seqOf(eventId: string): number | null {
    const seq = this.#number('SELECT seq FROM events WHERE event_id = ?', [eventId]);
    return seq === 0 ? null : seq;
  }

  /**
   * Every event received at or after `since`, oldest first, read in pages. It may take long, and includes events that
   * arrive meanwhile.
   */
  *iterate(options: { since: Date }): Generator<StoredEvent> {
    let seq = 0;
    for (;;) {
      const page = this.#rows(
        `SELECT seq, ${HEAD_COLUMNS}, plan, content_type, body FROM events WHERE seq > ? AND received_at >= ? ORDER BY seq LIMIT ?`,
        [seq, options.since.getTime(), PAGE],
      );
      for (const row of page) {
        const event = this.#event(row);
        seq = event.seq;
        yield event;
      }
      if (page.length < PAGE) {
        return;
      }
    }
  }

  /**
   * Ids of events whose body or head contains a text, or that are older than a time, among those after `seq`. A bounded
   * number is looked at: call it again after `next` until that is null.
   */
  search(seq: number, wanted: { text: string } | { before: Date }): { found: string[]; next: number | null } {
    const last = this.#number('SELECT max(seq) FROM (SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?)', [
      seq,
      SEARCHED_AT_ONCE,
    ]);
    if (last === 0) {
      return { found: [], next: null };
    }
    const rows =
      'text' in wanted
        ? this.#rows(
            'SELECT event_id FROM events WHERE seq > ? AND seq <= ? AND (instr(body, CAST(? AS BLOB)) > 0 OR instr(head, ?) > 0)',
            [seq, last, wanted.text, wanted.text],
          )
        : this.#rows(
            'SELECT event_id FROM events WHERE seq > ? AND seq <= ? AND received_at < ? AND content_type IS NOT ?',
            [seq, last, wanted.before.getTime(), FORGOTTEN_CONTENT_TYPE],
          );
    return { found: rows.map((row) => z.object({ event_id: z.string() }).parse(row).event_id), next: last };
  }

  /** Ids of quarantined requests that contain a text, or are older than a time. */
  searchQuarantine(wanted: { text: string } | { before: Date }): string[] {
    const rows =
      'text' in wanted
        ? this.#rows('SELECT id FROM quarantine WHERE instr(body, CAST(? AS BLOB)) > 0', [wanted.text])
        : this.#rows('SELECT id FROM quarantine WHERE received_at < ?', [wanted.before.getTime()]);
    return rows.map((row) => z.object({ id: z.string() }).parse(row).id);
  }

  /** Requests that were not events, newest first. */
  listQuarantine(options: { limit: number } = { limit: 100 }): QuarantineSummary[] {
    return this.#rows(
      'SELECT id, received_at, reason, content_type, bytes, times FROM quarantine ORDER BY received_at DESC, n DESC LIMIT ?',
      [options.limit],
    ).map((row) => quarantineRow.parse(row));
  }

  /** A whole quarantined request; null when there is none with this id, or no longer. */
  getQuarantined(id: string): Quarantined | null {
    const [row] = this.#rows(
      'SELECT id, received_at, reason, content_type, bytes, times, body FROM quarantine WHERE id = ?',
      [id],
    );
    return row === undefined
      ? null
      : { ...quarantineRow.parse(row), body: blobOf(z.object({ body: z.unknown() }).parse(row).body) };
  }

  /** How many events and requests are stored. */
  counts(): InboxCounts {
    const received = this.#number('SELECT count(*) FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL');
    return {
      received,
      ignored: this.#number('SELECT count(*) FROM events') - received,
      quarantined: this.#number('SELECT count(*) FROM quarantine'),
    };
  }

  /** The rule sets that the stored events were matched with, in the order of their first event. */
  ruleSets(): RuleSetUse[] {
    const sql =
      "SELECT json_extract(head, '$.ruleset') AS ruleset, min(received_at) AS first_at, max(received_at) AS last_at, count(*) AS events, count(plan) AS received FROM events GROUP BY 1 ORDER BY min(seq)";
    return this.#rows(sql, []).map((row) => ruleSetRow.parse(row));
  }

  /** Where the events between two times are: `from` <= `seq` < `before`, with some before and after them. */
  seqsBetween({ since, until }: Pick<ListOptions, 'since' | 'until'>): { from: number; before: number } {
    const database = this.#file.current();
    if (database === null) {
      return { from: 0, before: 0 };
    }
    return {
      from:
        since === undefined
          ? this.#number('SELECT min(seq) FROM events')
          : seqAt(database, since.getTime() - CLOCK_SET_BACK_MS, 'max'),
      before: until === undefined ? this.lastSeq() + 1 : seqAt(database, until.getTime() + CLOCK_SET_BACK_MS, 'min'),
    };
  }

  /** The greatest `seq`; 0 without events. */
  lastSeq(): number {
    return this.#number('SELECT max(seq) FROM events');
  }

  /** How many of the events after `seq` have a content type, and the last `seq` that was looked at; 0 for none. */
  arrivals(seq: number, contentType: string): { last: number; count: number } {
    const last = this.#number('SELECT max(seq) FROM (SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?)', [
      seq,
      SEARCHED_AT_ONCE,
    ]);
    const sql = 'SELECT count(*) FROM events WHERE seq > ? AND seq <= ? AND content_type = ?';
    return { last, count: last === 0 ? 0 : this.#number(sql, [seq, last, contentType]) };
  }

  /** How many requests were put into quarantine after one, and the last one's number; 0 for none. */
  quarantineAfter(n: number): { last: number; count: number } {
    return {
      last: this.#number('SELECT max(n) FROM quarantine'),
      count: this.#number('SELECT count(*) FROM quarantine WHERE n > ?', [n]),
    };
  }

  /** When the newest event was received; null when there is none. */
  newestAt(): Date | null {
    const at = this.#number('SELECT received_at FROM events ORDER BY seq DESC LIMIT 1');
    return at === 0 ? null : new Date(at);
  }

  /** Events that wait to be dispatched, according to the run log. */
  backlog(runLog: RunLogReader, now: Date): Backlog {
    const watermark = runLog.watermark();
    const above = this.#number(
      'SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL AND seq > ? LIMIT ?)',
      [watermark, MAX_COUNTED],
    );
    const started = above === 0 ? new Set<number>() : runLog.startedAfter(watermark);
    const depth = Math.max(0, above - started.size);
    if (depth === 0) {
      return { depth, oldestAgeMs: 0 };
    }
    const oldest = this.#number(
      'SELECT received_at FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL AND seq > ? ORDER BY seq LIMIT 1',
      [watermark],
    );
    return { depth, oldestAgeMs: Math.max(0, now.getTime() - oldest) };
  }

  /** Size of the stored data on the disk, without the write-ahead log. Bytes. */
  heldBytes(): number {
    const database = this.#file.current();
    return database === null ? 0 : heldBytes(database);
  }

  /** How much the quarantine holds. */
  quarantined(): { count: number; bytes: number } {
    return {
      count: this.#number('SELECT count(*) FROM quarantine'),
      bytes: this.#number('SELECT sum(bytes) FROM quarantine'),
    };
  }

  /** Numbers that we have sent from. */
  ownNumbers(): string[] {
    return this.#rows('SELECT number FROM our_numbers', []).map(
      (row) => z.object({ number: z.string() }).parse(row).number,
    );
  }

  /**
   * A lower bound of the run log's watermark, which the inbox stores now and then. When the run log is lost, events up to
   * it must not be started again: Temporal may have deleted their runs.
   */
  dispatchedThrough(): number {
    return this.#number("SELECT value FROM meta WHERE name = 'dispatched'");
  }

  close(): void {
    this.#file.close();
  }

  /**
   * Null when the row, its plan or its body is damaged. Errors of the file as a whole are thrown.
   */
  #readable(row: unknown): StoredEvent | null {
    try {
      return this.#event(row);
    } catch (error) {
      if (error instanceof z.ZodError || error instanceof TypeError || error instanceof SyntaxError) {
        return null;
      }
      throw error;
    }
  }

  #event(row: unknown): StoredEvent {
    const { seq, plan, content_type, body, ...head } = eventRow.parse(row);
    const raw = blobOf(body);
    const { event, ruleset } = readHead(head);
    return {
      seq,
      event: { ...event, data: dataOf(raw) },
      ruleset,
      body: raw,
      content_type,
      plan: plan === null ? null : this.#plan(plan),
    };
  }

  #plan(id: number): Plan {
    const known = this.#plans.get(id);
    if (known !== undefined) {
      return known;
    }
    const [row] = this.#rows('SELECT json FROM plans WHERE id = ?', [id]);
    const plan = storedPlan.parse(JSON.parse(z.object({ json: z.string() }).parse(row).json));
    if (this.#plans.size >= MAX_CACHED_PLANS) {
      this.#plans.clear();
    }
    this.#plans.set(id, plan);
    return plan;
  }

  #rows(sql: string, values: Bound[]): unknown[] {
    const database = this.#file.current();
    return database === null ? [] : all(prepare(database, sql), values);
  }

  #number(sql: string, values: Bound[] = []): number {
    const database = this.#file.current();
    return database === null ? 0 : oneNumber(database, sql, values);
  }
}
