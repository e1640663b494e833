import { parse } from 'secure-json-parse';
import type { JsonObject, JsonValue } from './json';
import { isObject } from './payload';

/** What VoIPBIN wraps every event in (reference voipbin.md 2). Further members beside the two are not looked at. */
export interface Envelope {
  type: string;
  data: JsonObject;
}

/** Why a body is no event. */
export type EnvelopeFault = 'empty' | 'not_json' | 'too_deep' | 'no_envelope';

/** The message is for people and says nothing of the body's content. */
export type ParsedEnvelope = { ok: true; envelope: Envelope } | { ok: false; reason: EnvelopeFault; message: string };

/**
 * Real payloads nest six deep. Beyond this, code that walks the value (or turns it into text again) could run out of
 * stack.
 */
const DEEPEST = 100;

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Reads a request's body. Total: whatever the bytes are, the answer says what they are. What it gives nests at most 100
 * deep and holds no `__proto__` and no `constructor.prototype` (dropped, so that no later copy can change a prototype);
 * of a key that stands twice the last counts.
 */
export function parseEnvelope(body: Buffer): ParsedEnvelope {
  if (body.length === 0) {
    return { ok: false, reason: 'empty', message: 'the body is empty' };
  }
  if (mayBeTooDeep(body) && isTooDeep(body)) {
    return { ok: false, reason: 'too_deep', message: `the body nests more than ${DEEPEST} levels deep` };
  }
  const value = parseJson(body);
  if (value === undefined) {
    return { ok: false, reason: 'not_json', message: 'the body is not JSON' };
  }
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

/** @returns undefined when it is not JSON; the parser's own message quotes the body and goes nowhere. */
function parseJson(body: Buffer): JsonValue | undefined {
  try {
    // A byte order mark is taken off by the parser.
    const value: JsonValue = parse(body.toString('utf8'), { protoAction: 'remove', constructorAction: 'remove' });
    return value;
  } catch {
    return undefined;
  }
}

/** Whether there are brackets enough to be too deep at all: a quick look, as hardly any body has them. */
function mayBeTooDeep(body: Buffer): boolean {
  let opened = 0;
  for (const bracket of [OPEN_OBJECT, OPEN_LIST]) {
    for (let at = body.indexOf(bracket); at !== -1; at = body.indexOf(bracket, at + 1)) {
      opened += 1;
      if (opened > DEEPEST) {
        return true;
      }
    }
  }
  return false;
}

/**
 * Counts brackets outside texts on the raw bytes, before anything is built of them. UTF-8 keeps these bytes for these
 * characters.
 */
function isTooDeep(body: Buffer): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inText) {
      if (byte === BACKSLASH) {
        at += 1;
      } else if (byte === QUOTE) {
        inText = false;
      }
    } else if (byte === QUOTE) {
      inText = true;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth += 1;
      if (depth > DEEPEST) {
        return true;
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth -= 1;
    }
  }
  return false;
}
