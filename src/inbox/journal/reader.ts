import { closeSync, copyFileSync, existsSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { InboxUnavailable } from '../inbox-unavailable';
import { JOURNAL_FILES, journalFile } from './journal';
import {
  FRAME_HEAD_BYTES,
  FRAME_MAGIC,
  frameSize,
  isBefore,
  isWhole,
  previousEndIn,
  recordsIn,
  segmentOf,
  type JournalPosition,
  type JournalRecord,
} from './frame';

/** Bounds of what {@link JournalReader.next} gives at once, but for a single frame. */
const MOST_RECORDS = 2_000;
const MOST_BYTES = 8 * 1_048_576;

/** Records from the journal, and the place behind them. */
export interface JournalPart {
  records: JournalRecord[];
  end: JournalPosition;
}

/**
 * A file of the journal of which a part that was kept cannot be read. `aside`: where a copy of it is; null when the
 * file is gone.
 */
export interface JournalDamage {
  aside: string | null;
}

/** Reads the journal while it is written, up to a place that is known to be kept; and whole, at a start. */
export class JournalReader {
  readonly #open = new Map<string, number>();
  /** Segments whose damage was told of. */
  readonly #told = new Set<number>();

  /** @param onDamage told once of every segment that has a damaged part, which is passed over. */
  constructor(
    private readonly dataDir: string,
    private readonly onDamage: (damage: JournalDamage) => void,
  ) {}

  /**
   * The records after `from`, at most some thousands of them, all of one segment.
   * @param through kept up to here.
   * @returns null when there are none.
   * @throws InboxUnavailable when the journal does not have what was just written to it.
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
        // The end of a segment, or of what is whole: what follows is another part.
        break;
      } else {
        at = this.#behindGap(at, through);
      }
    }
    return isBefore(from, at) ? { records, end: at } : null;
  }

  /** The plans that stand in a segment before an offset, by their hash. */
  plansBefore({ segment, offset }: JournalPosition): Map<string, string> {
    const plans = new Map<string, string>();
    for (let at = { segment, offset: 0 }; isBefore(at, { segment, offset });) {
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
      // Its first frame is broken, or was cut off as it was begun: then the file may still be full of an earlier
      // segment's.
      const newest = Math.max(0, ...[...this.#wholeFrames(path)].map((found) => found.segment));
      return newest === 0 ? [] : [newest];
    }).sort((one, other) => one - other);
  }

  /**
   * All that was kept after `from`, frame by frame. A write that a crash cut off at the end is no damage: it was never
   * acknowledged.
   */
  *rest(from: JournalPosition): Generator<JournalPart> {
    const segments = this.segments().filter((each) => each >= from.segment);
    for (const [index, segment] of segments.entries()) {
      let at: JournalPosition | null = { segment, offset: segment === from.segment ? from.offset : 0 };
      while (at !== null) {
        const frame = this.#frameAt(at);
        if (frame === null) {
          at = this.#resume(at, segments[index + 1] ?? null);
        } else {
          at = { segment, offset: at.offset + frame.length };
          yield { records: recordsIn(frame), end: at };
        }
      }
    }
  }

  /** Empties the files: all that they have is elsewhere. Only while nobody writes. */
  empty(): void {
    this.close();
    for (const path of JOURNAL_FILES.map((name) => join(this.dataDir, name)).filter((each) => existsSync(each))) {
      truncateSync(path);
    }
  }

  close(): void {
    for (const fd of this.#open.values()) {
      closeSync(fd);
    }
    this.#open.clear();
  }

  /** Where it goes on when there is no frame: behind a damaged part, or in the next segment. */
  #behindGap(at: JournalPosition, through: JournalPosition): JournalPosition {
    const isLast = at.segment === through.segment;
    const again = this.#resume(at, isLast ? null : at.segment + 1);
    if (again !== null && isBefore(again, through)) {
      return again;
    }
    if (isLast) {
      throw new InboxUnavailable(
        'journal_lost',
        'events cannot be kept: the journal lacks what was just written to it. Was a file of the data folder removed or replaced? Restart the bridge',
      );
    }
    return { segment: at.segment + 1, offset: 0 };
  }

  /**
   * The next whole frame of a segment that has none at this place; null when this is its end. Tells of what lies
   * between. @param next the segment behind it, if there is one.
   */
  #resume(at: JournalPosition, next: number | null): JournalPosition | null {
    const path = journalFile(this.dataDir, at.segment);
    const offset = this.#wholeFrameAfter(path, at);
    const following = next === null || next !== at.segment + 1 ? null : this.#frameAt({ segment: next, offset: 0 });
    if (
      (offset !== null || (following !== null && previousEndIn(following) > at.offset)) &&
      !this.#told.has(at.segment)
    ) {
      this.#told.add(at.segment);
      const aside = existsSync(path) ? `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}` : null;
      if (aside !== null) {
        copyFileSync(path, aside);
      }
      this.onDamage({ aside });
    }
    return offset === null ? null : { segment: at.segment, offset };
  }

  #frameAt(position: JournalPosition): Buffer | null {
    const path = journalFile(this.dataDir, position.segment);
    // What is read may be a file that was replaced meanwhile; or one that was removed, and still has what the writer
    // put into it.
    return this.#tryFrame(path, position) ?? (this.#isReplaced(path) ? this.#tryFrame(path, position) : null);
  }

  #tryFrame(path: string, position: JournalPosition): Buffer | null {
    const size = frameSize(this.#read(path, position.offset, FRAME_HEAD_BYTES), position);
    if (size === null || size > this.#size(path) - position.offset) {
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
    const file = this.#read(path, 0, this.#size(path));
    for (let offset = file.indexOf(FRAME_MAGIC); offset !== -1; offset = file.indexOf(FRAME_MAGIC, offset + 1)) {
      const segment = segmentOf(file.subarray(offset), offset);
      // The files take turns, so a segment whose turn it never was in this file is none.
      if (
        segment !== null &&
        journalFile(this.dataDir, segment) === path &&
        this.#frameAt({ segment, offset }) !== null
      ) {
        yield { segment, offset };
      }
    }
  }

  /** Whether another file has its name now, which is read from here on. */
  #isReplaced(path: string): boolean {
    const fd = this.#open.get(path);
    if (fd === undefined || !existsSync(path) || statSync(path).ino === fstatSync(fd).ino) {
      return false;
    }
    closeSync(fd);
    this.#open.delete(path);
    return true;
  }

  #size(path: string): number {
    const fd = this.#descriptor(path);
    return fd === null ? 0 : fstatSync(fd).size;
  }

  #descriptor(path: string): number | null {
    const known = this.#open.get(path);
    if (known !== undefined || !existsSync(path)) {
      return known ?? null;
    }
    const fd = openSync(path, 'r');
    this.#open.set(path, fd);
    return fd;
  }

  /** What there is of so many bytes. */
  #read(path: string, offset: number, length: number): Buffer {
    const fd = this.#descriptor(path);
    if (fd === null) {
      return Buffer.alloc(0);
    }
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    for (let got = -1; got !== 0 && done < length; done += got) {
      got = readSync(fd, bytes, done, length - done, offset + done);
    }
    return bytes.subarray(0, done);
  }
}
