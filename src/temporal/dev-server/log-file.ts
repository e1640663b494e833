import { closeSync, copyFileSync, fstatSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';

const MAX_LOG_BYTES = 5 * 1024 * 1024;
const TAIL_BYTES = 16_384;

/**
 * The dev server's log file. The server writes to it directly, so its output does not pass through the bridge.
 *
 * The file and its predecessor (`<file>.1`) take about ten megabytes at most together, when {@link ServerLog.rotate} is
 * called regularly.
 */
export class ServerLog {
  /** Size of the file when it was opened: {@link ServerLog.tail} shows only what was written later. */
  #startOffset: number;

  constructor(
    readonly path: string,
    private readonly maxBytes: number = MAX_LOG_BYTES,
  ) {
    if (sizeOf(path) > maxBytes) {
      renameSync(path, `${path}.1`);
    }
    this.#startOffset = sizeOf(path);
  }

  /** Opens a descriptor that appends, for a child's output. The caller closes it. */
  open(): number {
    return openSync(this.path, 'a', 0o600);
  }

  /**
   * Moves the content to `<file>.1` when the file is too large. Not guaranteed: that lines written at the same moment
   * are kept.
   */
  rotate(): void {
    if (sizeOf(this.path) > this.maxBytes) {
      // The server keeps its descriptor, so the file is emptied, not renamed. The descriptor appends: the next line is
      // the first of the emptied file.
      copyFileSync(this.path, `${this.path}.1`);
      truncateSync(this.path, 0);
      this.#startOffset = 0;
    }
  }

  /** The last lines written since this object was made. */
  tail(lines: number): string[] {
    try {
      const file = openSync(this.path, 'r');
      try {
        const { size } = fstatSync(file);
        const start = Math.max(this.#startOffset, size - TAIL_BYTES);
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
