import { readPhone, toE164 } from '../events/phone';
import type { EventHead } from '../inbox/stored-event';

/** Digits of a number that is looked for, at the end: forms of one number differ at the beginning. */
const COMPARED_DIGITS = 6;
const FEWEST_DIGITS = 3;

/** Finds the events of a number. */
export interface NumberFilter {
  /** What the stored head of every such event contains. */
  headContains: string;
  matches(event: EventHead): boolean;
}

/**
 * What a text may be as a whole phone number, in E.164: one number where it has its country code, else one for each
 * country in which it can be one. Empty for parts of numbers, and for what is none.
 *
 * @param countries in which people write numbers without a country code, the likeliest first.
 */
export function readingsOf(written: string, countries: readonly string[]): string[] {
  const readings = [...countries, null].map((country) => toE164(written, country));
  return [...new Set(readings)].filter((number) => number !== null);
}

/**
 * A filter for the events that one of some numbers is a party of: the caller or sender, ours, or of the call that the
 * event refers to.
 *
 * @param numbers in E.164; the readings of one text, so they end alike.
 * @param countries as for {@link readingsOf}, for numbers that came without a country code.
 */
export function wholeNumberFilter(numbers: readonly string[], countries: readonly string[]): NumberFilter {
  const isIt = (number: string): boolean =>
    numbers.includes(number) || readingsOf(number, countries).some((reading) => numbers.includes(reading));
  return { headContains: commonEnd(numbers), matches: (event) => numbersIn(event).some(isIt) };
}

/**
 * A filter for the events of a number, in any common format, or of one with these digits; with a 0 before them, as people
 * of its own country write the beginning of a number: `0160333` finds +49160333….
 *
 * @param countries as for {@link readingsOf}.
 * @returns null for a text with fewer than three digits.
 */
export function numberFilter(written: string, countries: readonly string[]): NumberFilter | null {
  const readings = readingsOf(written, countries);
  const whole = readings.length === 0 ? null : wholeNumberFilter(readings, countries);
  const isInternational = /^\s*(?:\+|00)/.test(written);
  const digits = written.replace(/\D/g, '').replace(/^00/, '');
  if (whole !== null && isInternational) {
    return {
      ...whole,
      matches: (event) => whole.matches(event) || numbersIn(event).some((number) => number.startsWith(`+${digits}`)),
    };
  }
  if (digits.length < FEWEST_DIGITS) {
    return whole;
  }
  const national = digits.replace(/^0/, '');
  if (whole !== null && !national.includes(whole.headContains)) {
    return whole;
  }
  const hasDigits = (number: string): boolean => {
    const all = number.replace(/\D/g, '');
    return all.includes(digits) || (national !== digits && all.includes(national) && beginsWith(number, national));
  };
  return {
    headContains: whole?.headContains ?? national,
    matches: (event) => whole?.matches(event) === true || numbersIn(event).some(hasDigits),
  };
}

/** Whether a number in E.164 begins so after its country code. */
function beginsWith(number: string, national: string): boolean {
  return readPhone(number, null)?.nationalNumber.startsWith(national) === true;
}

function numbersIn({ peer, ours, call }: EventHead): string[] {
  return [peer, ours, call?.peer, call?.ours].flatMap((party) => party?.number ?? []);
}

/** The last digits that all of some numbers have, six at most. */
function commonEnd(numbers: readonly string[]): string {
  const [first = ''] = numbers;
  for (let length = COMPARED_DIGITS; length > 0; length -= 1) {
    const end = first.slice(-length);
    if (numbers.every((number) => number.endsWith(end))) {
      return end;
    }
  }
  return '';
}
