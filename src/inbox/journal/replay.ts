import { z } from 'zod';
import { NO_BODY, type InboxRecord, type RecordMeta } from '../archive/record';
import { quarantineId } from '../archive/quarantine';
import type { InboxLog } from '../inbox-log';
import type { JournalPosition, JournalRecord } from './frame';
import { hasJournal, JournalReader, removeJournal } from './reader';

/** What {@link replayJournal} needs. */
export interface JournalReplay {
  dataDir: string;
  /** Everything before it is in `inbox.db`. */
  from: JournalPosition;
  /** The JSON of a plan that `inbox.db` has; null when it has none with this hash. */
  storedPlan: (hash: string) => string | null;
  /** Whether an event is to be taken from the journal. `received_at`: epoch milliseconds. */
  isWanted: (event: { event_id: string; received_at: number }) => boolean;
  /** Commits records, and that everything before `end` is in `inbox.db`. */
  commit: (records: readonly InboxRecord[], end: JournalPosition) => void;
  log: InboxLog;
}

const headColumns = z.object({
  event_id: z.string(),
  type: z.string(),
  id: z.string(),
  received_at: z.string(),
  direction: z.enum(['inbound', 'outbound']).nullable().default(null),
  answered: z.boolean().nullable().default(null),
});

/**
 * Brings what version 0.1 left in its journal into `inbox.db`, then deletes the journal. Does nothing when there is no
 * journal. Safe to interrupt: the next call continues.
 * @throws InboxUnavailable when a newer bridge wrote the journal.
 */
export function replayJournal({ dataDir, from, storedPlan, isWanted, commit, log }: JournalReplay): void {
  if (!hasJournal(dataDir)) {
    return;
  }
  const reader = new JournalReader(dataDir, ({ aside }) => {
    const where = aside === null ? 'its file is missing' : `a copy of the damaged file is ${aside}`;
    log.error(
      { set_aside: aside },
      `a part of the journal was damaged and is lost; the rest of it was kept, and ${where}. Events that are missing can be fetched again with "bridge backfill".`,
    );
  });
  try {
    const newest = Math.max(from.segment, ...reader.segments());
    const plans = reader.plansBefore(from);
    for (const { records, end } of reader.rest(from)) {
      commit(
        records
          .flatMap((record) => toInboxRecord(record, plans, storedPlan) ?? [])
          .filter(({ meta }) => meta.kind !== 'event' || isWanted(meta)),
        end,
      );
    }
    // Should this data folder go back to version 0.1, its journal continues with a new segment.
    commit([], { segment: newest + 1, offset: 0 });
  } finally {
    reader.close();
  }
  removeJournal(dataDir);
}

/** The record as `inbox.db` takes it; null for a plan, which is remembered for the events after it. */
function toInboxRecord(
  { meta, text, bytes }: JournalRecord,
  plans: Map<string, string>,
  storedPlan: (hash: string) => string | null,
): InboxRecord | null {
  switch (meta.kind) {
    case 'plan':
      plans.set(meta.hash, text);
      return null;
    case 'event': {
      const { received_at, ...columns } = headColumns.parse(JSON.parse(text));
      // The part of the journal with the plan may be damaged.
      const json = meta.plan === null ? null : (plans.get(meta.plan) ?? storedPlan(meta.plan));
      if (meta.plan !== null && json === null) {
        return { meta: withoutPlan(bytes, meta.content_type), body: bytes };
      }
      const event: RecordMeta = {
        kind: 'event',
        ...columns,
        received_at: Date.parse(received_at),
        content_type: meta.content_type,
        head: text,
        plan: meta.plan === null || json === null ? null : { hash: meta.plan, json },
      };
      return { meta: event, body: bytes };
    }
    case 'quarantine':
      return { meta, body: bytes };
    case 'our_numbers':
      return { meta: { ...meta, kind: 'own_numbers' }, body: NO_BODY };
  }
}

/** An event whose plan is lost. It was acknowledged, so it is quarantined for people to look at. */
function withoutPlan(body: Buffer, contentType: string | null): RecordMeta {
  return {
    kind: 'quarantine',
    id: quarantineId(body),
    reason: 'damaged: the part of the journal with the plan of this event cannot be read',
    received_at: Date.now(),
    content_type: contentType,
  };
}
