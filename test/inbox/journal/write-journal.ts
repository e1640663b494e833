import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { hashPlanJson } from '../../../src/inbox/archive/plans';
import type { JournalPosition, JournalRecord } from '../../../src/inbox/journal/frame';
import { journalFile } from '../../../src/inbox/journal/reader';
import type { InboxEntry } from '../../../src/inbox/stored-event';

/** The frame that version 0.1 wrote for some records. */
function encodeFrame(records: readonly JournalRecord[], position: JournalPosition, previousEnd: number): Buffer {
  const parts = records.flatMap(({ meta, text, bytes }) => {
    const [metaBytes, textBytes] = [Buffer.from(JSON.stringify(meta)), Buffer.from(text)];
    const head = Buffer.alloc(12);
    [metaBytes, textBytes, bytes].forEach((part, index) => head.writeUInt32LE(part.length, index * 4));
    return [head, metaBytes, textBytes, bytes];
  });
  const payload = Buffer.concat(parts);
  const head = Buffer.alloc(28);
  head.write('VBJ1', 'latin1');
  [position.segment, position.offset, payload.length, records.length, previousEnd].forEach((value, index) =>
    head.writeUInt32LE(value, 8 + index * 4),
  );
  const frame = Buffer.concat([head, payload]);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
  return frame;
}

/** Writes a journal as version 0.1 did, segment by segment. */
export class JournalWriter {
  #previousEnd = 0;
  #offset = 0;

  constructor(
    private readonly dataDir: string,
    private segment = 1,
  ) {}

  /** Writes records as one frame. @returns the position after it. */
  write(records: readonly JournalRecord[]): JournalPosition {
    const path = journalFile(this.dataDir, this.segment);
    const frame = encodeFrame(records, { segment: this.segment, offset: this.#offset }, this.#previousEnd);
    // What an earlier segment left in the file stays behind the frame.
    const file = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    writeFileSync(
      path,
      Buffer.concat([file.subarray(0, this.#offset), frame, file.subarray(this.#offset + frame.length)]),
    );
    this.#offset += frame.length;
    return { segment: this.segment, offset: this.#offset };
  }

  /** Continues with the next segment, in the other file. */
  rotate(): void {
    this.segment += 1;
    this.#previousEnd = this.#offset;
    this.#offset = 0;
  }
}

/** The journal's records for an entry. */
export function journalRecordsOf({ event, body, content_type, ruleset, plan }: InboxEntry): JournalRecord[] {
  const hashed = plan === null ? null : hashPlanJson(JSON.stringify(plan));
  const record: JournalRecord = {
    meta: { kind: 'event', plan: hashed?.hash ?? null, content_type },
    // All members, those that are null too: version 0.1 left out none.
    text: JSON.stringify({ ...event, ruleset }),
    bytes: body,
  };
  return hashed === null
    ? [record]
    : [{ meta: { kind: 'plan', hash: hashed.hash }, text: hashed.json, bytes: Buffer.alloc(0) }, record];
}
