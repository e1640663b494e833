import { closeSync, copyFileSync, fstatSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';

const LARGEST_LOG = 5 * 1024 * 1024;
const TAIL_BYTES = 16_384;

/**
 * The embedded server's log file. The server writes to it directly, so that its writing does not depend on the bridge.
 * It and the one before it (`<file>.1`) take at most about ten megabytes together, given that {@link ServerLog.bound}
 * is called now and then.
 */
export class ServerLog {
  /** Where the log stands now: {@link ServerLog.tail} shows only what was written from here on. */
  #from: number;

  constructor(
    readonly path: string,
    private readonly largest: number = LARGEST_LOG,
  ) {
    if (sizeOf(path) > largest) {
      renameSync(path, `${path}.1`);
    }
    this.#from = sizeOf(path);
  }

  /** A descriptor that appends, for a child's output. The caller closes it. */
  open(): number {
    return openSync(this.path, 'a', 0o600);
  }

  /** Puts the log aside when it has become too large. What is written at that very moment may be lost. */
  bound(): void {
    if (sizeOf(this.path) > this.largest) {
      // The server keeps its descriptor, so the file is emptied, not moved; it appends, so its next line is the first.
      copyFileSync(this.path, `${this.path}.1`);
      truncateSync(this.path, 0);
      this.#from = 0;
    }
  }

  /** The last lines written since this was opened. */
  tail(lines: number): string[] {
    try {
      const file = openSync(this.path, 'r');
      try {
        const { size } = fstatSync(file);
        const start = Math.max(this.#from, size - TAIL_BYTES);
        const buffer = Buffer.alloc(Math.max(0, size - start));
        const read = readSync(file, buffer, 0, buffer.length, start);
        return buffer
          .toString('utf8', 0, read)
          .split('\n')
          .filter((line) => line.trim() !== '')
          .slice(-lines);
      } finally {
        closeSync(file);
      }
    } catch {
      return [];
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
