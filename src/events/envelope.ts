import { parseExactly } from './exact-number';
import type { JsonObject, JsonValue } from './json';
import { isObject } from './payload';

/** The envelope of every VoIPBIN event (reference voipbin.md 2). Other members are ignored. */
export interface Envelope {
  type: string;
  data: JsonObject;
}

/** Why a body is not an event. */
export type EnvelopeError = 'empty' | 'not_json' | 'too_deep' | 'too_many_values' | 'no_envelope';

/** The message is for people, and does not quote the body. */
export type ParsedEnvelope = { ok: true; envelope: Envelope } | { ok: false; reason: EnvelopeError; message: string };

/**
 * The deepest nesting that is accepted. Real payloads have six levels. Code that walks a much deeper value, or
 * serialises it, could run out of stack.
 */
const MAX_DEPTH = 100;

/**
 * The most lists, objects, and members or items after the first of one. Real payloads have hundreds. Ten megabytes of
 * empty lists, or of different names, would take 0.6 to 1.1 s to parse, in which nothing else is answered; so many take
 * 0.25 s at most (CPU time, measured).
 */
const MAX_VALUES = 250_000;

const [COMMA, QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x2c, 0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/**
 * Parses JSON from outside. Total: any bytes give a result. The result has at most 100 levels and 250,000 values, and
 * neither `__proto__` nor `constructor.prototype`, which are dropped so that no later copy can change a prototype. Of a
 * repeated key, the last value counts. Numbers keep their digits (`exact-number.ts`).
 */
export function parseBody(body: Buffer): { ok: true; value: JsonValue } | Extract<ParsedEnvelope, { ok: false }> {
  if (body.length === 0) {
    return { ok: false, reason: 'empty', message: 'the body is empty' };
  }
  // A value and what separates it from the next take two bytes at least.
  const problem = body.length > 2 * MAX_VALUES || mayBeTooDeep(body) ? tooMuchOf(body) : null;
  if (problem !== null) {
    return { ok: false, ...problem };
  }
  const value = parseJson(body);
  if (value === undefined) {
    return { ok: false, reason: 'not_json', message: 'the body is not JSON' };
  }
  return { ok: true, value };
}

/** Parses a request's body as {@link parseBody} does. */
export function parseEnvelope(body: Buffer): ParsedEnvelope {
  const parsed = parseBody(body);
  if (!parsed.ok) {
    return parsed;
  }
  const { value } = parsed;
  if (!isObject(value)) {
    return { ok: false, reason: 'no_envelope', message: 'the body is not an object {"type": ..., "data": {...}}' };
  }
  const { type, data } = value;
  if (typeof type !== 'string' || type === '') {
    return { ok: false, reason: 'no_envelope', message: 'the envelope has no "type" that is a non-empty text' };
  }
  if (!isObject(data)) {
    return { ok: false, reason: 'no_envelope', message: 'the envelope has no "data" that is an object' };
  }
  return { ok: true, envelope: { type, data } };
}

/** @returns undefined when it is not JSON. The parser's message quotes the body, so it is dropped. */
function parseJson(body: Buffer): JsonValue | undefined {
  try {
    // The parser removes a byte order mark.
    return parseExactly(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Whether a body has enough brackets to be too deep: a cheap check that hardly any body passes. */
function mayBeTooDeep(body: Buffer): boolean {
  let opened = 0;
  for (const bracket of [OPEN_OBJECT, OPEN_LIST]) {
    for (let at = body.indexOf(bracket); at !== -1; at = body.indexOf(bracket, at + 1)) {
      opened += 1;
      if (opened > MAX_DEPTH) {
        return true;
      }
    }
  }
  return false;
}

/** Counts brackets and commas outside strings on the raw bytes, before anything is built from them. Safe in UTF-8. */
function tooMuchOf(body: Buffer): { reason: 'too_deep' | 'too_many_values'; message: string } | null {
  let depth = 0;
  let values = 0;
  let isInString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (isInString) {
      if (byte === BACKSLASH) {
        at += 1;
      } else if (byte === QUOTE) {
        isInString = false;
      }
    } else if (byte === QUOTE) {
      isInString = true;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      values += 1;
      if (depth > MAX_DEPTH) {
        return { reason: 'too_deep', message: `the body nests more than ${MAX_DEPTH} levels deep` };
      }
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth -= 1;
    } else if (byte === COMMA) {
      values += 1;
    }
    if (values > MAX_VALUES) {
      return { reason: 'too_many_values', message: `the body has more than ${MAX_VALUES} values` };
    }
  }
  return null;
}
