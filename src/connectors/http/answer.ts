import type { Dispatcher } from 'undici';
import { parseExactly } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';

/** Results are part of a run's history in Temporal, so they are kept small. */
const LARGEST_JSON_BYTES = 64 * 1024;
const LARGEST_TEXT_BYTES = 4 * 1024;
/** Deeper than any API's answer, and far from what overflows a stack. */
const DEEPEST_JSON = 32;

/**
 * Reads an answer's body as far as it can be a result: JSON up to 64 KiB and 32 levels, text up to 4 KiB, null for all
 * else. Never reads on after that.
 * @throws what the connection fails with in the middle.
 */
export async function readAnswer(answer: Dispatcher.ResponseData): Promise<JsonValue> {
  const type = contentType(answer);
  const kind = /[/+]json$/.test(type) ? 'json' : type === '' || type.startsWith('text/') ? 'text' : 'other';
  const bytes =
    kind === 'other' ? null : await readAtMost(answer.body, kind === 'json' ? LARGEST_JSON_BYTES : LARGEST_TEXT_BYTES);
  if (bytes === null) {
    discard(answer);
    return null;
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return kind === 'json' ? parseJson(text) : text;
  } catch {
    return null;
  }
}

/** Gives up an answer's body without waiting for it. */
export function discard(answer: Dispatcher.ResponseData): void {
  answer.body.on('error', () => undefined);
  answer.body.destroy();
}

function contentType(answer: Dispatcher.ResponseData): string {
  const header = answer.headers['content-type'];
  return (typeof header === 'string' ? header : '').split(';', 1).join('').trim().toLowerCase();
}

/** @returns null when there is more. */
async function readAtMost(body: AsyncIterable<unknown>, most: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) {
      return null;
    }
    length += chunk.length;
    if (length > most) {
      return null;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(text: string): JsonValue {
  const value = parseExactly(text);
  return isDeeperThan(DEEPEST_JSON, value) ? null : value;
}

function isDeeperThan(levels: number, value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}
