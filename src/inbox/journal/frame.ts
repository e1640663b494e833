import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { InboxUnavailable } from '../inbox-unavailable';

/**
 * A place in the journal. Segments count from 1; an offset is in bytes. What was kept before a place stands in earlier
 * segments or at lower offsets.
 */
export interface JournalPosition {
  segment: number;
  offset: number;
}

/** Whether `one` lies before `other`. */
export function isBefore(one: JournalPosition, other: JournalPosition): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset);
}

/** What a record is; its text and its bytes stand beside it (see {@link JournalRecord}). */
export type RecordMeta =
  /**
   * An event. `plan`: the SHA-256 (hex) of its plan's JSON, null when there is nothing to do. Text: its head
   * (`headJson`). Bytes: its body.
   */
  | { kind: 'event'; plan: string | null; content_type: string | null }
  /** A plan, before the first event of its segment that has it. Text: its JSON. */
  | { kind: 'plan'; hash: string }
  /** A request that is no event. `received_at`: epoch milliseconds. Bytes: its body. */
  | { kind: 'quarantine'; id: string; reason: string; received_at: number; content_type: string | null }
  /** Numbers that we have sent from. `learned_at`: epoch milliseconds. */
  | { kind: 'our_numbers'; numbers: readonly string[]; learned_at: number };

/** One thing that is kept. */
export interface JournalRecord {
  meta: RecordMeta;
  text: string;
  bytes: Buffer;
}

/*
 * A frame is what one write puts into the journal. Its head: magic, CRC-32 of all that follows, segment, offset, bytes of the payload, number of records, and
 * where the segment before ends (0 where that is done with), so that nobody takes a broken frame for that end.
 * The payload: for each record the lengths of meta, text and bytes, then these. All numbers are 32 bits, little endian. Segment and offset tell a frame from
 * one that an earlier segment left in the same file.
 */
const MAGIC = 0x314a4256;
const FRAME_HEAD = 28;
const RECORD_HEAD = 12;
/** The bytes of a record that has none. */
export const NO_BYTES = Buffer.alloc(0);
/** UTF-8 takes so many bytes for a UTF-16 unit at most, and JSON's escapes (`\\u0000`) six. */
const BYTES_A_CHARACTER = 3;
const BYTES_A_CHARACTER_IN_JSON = 6;
/** Names, punctuation, figures and hashes of a meta. */
const META_BOUND = 512;

/** Size of a frame's head in bytes. */
export const FRAME_HEAD_BYTES = FRAME_HEAD;

/** How large the frame of some records can be. Bytes. */
export function frameBound(records: readonly JournalRecord[]): number {
  return records.reduce(
    (sum, { meta, text, bytes }) =>
      sum + RECORD_HEAD + metaBound(meta) + text.length * BYTES_A_CHARACTER + bytes.length,
    FRAME_HEAD,
  );
}

/**
 * Makes the frame of some records, to be written at `position`.
 * @param room where it is made; as large as {@link frameBound} says at least.
 * @param previousEnd the offset at which the segment before ends; 0 where that is done with.
 * @returns the part of the room that it takes.
 */
export function encodeFrame(
  records: readonly JournalRecord[],
  position: JournalPosition,
  room: Buffer,
  previousEnd = 0,
): Buffer {
  let at = FRAME_HEAD;
  for (const { meta, text, bytes } of records) {
    const begin = at;
    at += RECORD_HEAD;
    const metaBytes = room.write(JSON.stringify(meta), at);
    at += metaBytes;
    const textBytes = text === '' ? 0 : room.write(text, at);
    at += textBytes;
    at += bytes.copy(room, at);
    room.writeUInt32LE(metaBytes, begin);
    room.writeUInt32LE(textBytes, begin + 4);
    room.writeUInt32LE(bytes.length, begin + 8);
  }
  const frame = room.subarray(0, at);
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeUInt32LE(position.segment, 8);
  frame.writeUInt32LE(position.offset, 12);
  frame.writeUInt32LE(at - FRAME_HEAD, 16);
  frame.writeUInt32LE(records.length, 20);
  frame.writeUInt32LE(previousEnd, 24);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
  return frame;
}

/** How large a meta can be as JSON: what is of fixed size in it, and its texts. */
function metaBound(meta: RecordMeta): number {
  switch (meta.kind) {
    case 'event':
      return META_BOUND + (meta.content_type?.length ?? 0) * BYTES_A_CHARACTER_IN_JSON;
    case 'plan':
      return META_BOUND;
    case 'quarantine':
      return META_BOUND + (meta.reason.length + (meta.content_type?.length ?? 0)) * BYTES_A_CHARACTER_IN_JSON;
    case 'our_numbers':
      return (
        META_BOUND + meta.numbers.reduce((sum, number) => sum + (number.length + 1) * BYTES_A_CHARACTER_IN_JSON, 0)
      );
  }
}

/** @returns the size of the frame that begins with this head, null when it is none of that place. */
export function frameSize(head: Buffer, position: JournalPosition): number | null {
  const isFrame =
    head.length >= FRAME_HEAD &&
    head.readUInt32LE(0) === MAGIC &&
    head.readUInt32LE(8) === position.segment &&
    head.readUInt32LE(12) === position.offset;
  return isFrame ? FRAME_HEAD + head.readUInt32LE(16) : null;
}

/** Where the segment before the frame's ends; 0 where that is done with. */
export function previousEndIn(frame: Buffer): number {
  return frame.readUInt32LE(24);
}

/** What every frame begins with. */
export const FRAME_MAGIC = Buffer.from('VBJ1');

/** The segment that a frame at this offset of its file claims to be of; null when there is none. */
export function segmentOf(head: Buffer, offset: number): number | null {
  return head.length >= FRAME_HEAD && head.readUInt32LE(0) === MAGIC && head.readUInt32LE(12) === offset
    ? head.readUInt32LE(8)
    : null;
}

/** Whether a frame is as it was written. */
export function isWhole(frame: Buffer): boolean {
  return frame.length === FRAME_HEAD + frame.readUInt32LE(16) && crc32(frame.subarray(8)) === frame.readUInt32LE(4);
}

const recordMeta: z.ZodType<RecordMeta> = z.discriminatedUnion('kind', [
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
 * @throws InboxUnavailable when a newer bridge wrote something else into it.
 */
export function recordsIn(frame: Buffer): JournalRecord[] {
  try {
    return parsedRecords(frame);
  } catch {
    // Not the parser's own words: they may repeat what is in the frame.
    throw new InboxUnavailable(
      'journal_newer',
      'the journal holds events that a newer bridge wrote: start this data folder with that version, or a later one',
    );
  }
}

function parsedRecords(frame: Buffer): JournalRecord[] {
  let at = FRAME_HEAD;
  const take = (length: number): Buffer => frame.subarray(at, (at += length));
  return Array.from({ length: frame.readUInt32LE(20) }, () => {
    const [metaBytes, textBytes, bytes] = [
      frame.readUInt32LE(at),
      frame.readUInt32LE(at + 4),
      frame.readUInt32LE(at + 8),
    ];
    at += RECORD_HEAD;
    const meta = recordMeta.parse(JSON.parse(take(metaBytes).toString()));
    return { meta, text: take(textBytes).toString(), bytes: bytes === 0 ? NO_BYTES : take(bytes) };
  });
}
