/**
 * The format of the journal, which version 0.1 wrote before `inbox.db` (docs/decisions/). It is only read, to bring what
 * such a bridge left there into `inbox.db`.
 *
 * A frame is what one write put into the journal. Head: magic, CRC-32 of all that follows, segment, offset, size of the
 * payload in bytes, number of records, and the offset at which the segment before ends (0 when that segment is done
 * with). Payload: for each record the lengths of meta, text and bytes, then these. Numbers have 32 bits, little endian.
 * Segment and offset tell a frame from one that an earlier segment left in the same file.
 */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { InboxUnavailable } from '../inbox-unavailable';

/**
 * A place in the journal. Segments count from 1; an offset is in bytes. Earlier records are in lower segments, or in the
 * same segment at lower offsets.
 */
export interface JournalPosition {
  segment: number;
  offset: number;
}

/** Whether `one` is before `other`. */
export function isBefore(one: JournalPosition, other: JournalPosition): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset);
}

/** Describes a record; its text and bytes follow it in the frame. */
export type JournalMeta =
  /**
   * An event. `plan`: the SHA-256 (hex) of its plan's JSON, null when there is nothing to do. Text: its head
   * (`headJson`). Bytes: its body.
   */
  | { kind: 'event'; plan: string | null; content_type: string | null }
  /** A plan, before the first event of its segment that has it. Text: its JSON. */
  | { kind: 'plan'; hash: string }
  /** A request that is not an event. `received_at`: epoch milliseconds. Bytes: its body. */
  | { kind: 'quarantine'; id: string; reason: string; received_at: number; content_type: string | null }
  /** Numbers that we have sent from. `learned_at`: epoch milliseconds. */
  | { kind: 'our_numbers'; numbers: readonly string[]; learned_at: number };

/** One record of the journal. */
export interface JournalRecord {
  meta: JournalMeta;
  text: string;
  bytes: Buffer;
}

/** What every frame begins with. */
export const FRAME_MAGIC = Buffer.from('VBJ1');
/** Size of a frame's head in bytes. */
export const FRAME_HEAD_BYTES = 28;
const RECORD_HEAD_BYTES = 12;

/** The size of the frame with this head, null when it is not a frame of that position. Bytes. */
export function frameSize(head: Buffer, position: JournalPosition): number | null {
  return segmentOf(head, position.offset) === position.segment ? FRAME_HEAD_BYTES + head.readUInt32LE(16) : null;
}

/** The offset at which the segment before the frame's ends; 0 when that segment is done with. */
export function previousEndIn(frame: Buffer): number {
  return frame.readUInt32LE(24);
}

/** The segment of the frame with this head, at this offset of its file; null when it is not the head of a frame. */
export function segmentOf(head: Buffer, offset: number): number | null {
  return head.length >= FRAME_HEAD_BYTES &&
    head.subarray(0, FRAME_MAGIC.length).equals(FRAME_MAGIC) &&
    head.readUInt32LE(12) === offset
    ? head.readUInt32LE(8)
    : null;
}

/** Whether a frame is as it was written. */
export function isWhole(frame: Buffer): boolean {
  return (
    frame.length === FRAME_HEAD_BYTES + frame.readUInt32LE(16) && crc32(frame.subarray(8)) === frame.readUInt32LE(4)
  );
}

const journalMeta: z.ZodType<JournalMeta> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('event'), plan: z.string().nullable(), content_type: z.string().nullable() }),
  z.object({ kind: z.literal('plan'), hash: z.string() }),
  z.object({
    kind: z.literal('quarantine'),
    id: z.string(),
    reason: z.string(),
    received_at: z.number(),
    content_type: z.string().nullable(),
  }),
  z.object({ kind: z.literal('our_numbers'), numbers: z.array(z.string()), learned_at: z.number() }),
]);

/**
 * The records of a frame that {@link isWhole}. Their bytes share the frame's memory.
 * @throws InboxUnavailable when another version of the bridge wrote records that this version does not know.
 */
export function recordsIn(frame: Buffer): JournalRecord[] {
  try {
    return parseRecords(frame);
  } catch {
    // The parser's message may repeat content of the frame.
    throw new InboxUnavailable(
      'journal_newer',
      'the journal holds events that a newer bridge wrote: start this data folder with that version, or a later one',
    );
  }
}

function parseRecords(frame: Buffer): JournalRecord[] {
  let at = FRAME_HEAD_BYTES;
  const take = (length: number): Buffer => frame.subarray(at, (at += length));
  return Array.from({ length: frame.readUInt32LE(20) }, () => {
    const [metaBytes, textBytes, bytes] = [
      frame.readUInt32LE(at),
      frame.readUInt32LE(at + 4),
      frame.readUInt32LE(at + 8),
    ];
    at += RECORD_HEAD_BYTES;
    const meta = journalMeta.parse(JSON.parse(take(metaBytes).toString()));
    return { meta, text: take(textBytes).toString(), bytes: take(bytes) };
  });
}
