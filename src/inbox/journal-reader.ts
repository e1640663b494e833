import { closeSync, copyFileSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_FILES, journalFile } from './journal';
import { FRAME_HEAD_BYTES, FRAME_MAGIC, frameSize, isBefore, isWhole, recordsIn, segmentOf, type JournalPosition, type JournalRecord } from './journal-frame';

/** Bounds of what {@link JournalReader.next} gives at once, but for a single frame. */
const MOST_RECORDS = 2_000;
const MOST_BYTES = 8 * 1_048_576;

/** Records from the journal, and the place behind them. */
export interface JournalPart {
  records: JournalRecord[];
  end: JournalPosition;
}

/** A file of the journal with a damaged part in the middle. `aside`: where a copy of it is. */
export interface JournalDamage {
  aside: string;
}

/** Reads the journal while it is written, up to a place that is known to be kept; and whole, at a start. */
export class JournalReader {
  readonly #open = new Map<string, number>();

  constructor(private readonly dataDir: string) {}

  /**
   * The records after `from`, at most some thousands of them, all of one segment.
   * @param through kept up to here.
   * @returns null when there are none.
   */
  next(from: JournalPosition, through: JournalPosition): JournalPart | null {
    const records: JournalRecord[] = [];
    let bytes = 0;
    let at = from;
    while (isBefore(at, through) && records.length < MOST_RECORDS && bytes < MOST_BYTES) {
      const frame = this.#frameAt(at);
      if (frame !== null) {
        records.push(...recordsIn(frame));
        bytes += frame.length;
        at = { segment: at.segment, offset: at.offset + frame.length };
      } else if (records.length > 0) {
        // The end of a segment: the next one is another part.
        break;
      } else if (at.segment < through.segment) {
        at = { segment: at.segment + 1, offset: 0 };
      } else {
        throw new Error('the journal does not have what was just written to it: was a file of the data folder removed or replaced?');
      }
    }
    return isBefore(from, at) ? { records, end: at } : null;
  }

  /** The plans that stand in a segment before an offset, by their hash. */
  plansBefore({ segment, offset }: JournalPosition): Map<string, string> {
    const plans = new Map<string, string>();
    for (let at = { segment, offset: 0 }; isBefore(at, { segment, offset }); ) {
      const frame = this.#frameAt(at);
      if (frame === null) {
        break;
      }
      for (const { meta, text } of recordsIn(frame)) {
        if (meta.kind === 'plan') {
          plans.set(meta.hash, text);
        }
      }
      at = { segment, offset: at.offset + frame.length };
    }
    return plans;
  }

  /** The segments that stand in the files, oldest first. */
  segments(): number[] {
    return JOURNAL_FILES.flatMap((name) => {
      const path = join(this.dataDir, name);
      if (!existsSync(path)) {
        return [];
      }
      const segment = segmentOf(this.#read(path, 0, FRAME_HEAD_BYTES), 0);
      if (segment !== null && this.#frameAt({ segment, offset: 0 }) !== null) {
        return [segment];
      }
      // Its first frame is broken, or was cut off as it was begun: then the file may still be full of an earlier segment's.
      const newest = Math.max(0, ...[...this.#wholeFrames(path)].map((found) => found.segment));
      return newest === 0 ? [] : [newest];
    }).sort((one, other) => one - other);
  }

  /**
   * All that was kept after `from`, frame by frame, passing over what is damaged. A write that a crash cut off at the end is no damage: it was never acknowledged.
   * @param onDamage told of a file with whole frames behind broken ones, after a copy of it was put aside.
   */
  *rest(from: JournalPosition, onDamage: (damage: JournalDamage) => void): Generator<JournalPart> {
    for (const segment of this.segments().filter((each) => each >= from.segment)) {
      const path = journalFile(this.dataDir, segment);
      const size = statSync(path).size;
      let offset = segment === from.segment ? from.offset : 0;
      let isToldOf = false;
      while (offset < size) {
        const frame = this.#frameAt({ segment, offset });
        if (frame !== null) {
          offset += frame.length;
          yield { records: recordsIn(frame), end: { segment, offset } };
          continue;
        }
        const again = this.#wholeFrameAfter(path, { segment, offset });
        if (again === null) {
          break;
        }
        if (!isToldOf) {
          isToldOf = true;
          const aside = `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
          copyFileSync(path, aside);
          onDamage({ aside });
        }
        offset = again;
      }
    }
  }

  close(): void {
    for (const fd of this.#open.values()) {
      closeSync(fd);
    }
    this.#open.clear();
  }

  #frameAt(position: JournalPosition): Buffer | null {
    const path = journalFile(this.dataDir, position.segment);
    if (!existsSync(path)) {
      return null;
    }
    const size = frameSize(this.#read(path, position.offset, FRAME_HEAD_BYTES), position);
    if (size === null || size > statSync(path).size - position.offset) {
      return null;
    }
    const frame = this.#read(path, position.offset, size);
    return isWhole(frame) ? frame : null;
  }

  /** Where the next whole frame of a segment begins; null when none does. */
  #wholeFrameAfter(path: string, position: JournalPosition): number | null {
    for (const found of this.#wholeFrames(path)) {
      if (found.segment === position.segment && found.offset > position.offset) {
        return found.offset;
      }
    }
    return null;
  }

  /** The places of all whole frames in a file, of whatever segment. */
  *#wholeFrames(path: string): Generator<JournalPosition> {
    const file = this.#read(path, 0, statSync(path).size);
    for (let offset = file.indexOf(FRAME_MAGIC); offset !== -1; offset = file.indexOf(FRAME_MAGIC, offset + 1)) {
      const segment = segmentOf(file.subarray(offset), offset);
      // The files take turns, so a segment whose turn it never was in this file is none.
      if (segment !== null && journalFile(this.dataDir, segment) === path && this.#frameAt({ segment, offset }) !== null) {
        yield { segment, offset };
      }
    }
  }

  #read(path: string, offset: number, length: number): Buffer {
    let fd = this.#open.get(path);
    if (fd === undefined) {
      fd = openSync(path, 'r');
      this.#open.set(path, fd);
    }
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    for (let got = -1; got !== 0 && done < length; done += got) {
      got = readSync(fd, bytes, done, length - done, offset + done);
    }
    return bytes.subarray(0, done);
  }
}
