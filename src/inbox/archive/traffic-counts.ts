import { change } from '../../storage/sqlite';
import type { StatementCache } from '../../storage/statement-cache';
import type { RecordMeta } from './record';

/** The length of the time that is counted together: the offsets of all time zones are multiples of it. */
export const SLOT_MS = 900_000;

/** Types that are counted by themselves. All others are counted together, so that the table stays small. */
export const COUNTED_TYPES = ['call_hangup', 'message_created', 'recording_finished'] as const;
const OTHER = 'other';

/**
 * Counts the events that one transaction adds, and writes the counts once: a group commit takes one to four writes more,
 * not one an event.
 */
export class TrafficCounts {
  readonly #counts = new Map<string, number>();

  /** Counts an event that was added. A duplicate is none. */
  add({ type, received_at, direction, answered }: Extract<RecordMeta, { kind: 'event' }>): void {
    const counted = COUNTED_TYPES.find((known) => known === type) ?? OTHER;
    const state = answered === null ? -1 : answered ? 1 : 0;
    const key = `${Math.floor(received_at / SLOT_MS)} ${counted} ${state} ${direction ?? ''}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Writes what was counted since the last call. Call it at the end of the transaction that added the events. */
  write(statements: StatementCache): void {
    for (const [key, events] of this.#counts) {
      const [slot = '', type = '', answered = '', direction = ''] = key.split(' ');
      change(
        statements.get(
          'INSERT INTO traffic (slot, type, direction, answered, events) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events',
        ),
        [Number(slot), type, direction, Number(answered), events],
      );
    }
    this.#counts.clear();
  }

  /** Forgets what was counted since the last write: the transaction was rolled back. */
  clear(): void {
    this.#counts.clear();
  }
}
