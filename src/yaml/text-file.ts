import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** UTF-8 needs at most three bytes for a UTF-16 unit; one more for the byte order mark. */
const MAX_BYTES_PER_CHAR = 4;

/**
 * The text of a file, or why there is none: a clause for people that holds nothing of the file's content, and Node's code
 * or `too-long`; null for what is not a regular file.
 */
export type TextFile = { ok: true; text: string } | { ok: false; code: string | null; problem: string };

/**
 * Reads a UTF-8 file of bounded length and removes its byte order mark. Does not throw. Only regular files: a FIFO, a
 * device, a socket or a folder is a problem and is not read, so that a path in a file of settings or rules cannot stall
 * the program or fill its memory.
 */
export function readTextFile(path: string, maxChars: number): TextFile {
  let bytes: Buffer | string;
  try {
    bytes = readRegularFile(path, maxChars * MAX_BYTES_PER_CHAR);
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : null;
    return { ok: false, code, problem: `cannot be read (${code ?? 'unknown error'})` };
  }
  if (typeof bytes === 'string') {
    return { ok: false, code: null, problem: bytes };
  }
  const text = bytes.toString('utf8');
  return bytes.length > maxChars * MAX_BYTES_PER_CHAR || text.length > maxChars
    ? { ok: false, code: 'too-long', problem: `is longer than ${maxChars} characters` }
    : { ok: true, text: text.startsWith('\uFEFF') ? text.slice(1) : text };
}

/** @returns up to one byte more than `maxBytes`, or why the file is not read. @throws Node's errors. */
function readRegularFile(path: string, maxBytes: number): Buffer | string {
  // Without O_NONBLOCK, opening a FIFO waits for a writer.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) {
      return stats.isDirectory() ? 'is a folder' : 'is not a regular file';
    }
    return readUpTo(descriptor, maxBytes + 1);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads to the end: the size of a file may be wrong (0 in /proc) and may grow. */
function readUpTo(descriptor: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < maxBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, maxBytes - length));
    const read = readSync(descriptor, chunk);
    if (read === 0) {
      break;
    }
    chunks.push(chunk.subarray(0, read));
    length += read;
  }
  return Buffer.concat(chunks);
}
