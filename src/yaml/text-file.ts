import { readFileSync } from 'node:fs';

/**
 * Reads a text file of bounded length, without a byte order mark. The problem is a clause for people, without the
 * file's content.
 */
export function readTextFile(
  path: string,
  longest: number,
): { ok: true; text: string } | { ok: false; problem: string } {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length > longest
      ? { ok: false, problem: `is longer than ${longest} characters` }
      : { ok: true, text: text.startsWith('\uFEFF') ? text.slice(1) : text };
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    return { ok: false, problem: `cannot be read (${code})` };
  }
}
