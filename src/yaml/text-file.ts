import { readFileSync } from 'node:fs';

/**
 * Reads a UTF-8 file of bounded length and removes its byte order mark. Does not throw: the problem is a clause for
 * people and holds nothing of the file's content.
 */
export function readTextFile(
  path: string,
  maxChars: number,
): { ok: true; text: string } | { ok: false; problem: string } {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length > maxChars
      ? { ok: false, problem: `is longer than ${maxChars} characters` }
      : { ok: true, text: text.startsWith('\uFEFF') ? text.slice(1) : text };
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    return { ok: false, problem: `cannot be read (${code})` };
  }
}
