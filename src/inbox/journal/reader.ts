import { closeSync, copyFileSync, existsSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
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

/** The two files of the journal. Segments alternate between them. */
const JOURNAL_FILES = ['journal.0', 'journal.1'] as const;

/** The file of a segment. */
export function journalFile(dataDir: string, segment: number): string {
  return join(dataDir, JOURNAL_FILES[segment % 2 === 0 ? 0 : 1]);
}

/** Whether a data folder has a journal. */
export function hasJournal(dataDir: string): boolean {
  return JOURNAL_FILES.some((name) => existsSync(join(dataDir, name)));
}

/** Deletes the journal. */
export function removeJournal(dataDir: string): void {
  JOURNAL_FILES.forEach((name) => rmSync(join(dataDir, name), { force: true }));
}

/** Records from the journal, and the position after them. */
export interface JournalPart {
  records: JournalRecord[];
  end: JournalPosition;
}

/**
 * A file of the journal with an unreadable part. `aside`: where a copy of the file is; null when the file is missing.
 */
export interface JournalDamage {
  aside: string | null;
}

/** Reads a journal that nobody writes. */
export class JournalReader {
  readonly #open = new Map<string, number>();
  /** Segments whose damage was reported. */
  readonly #reported = new Set<number>();

  /** @param onDamage called once for every segment with a damaged part; the part is skipped. */
  constructor(
    private readonly dataDir: string,
    private readonly onDamage: (damage: JournalDamage) => void,
  ) {}

  /** The segments in the files, oldest first. */
  segments(): number[] {
    return JOURNAL_FILES.flatMap((name) => {
      const path = join(this.dataDir, name);
      const segment = segmentOf(this.#read(path, 0, FRAME_HEAD_BYTES), 0);
      if (segment !== null && this.#frameAt({ segment, offset: 0 }) !== null) {
        return [segment];
      }
      // The first frame is damaged, or its write was interrupted: the file may still contain an earlier segment.
      const newest = Math.max(0, ...[...this.#wholeFrames(path)].map((found) => found.segment));
      return newest === 0 ? [] : [newest];
    }).sort((one, other) => one - other);
  }

  /**
   * Everything after `from`, frame by frame. An interrupted write at the end is not damage: it was never acknowledged.
   */
  *rest(from: JournalPosition): Generator<JournalPart> {
    const segments = this.segments().filter((each) => each >= from.segment);
    for (const [index, segment] of segments.entries()) {
      let at: JournalPosition | null = { segment, offset: segment === from.segment ? from.offset : 0 };
      while (at !== null) {
        const frame = this.#frameAt(at);
        if (frame === null) {
          at = this.#afterGap(at, segments[index + 1] ?? null);
        } else {
          at = { segment, offset: at.offset + frame.length };
          yield { records: recordsIn(frame), end: at };
        }
      }
    }
  }

  /** The plans in a segment before a position, by their hash. */
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

  close(): void {
    for (const fd of this.#open.values()) {
      closeSync(fd);
    }
    this.#open.clear();
  }

  /**
   * The next whole frame of a segment that has none at this position; null when the segment ends here. A damaged part
   * in between is reported. @param next the following segment, if there is one.
   */
  #afterGap(at: JournalPosition, next: number | null): JournalPosition | null {
    const path = journalFile(this.dataDir, at.segment);
    const offset = this.#wholeFrameAfter(path, at);
    const following = next === at.segment + 1 ? this.#frameAt({ segment: next, offset: 0 }) : null;
    const isDamaged = offset !== null || (following !== null && previousEndIn(following) > at.offset);
    if (isDamaged && !this.#reported.has(at.segment)) {
      this.#reported.add(at.segment);
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
    const size = frameSize(this.#read(path, position.offset, FRAME_HEAD_BYTES), position);
    if (size === null || size > this.#size(path) - position.offset) {
      return null;
    }
    const frame = this.#read(path, position.offset, size);
    return isWhole(frame) ? frame : null;
  }

  /** The offset of the next whole frame of a segment; null when there is none. */
  #wholeFrameAfter(path: string, position: JournalPosition): number | null {
    for (const found of this.#wholeFrames(path)) {
      if (found.segment === position.segment && found.offset > position.offset) {
        return found.offset;
      }
    }
    return null;
  }

  /** The positions of all whole frames in a file, of any segment. */
  *#wholeFrames(path: string): Generator<JournalPosition> {
    const file = this.#read(path, 0, this.#size(path));
    for (let offset = file.indexOf(FRAME_MAGIC); offset !== -1; offset = file.indexOf(FRAME_MAGIC, offset + 1)) {
      const segment = segmentOf(file.subarray(offset), offset);
      // Segments alternate between the files, so a segment of the other file is not one.
      if (
        segment !== null &&
        journalFile(this.dataDir, segment) === path &&
        this.#frameAt({ segment, offset }) !== null
      ) {
        yield { segment, offset };
      }
    }
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

  /** Up to so many bytes of a file. */
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
