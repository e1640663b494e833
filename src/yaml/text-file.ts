import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** UTF-8 needs at most three bytes for a UTF-16 unit; one more for the byte order mark. */
const MAX_BYTES_PER_CHAR = 4;

/**
 * The text of a file, or why there is none: a clause for people that holds nothing of the file's content, and Node's code,
 * `too-long` or `encoding`; null for what is not a regular file. `badByte`: the first byte that is not UTF-8.
 */
export type TextFile =
  { ok: true; text: string } | { ok: false; code: string | null; problem: string; badByte?: BadByte };

/** A byte that is not UTF-8. Line and column from 1, the column in UTF-16 units. */
export interface BadByte {
  line: number;
  column: number;
  byte: number;
}

/**
 * Reads a UTF-8 file of bounded length and removes its byte order mark. Other encodings are a problem: guessing one would
 * change the text without a word. Does not throw. Only regular files: a FIFO, a
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
  if (bytes.length > maxChars * MAX_BYTES_PER_CHAR || text.length > maxChars) {
    return { ok: false, code: 'too-long', problem: `is longer than ${maxChars} characters` };
  }
  if (isUtf16(bytes)) {
    return { ok: false, code: 'encoding', problem: 'is saved as UTF-16, not as UTF-8' };
  }
  if (!isUtf8(bytes)) {
    const badByte = firstBadByte(bytes);
    return { ok: false, code: 'encoding', problem: `is not UTF-8 text (line ${badByte.line})`, badByte };
  }
  return { ok: true, text: text.startsWith('\uFEFF') ? text.slice(1) : text };
}

/** Whether bytes begin with the byte order mark of UTF-16, or with an ASCII character in it. */
function isUtf16(bytes: Buffer): boolean {
  const [first, second] = bytes;
  return (
    bytes.length > 1 &&
    ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || (first === 0) !== (second === 0))
  );
}

const LINE_FEED = 0x0a;

/** The first byte that is not UTF-8, in bytes that are not. A line feed is never a part of another character. */
function firstBadByte(bytes: Buffer): BadByte {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, start);
    const inLine = bytes.subarray(start, end === -1 ? bytes.length : end);
    if (end === -1 || !isUtf8(inLine)) {
      return { line, ...badByteIn(inLine) };
    }
    line += 1;
    start = end + 1;
  }
}

function badByteIn(line: Buffer): Omit<BadByte, 'line'> {
  const text = line.toString('utf8');
  // Each bad byte becomes U+FFFD, which takes three bytes where it is written in the file.
  for (let at = text.indexOf('\uFFFD'); at !== -1; at = text.indexOf('\uFFFD', at + 1)) {
    const offset = Buffer.byteLength(text.slice(0, at));
    if (!line.subarray(offset, offset + 3).equals(REPLACEMENT)) {
      return { column: at + 1, byte: line[offset] ?? 0 };
    }
  }
  return { column: 1, byte: line[0] ?? 0 };
}

const REPLACEMENT = Buffer.from('\uFFFD');

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
