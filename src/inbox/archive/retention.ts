import { z } from 'zod';
import type { RunLogReader } from '../../dispatch/run-log';
import { all, change, inTransaction, oneNumber, prepare, type Database } from '../../storage/sqlite';
import type { QuarantineBounds } from './quarantine';

/** How much is kept, and how long. */
export interface Retention {
  /** Events and quarantined requests older than this go. Milliseconds. */
  maxAgeMs: number;
  /** When the store holds more than this, its oldest events go. Bytes. */
  maxBytes: number;
  quarantine: QuarantineBounds;
}

/** Bounds of one slice: a few milliseconds on the event loop, which acks share. */
const SLICE_ROWS = 200;
const SLICE_BYTES = 2 * 1_048_576;
/** Pages given back to the disk per slice (4 KiB each). */
const SLICE_PAGES = 512;

const candidate = z.object({ seq: z.number(), received_at: z.number(), to_do: z.number(), bytes: z.number() });

/**
 * Forgets old events in slices. An event that has something to do is never dropped before the dispatch log says that it
 * was started: when Temporal is away for long, the store grows beyond its bounds rather than lose it (and once the disk
 * is full, new events are refused with 503).
 */
export class Pruning {
  readonly #retention: Retention;
  readonly #dispatched: RunLogReader;
  /** Up to here the current pass has looked. */
  #cursor = 0;

  constructor(retention: Retention, dispatched: RunLogReader) {
    this.#retention = retention;
    this.#dispatched = dispatched;
  }

  /**
   * Drops one slice.
   * @returns whether there is more to do at once; false ends a pass, and the next call begins another.
   */
  slice(database: Database, now: Date): boolean {
    const before = now.getTime() - this.#retention.maxAgeMs;
    const started = this.#dispatched.watermark();
    const rows = all(
      prepare(
        database,
        'SELECT seq, received_at, plan IS NOT NULL AS to_do, bytes FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
      ),
      [this.#cursor, SLICE_ROWS],
    ).map((row) => candidate.parse(row));
    let excess = heldBytes(database) - this.#retention.maxBytes;
    const doomed: number[] = [];
    let bytes = 0;
    let finished = rows.length < SLICE_ROWS;
    for (const row of rows) {
      if ((row.received_at >= before && excess <= 0) || bytes > SLICE_BYTES) {
        finished = bytes <= SLICE_BYTES;
        break;
      }
      this.#cursor = row.seq;
      if (row.to_do === 0 || row.seq <= started) {
        doomed.push(row.seq);
        bytes += row.bytes;
        excess -= row.bytes;
      }
    }
    inTransaction(database, () => {
      const drop = prepare(database, 'DELETE FROM events WHERE seq = ?');
      for (const seq of doomed) {
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
    // One row per page freed, which `all` must step through: the pragma frees a page per step.
    all(prepare(database, `PRAGMA incremental_vacuum(${SLICE_PAGES})`));
    if (finished) {
      this.#cursor = 0;
    }
    return !finished;
  }
}

/** Drops plans that no event refers to any more; a bounded number of them. @returns whether any went. */
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

/** How much the store holds, without pages that are free for new rows. Bytes. */
export function heldBytes(database: Database): number {
  return (
    (oneNumber(database, 'PRAGMA page_count') - oneNumber(database, 'PRAGMA freelist_count')) *
    oneNumber(database, 'PRAGMA page_size')
  );
}
