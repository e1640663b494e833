import { close, constants, fdatasync, fstat, fsync, open, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makePrivateFile } from '../../storage/data-folder';
import { encodeFrame, frameBound, type JournalPosition, type JournalRecord } from './frame';

const [openFile, stat, sync, syncWhole, closeFile] = [
  promisify(open),
  promisify(fstat),
  promisify(fdatasync),
  promisify(fsync),
  promisify(close),
];

/** Two files take turns: while one is written, what stands in the other is brought into `inbox.db`. */
export const JOURNAL_FILES = ['journal.0', 'journal.1'] as const;

/** The file of a segment. */
export function journalFile(dataDir: string, segment: number): string {
  return join(dataDir, JOURNAL_FILES[segment % 2 === 0 ? 0 : 1]);
}

/**
 * A file this long gives its turn to the other as soon as that may be overwritten: then both stay short, and nothing is
 * written to fresh blocks.
 */
const TURN_BYTES = 4 * 1_048_576;
/** No file grows beyond this, but for one write. */
const MOST_BYTES = 128 * 1_048_576;
/**
 * A file grows by this much at a time, filled with zeros: a write into blocks that are there already needs no change of
 * the file system's own records of its size to be synced.
 */
const GROW_BYTES = 262_144;

/** What frames are made in is kept up to this size. */
const MOST_ROOM_BYTES = 4 * 1_048_576;

/** On Linux a write returns once it is on the disk; elsewhere a sync follows it. */
const SYNCED = process.platform === 'linux' ? constants.O_DSYNC : 0;

interface JournalFile {
  fd: number;
  /** Bytes that it has. */
  size: number;
}

/**
 * Where events are kept first: written from end to end, each write a frame of its own (journal-frame.ts) and synced.
 * One write at a time.
 *
 * Guarantees: what {@link write} resolved for survives a power loss, as far as the disk keeps its word about fsync,
 * until its segment is released and the file written anew. A write that failed leaves nothing that a reader would take
 * for kept.
 */
export class Journal {
  #position: JournalPosition;
  /** Every segment up to this one may be overwritten. */
  #released: number;
  #file: JournalFile | null = null;
  #previousEnd = 0;
  /** Files whose names the folder keeps, as far as this process knows. */
  readonly #named = new Set<string>();
  #room: Buffer = Buffer.alloc(0);

  /** @param segment the first one that is written; all before it are done with. */
  constructor(
    private readonly dataDir: string,
    segment: number,
  ) {
    this.#position = { segment, offset: 0 };
    this.#released = segment - 1;
  }

  /** The segment that the next write goes to, if it is begun now. */
  get segment(): number {
    return this.#isDue() ? this.#position.segment + 1 : this.#position.segment;
  }

  /** Whether the next write must wait for a segment to be released. */
  get isFull(): boolean {
    return this.#position.offset >= MOST_BYTES && !this.#isDue();
  }

  /** Every segment up to this one is in `inbox.db`, durably: its file may be overwritten. */
  release(segment: number): void {
    this.#released = Math.max(this.#released, segment);
  }

  /**
   * Writes records and syncs them.
   * @returns the place behind them.
   * @throws the system's error (ENOSPC, EROFS, EIO ...); the next write is made at the same place, with the file opened
   *   anew.
   */
  async write(records: readonly JournalRecord[]): Promise<JournalPosition> {
    if (this.#isDue()) {
      await this.#closeFile();
      this.#previousEnd = this.#position.offset;
      this.#position = { segment: this.#position.segment + 1, offset: 0 };
    }
    const { segment, offset } = this.#position;
    const frame = encodeFrame(records, this.#position, this.#roomFor(frameBound(records)), this.#previousEnd);
    try {
      const file = (this.#file ??= await this.#open(segment));
      await this.#grow(file, offset + frame.length);
      await writeAll(file.fd, frame, offset);
      if (SYNCED === 0) {
        await sync(file.fd);
      }
    } catch (error) {
      await this.#closeFile();
      throw error;
    }
    this.#position = { segment, offset: offset + frame.length };
    return this.#position;
  }

  /** Closes its file. Call it when no write is under way. */
  async close(): Promise<void> {
    await this.#closeFile();
  }

  /** One write at a time, so that one room does: memory of its own for each would have to be collected again. */
  #roomFor(bytes: number): Buffer {
    if (bytes > MOST_ROOM_BYTES) {
      return Buffer.allocUnsafe(bytes);
    }
    if (this.#room.length < bytes) {
      this.#room = Buffer.allocUnsafeSlow(Math.min(bytes * 2, MOST_ROOM_BYTES));
    }
    return this.#room;
  }

  #isDue(): boolean {
    return this.#position.offset >= TURN_BYTES && this.#released >= this.#position.segment - 1;
  }

  async #open(segment: number): Promise<JournalFile> {
    const path = journalFile(this.dataDir, segment);
    makePrivateFile(path);
    const fd = await openFile(path, constants.O_RDWR | SYNCED);
    try {
      if (!this.#named.has(path)) {
        await syncFolder(this.dataDir);
        this.#named.add(path);
      }
      return { fd, size: (await stat(fd)).size };
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }

  async #grow(file: JournalFile, needed: number): Promise<void> {
    if (needed > file.size) {
      const size = Math.ceil(needed / GROW_BYTES) * GROW_BYTES;
      await writeAll(file.fd, Buffer.alloc(size - file.size), file.size);
      file.size = size;
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file !== null) {
      // Its content is synced; that closing says something else changes nothing.
      await closeFile(file.fd).catch(() => undefined);
    }
  }
}

/** A file's name is kept by its folder. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform !== 'win32') {
    const fd = await openFile(folder, constants.O_RDONLY);
    try {
      await syncWhole(fd);
    } finally {
      await closeFile(fd);
    }
  }
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await writeSome(fd, bytes, done, position + done);
  }
}

/** `promisify` would make an object more for every write. */
function writeSome(fd: number, bytes: Buffer, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, position, (error, written) =>
      error === null ? resolve(written) : reject(error),
    );
  });
}
