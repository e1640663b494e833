import { parse } from 'secure-json-parse';
import type { JsonObject, JsonValue } from './json';

/**
 * A number as it was written, where a double would change it: `9007199254740993`, `19.90`, `1e400`, `-0`. It is an
 * object, `{ "$number": "19.90" }`, so that it survives every store that keeps JSON, Temporal's histories among them.
 * All other numbers are numbers.
 */
export interface ExactNumber extends JsonObject {
  [MEMBER]: string;
}

const MEMBER = '$number';
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/**
 * The most characters of an exact number: more than any id or amount has. Whatever reads a value looks at all of them, so a
 * number of megabytes in a loop would take minutes. Longer ones are doubles.
 */
export const MAX_EXACT_CHARS = 100;
/** Looking at numbers like `1.5` by the million would take seconds; no real payload has more than a few. */
const MAX_LOOKED_AT = 10_000;

/** A number that a double may change: with a fraction, an exponent, or 16 digits or more; `-0`. */
const CANDIDATE = String.raw`-?(?:\d+[.eE][\d.eE+-]*|\d{16,}|0(?<=-0))(?![\d.eE+-])`;
/** The same where a value can be: cheap, and too broad only within texts. */
const VALUE = new RegExp(String.raw`(?:^|[:,[])\s*(${CANDIDATE})(?=\s*(?:[,\]}]|$))`, 'g');

/** The digits of an {@link ExactNumber} as they were written; null for any other value. */
export function digitsOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, MEMBER)) {
    return null;
  }
  const digits: unknown = (value as Partial<Record<string, unknown>>)[MEMBER];
  return typeof digits === 'string' && isExact(digits) && Object.keys(value).length === 1 ? digits : null;
}

function isExact(digits: string): boolean {
  return digits.length <= MAX_EXACT_CHARS && NUMBER.test(digits);
}

/** A number, exact or not, as a double; null for any other value. */
export function asDouble(value: unknown): number | null {
  if (typeof value === 'number') {
    return value;
  }
  const digits = digitsOf(value);
  return digits === null ? null : Number(digits);
}

/** A number, exact or not, as it is written; null for any other value. */
export function numberText(value: unknown): string | null {
  return typeof value === 'number' ? String(value) : digitsOf(value);
}

/** A number by its digits: exact where a double would change them and they are at most {@link MAX_EXACT_CHARS}. */
export function numberOf(digits: string): JsonValue {
  const double = Number(digits);
  const exact: ExactNumber = { [MEMBER]: digits };
  return String(double) === digits || digits.length > MAX_EXACT_CHARS ? double : exact;
}

/**
 * Parses JSON, and keeps the digits of numbers that a double would change; after 10,000 numbers with a fraction, an
 * exponent or 16 digits, the others are doubles, as are numbers of more than {@link MAX_EXACT_CHARS}. `__proto__` and
 * `constructor.prototype` are dropped, so that no later copy can change a prototype. Of a repeated key, the last value
 * counts.
 * @throws SyntaxError whose message quotes the text.
 */
export function parseExactly(text: string): JsonValue {
  const value: JsonValue = parse(mayNeedExactness(text) ? withExactNumbers(text) : text, {
    protoAction: 'remove',
    constructorAction: 'remove',
  });
  return value;
}

function mayNeedExactness(text: string): boolean {
  // Not `matchAll`, which makes a new RegExp each time.
  VALUE.lastIndex = 0;
  for (let lookedAt = 1; lookedAt <= MAX_LOOKED_AT; lookedAt += 1) {
    const token = VALUE.exec(text)?.[1];
    if (token === undefined || String(Number(token)) !== token) {
      return token !== undefined;
    }
  }
  return false;
}

/** Replaces numbers outside texts by their exact form. What is not JSON stays what is not JSON. */
function withExactNumbers(text: string): string {
  const token = new RegExp(`"|${CANDIDATE}`, 'g');
  let written = '';
  let done = 0;
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT;) {
    const found = token.exec(text);
    if (found === null) {
      break;
    }
    const [digits] = found;
    if (digits === '"') {
      token.lastIndex = endOfText(text, found.index);
      continue;
    }
    lookedAt += 1;
    if (isExact(digits) && String(Number(digits)) !== digits) {
      written += `${text.slice(done, found.index)}{"${MEMBER}":"${digits}"}`;
      done = token.lastIndex;
    }
  }
  return written + text.slice(done);
}

/** The position after the text that begins at a quote. */
function endOfText(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') {
      backslashes += 1;
    }
    if (backslashes % 2 === 0) {
      return end + 1;
    }
  }
  return text.length;
}

/** A value for those who know no exact numbers: each is a double where that has its value, else a text. */
export function withoutExactNumbers(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(withoutExactNumbers);
  }
  const digits = digitsOf(value);
  if (digits === null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutExactNumbers(item)]));
  }
  const double = Number(digits);
  return Number.isFinite(double) && compareNumbers(String(double), digits) === 0 ? double : digits;
}

/** Marks exact numbers in JSON text, until their quotes are removed. Random, so that no payload can contain it. */
const MARK = `\u0000${Math.random()}`;
const MARKED = new RegExp(`"${JSON.stringify(MARK).slice(1, -1).replaceAll('\\', '\\\\')}([^"]*)"`, 'g');

/** A value as JSON in which exact numbers are numbers, digit by digit. @param indent as for `JSON.stringify`. */
export function toJsonText(value: unknown, indent?: number): string {
  let hasExact = false;
  const text = JSON.stringify(
    value,
    (_, inner: unknown) => {
      const digits = digitsOf(inner);
      hasExact ||= digits !== null;
      return digits === null ? inner : MARK + digits;
    },
    indent,
  );
  return hasExact ? text.replace(MARKED, '$1') : text;
}

/**
 * Compares two numbers by their value, however they are written: below 0, 0, or above 0, as for sorting. Exact for any
 * number of digits. NaN for a text that is not a number of JSON.
 */
export function compareNumbers(one: string, other: string): number {
  const [left, right] = [decimalOf(one), decimalOf(other)];
  if (left === null || right === null) {
    return Number.NaN;
  }
  if (left.sign !== right.sign) {
    return left.sign - right.sign;
  }
  if (left.magnitude !== right.magnitude) {
    return left.sign * Math.sign(left.magnitude - right.magnitude);
  }
  return left.sign * (left.digits < right.digits ? -1 : left.digits > right.digits ? 1 : 0);
}

/** Not by a pattern: `0+$` takes quadratic time on zeros that end before the text does. */
function withoutEndingZeros(digits: string): string {
  let length = digits.length;
  while (digits[length - 1] === '0') {
    length -= 1;
  }
  return digits.slice(0, length);
}

/** A number as ±0.DIGITS × 10^magnitude, without zeros at either end of the digits; 0 has neither. */
function decimalOf(text: string): { sign: number; digits: string; magnitude: number } | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) {
    return null;
  }
  const [, minus = '', whole = '', fraction = '', exponent = '0'] = match;
  const all = whole + fraction;
  const first = all.search(/[1-9]/);
  return first === -1
    ? { sign: 0, digits: '', magnitude: 0 }
    : {
        sign: minus === '' ? 1 : -1,
        digits: withoutEndingZeros(all.slice(first)),
        magnitude: whole.length - first + Number(exponent),
      };
}
