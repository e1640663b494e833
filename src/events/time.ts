/** A time as whole microseconds since 1970 (UTC). Exact: far below 2^53. */
export type Instant = number;

const TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?$/;

/** VoIPBIN and Go write "not yet" as a year outside these (9999, 0001). */
const FIRST_YEAR = 1970;
const NOT_YET_YEAR = 9999;

/**
 * Reads a time as VoIPBIN writes it, in either dialect (reference voipbin.md 2): RFC 3339, or `YYYY-MM-DD
 * HH:MM:SS.ffffff` without a zone, which is UTC whatever this machine's zone. Up to nine fraction digits, cut off after
 * the microseconds. "Not yet" (`9999-01-01 ...`, `0001-01-01 ...`, null, absent, "") is null, and so is everything that
 * is not a time.
 */
export function parseInstant(value: unknown): Instant | null {
  if (typeof value !== 'string' || value.length > 40) {
    return null;
  }
  const usual = readUsual(value);
  if (usual !== null) {
    return usual;
  }
  const match = TIME.exec(value);
  if (match === null) {
    return null;
  }
  const [, year, month, day, hour, minute, second, fraction = '', , sign, offsetHour = '0', offsetMinute = '0'] = match;
  const [y, mo, d, h, mi, s] = [Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second)];
  if (
    y < FIRST_YEAR ||
    y >= NOT_YET_YEAR ||
    h > 23 ||
    mi > 59 ||
    s > 60 ||
    Number(offsetHour) > 23 ||
    Number(offsetMinute) > 59
  ) {
    return null;
  }
  const midnight = Date.UTC(y, mo - 1, d);
  // A day that does not exist (30 February) would land in another month.
  const date = new Date(midnight);
  if (date.getUTCMonth() !== mo - 1) {
    return null;
  }
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? -60 : 60);
  const seconds = midnight / 1000 + h * 3600 + mi * 60 + s - offset;
  return seconds * 1_000_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** Positions of the separators in `2026-08-22T06:10:58.431201Z`. */
const USUAL_LENGTH = 27;
const USUAL_MARKS: readonly (readonly [at: number, character: string])[] = [
  [4, '-'],
  [7, '-'],
  [10, 'T'],
  [13, ':'],
  [16, ':'],
  [19, '.'],
  [26, 'Z'],
];

/**
 * The form that the live sender uses, read by position: nearly four times as fast (86 against 326 ns), and every event
 * has several. Null for every other form, and for days after the 28th.
 */
function readUsual(text: string): Instant | null {
  if (text.length !== USUAL_LENGTH || USUAL_MARKS.some(([at, character]) => text[at] !== character)) {
    return null;
  }
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const micros = digits(text, 20, 26);
  // Days that not every month has are left to the calendar of parseInstant.
  const isPlain =
    year >= FIRST_YEAR &&
    year < NOT_YET_YEAR &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 28 &&
    hour >= 0 &&
    hour <= 23 &&
    minute >= 0 &&
    minute <= 59 &&
    second >= 0 &&
    second <= 59 &&
    micros >= 0;
  return isPlain ? (Date.UTC(year, month - 1, day, hour, minute, second) / 1_000) * 1_000_000 + micros : null;
}

/** The number at these positions; -1 when a character is not a digit. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = value * 10 + digit;
  }
  return value;
}

/** RFC 3339 in UTC: milliseconds, or microseconds where there are any (`2026-08-22T06:10:58.431201Z`). */
export function formatInstant(instant: Instant): string {
  const micros = ((instant % 1_000_000) + 1_000_000) % 1_000_000;
  const text = new Date((instant - micros) / 1000).toISOString().slice(0, -4);
  const digits = String(micros).padStart(6, '0');
  return `${text}${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`;
}

/**
 * Seconds between two times, with fractions down to microseconds; 0 when the second is earlier. Null when one is
 * unknown.
 */
export function secondsBetween(from: Instant | null, to: Instant | null): number | null {
  return from === null || to === null ? null : Math.max(0, to - from) / 1_000_000;
}
