import { change, one, type Bound } from '../storage/sqlite';
import type { StatementCache } from '../storage/statement-cache';
import type { InboxRecord, RecordMeta } from './archive/record';

/** An event record. */
type EventMeta = Extract<RecordMeta, { kind: 'event' }>;

/**
 * Whether the archive has an event of this id, so that another one is a duplicate. The UNIQUE constraint on `event_id`
 * decides; it also holds for two events of one transaction.
 */
export function isDuplicate(statements: StatementCache, eventId: string): boolean {
  return one(statements.get('SELECT 1 AS found FROM events WHERE event_id = ?'), [eventId]) !== undefined;
}

/**
 * Inserts an event unless it is a duplicate.
 * @param planId the row id of its plan, null when there is nothing to do.
 * @returns whether it was inserted.
 */
export function insertUnlessDuplicate(
  statements: StatementCache,
  meta: EventMeta,
  body: InboxRecord['body'],
  planId: number | null,
): boolean {
  return (
    change(
      statements.get(
        'INSERT INTO events (event_id, type, received_at, plan, bytes, content_type, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
      ),
      [meta.event_id, meta.type, meta.received_at, planId, body.length, meta.content_type, meta.head, bodyColumn(body)],
    ) > 0
  );
}

/** A body as a column value. An empty body is stored as null: libsql aborts on reading some empty blobs. */
export function bodyColumn(body: Buffer): Bound {
  return body.length === 0 ? null : body;
}
