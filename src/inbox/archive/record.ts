import type { HashedPlan } from './plans';

/** What is written into `inbox.db`. The body is separate ({@link InboxRecord}). Times are epoch milliseconds. */
export type RecordMeta =
  | {
      kind: 'event';
      event_id: string;
      type: string;
      /** `data.id`, or the hash that replaces it. */
      id: string;
      received_at: number;
      /** As in the head: what came is counted by them. */
      direction: 'inbound' | 'outbound' | null;
      answered: boolean | null;
      content_type: string | null;
      /** The event's head and the rule set that judged it, as JSON (`headJson`). */
      head: string;
      /** Null when no rule matched. */
      plan: HashedPlan | null;
    }
  | { kind: 'quarantine'; id: string; reason: string; received_at: number; content_type: string | null }
  | { kind: 'own_numbers'; numbers: readonly string[]; learned_at: number }
  /** An event loses its content: `head` and the record's body take its place. */
  | { kind: 'forget'; event_id: string; head: string }
  /** A quarantined request is deleted. */
  | { kind: 'release'; id: string };

/** One record: an event, a quarantined request, numbers of ours, or a change of one of them. */
export interface InboxRecord {
  meta: RecordMeta;
  /** The request's body; empty for numbers. */
  body: Buffer;
}

/** The body of a record that has none. */
export const NO_BODY = Buffer.alloc(0);

/** Records in a form that one thread can hand to another. */
export interface PackedRecords {
  metas: RecordMeta[];
  sizesBytes: number[];
  /** All bodies, one behind the other. */
  bodies: ArrayBuffer;
}

/**
 * Packs records for another thread. The bodies are copied into one block: a body may be a part of a larger pool, and
 * posting it would copy the whole pool.
 */
export function packRecords(records: readonly InboxRecord[]): PackedRecords {
  const sizesBytes = records.map(({ body }) => body.length);
  const bodies = new ArrayBuffer(sizesBytes.reduce((sum, size) => sum + size, 0));
  const target = Buffer.from(bodies);
  let offset = 0;
  for (const { body } of records) {
    offset += body.copy(target, offset);
  }
  return { metas: records.map(({ meta }) => meta), sizesBytes, bodies };
}

/** The records in a pack. Their bodies share its memory. */
export function unpackRecords({ metas, sizesBytes, bodies }: PackedRecords): InboxRecord[] {
  let offset = 0;
  return metas.map((meta, index) => {
    const size = sizesBytes[index] ?? 0;
    const body = Buffer.from(bodies, offset, size);
    offset += size;
    return { meta, body };
  });
}
