import { z } from 'zod';
import type { RunLogReader } from '../../dispatch/run-log';
import { all, change, inTransaction, oneNumber, prepare, type Database } from '../../storage/sqlite';
import type { QuarantineBounds } from './quarantine';
import { SLOT_MS } from './traffic-counts';

/** How much is kept, and how long. */
export interface Retention {
  /** Events and quarantined requests older than this are deleted. Milliseconds. */
  maxAgeMs: number;
  /** When `inbox.db` holds more than this, its oldest events are deleted. Bytes. */
  maxBytes: number;
  quarantine: QuarantineBounds;
}

/** Bounds of one slice: a few milliseconds, during which no event is committed. */
const SLICE_ROWS = 200;
const SLICE_BYTES = 2 * 1_048_576;
/** Pages returned to the disk per slice (4 KiB each). */
const SLICE_PAGES = 512;

/** Counts of what came outlive the events: their content is no longer there, but the weekly figures are. */
const TRAFFIC_DAYS = 400;

const candidate = z.object({ seq: z.number(), received_at: z.number(), to_do: z.number(), bytes: z.number() });

/**
 * Deletes old events in slices. An event with something to do is never deleted before the run log says that its run was
 * started. When Temporal is not reachable for long, `inbox.db` grows beyond its bounds, and once the disk is full, new
 * events are rejected with 503.
 */
export class Pruning {
  readonly #retention: Retention;
  readonly #runLog: RunLogReader;
  /** The current pass has checked events up to this `seq`. */
  #cursor = 0;

  constructor(retention: Retention, runLog: RunLogReader) {
    this.#retention = retention;
    this.#runLog = runLog;
  }

  /**
   * Deletes one slice.
   * @returns whether there is more to delete at once; false ends a pass, and the next call begins another.
   */
  slice(database: Database, now: Date): boolean {
    const before = now.getTime() - this.#retention.maxAgeMs;
    const started = this.#runLog.watermark();
    const rows = all(
      prepare(
        database,
        'SELECT seq, received_at, plan IS NOT NULL AS to_do, bytes FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
      ),
      [this.#cursor, SLICE_ROWS],
    ).map((row) => candidate.parse(row));
    let excess = heldBytes(database) - this.#retention.maxBytes;
    const expired: number[] = [];
    let bytes = 0;
    let finished = rows.length < SLICE_ROWS;
    for (const row of rows) {
      if ((row.received_at >= before && excess <= 0) || bytes > SLICE_BYTES) {
        finished = bytes <= SLICE_BYTES;
        break;
      }
      this.#cursor = row.seq;
      if (row.to_do === 0 || row.seq <= started) {
        expired.push(row.seq);
        bytes += row.bytes;
        excess -= row.bytes;
      }
    }
    inTransaction(database, () => {
      const drop = prepare(database, 'DELETE FROM events WHERE seq = ?');
      for (const seq of expired) {
        change(drop, [seq]);
      }
      change(
        prepare(
          database,
          'DELETE FROM fired WHERE (twin, rule) IN (SELECT twin, rule FROM fired WHERE at < ? LIMIT ?)',
        ),
        [before, SLICE_ROWS],
      );
      change(
        prepare(
          database,
          'DELETE FROM quarantine WHERE n IN (SELECT n FROM quarantine WHERE received_at < ? ORDER BY n LIMIT ?)',
        ),
        [before, 10],
      );
    });
    // The pragma frees one page per row that is read.
    all(prepare(database, `PRAGMA incremental_vacuum(${SLICE_PAGES})`));
    if (finished) {
      this.#cursor = 0;
      const oldest = Math.floor((now.getTime() - TRAFFIC_DAYS * 86_400_000) / SLOT_MS);
      change(prepare(database, 'DELETE FROM traffic WHERE slot < ?'), [oldest]);
    }
    return !finished;
  }
}

/** Deletes plans that no event refers to, a bounded number of them. @returns whether any was deleted. */
export function dropUnusedPlans(database: Database): boolean {
  return (
    change(
      prepare(
        database,
        'DELETE FROM plans WHERE id IN (SELECT id FROM plans p WHERE NOT EXISTS (SELECT 1 FROM events INDEXED BY events_by_plan WHERE plan = p.id AND plan IS NOT NULL) LIMIT ?)',
      ),
      [50],
    ) > 0
  );
}

/** Size of the stored data, without pages that are free for new rows. Bytes. */
export function heldBytes(database: Database): number {
  return (
    (oneNumber(database, 'PRAGMA page_count') - oneNumber(database, 'PRAGMA freelist_count')) *
    oneNumber(database, 'PRAGMA page_size')
  );
}
