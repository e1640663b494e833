import { toE164 } from '../events/phone';
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
 * A filter for the events that a number, in any common format, is a party of: the caller or sender, ours, or of the call
 * that the event refers to. Digits that are not a whole number are found anywhere in one.
 *
 * @param country for numbers without a country code; null when the settings name none.
 * @returns null for a text with fewer than three digits.
 */
export function numberFilter(written: string, country: string | null): NumberFilter | null {
  const whole = toE164(written, country);
  const digits = (whole ?? written).replace(/\D/g, '');
  if (digits.length < FEWEST_DIGITS) {
    return null;
  }
  const isIt = (number: string | null | undefined): boolean =>
    number !== null &&
    number !== undefined &&
    (whole === null ? number.replace(/\D/g, '').includes(digits) : (toE164(number, country) ?? number) === whole);
  return {
    headContains: whole === null ? digits : digits.slice(-COMPARED_DIGITS),
    matches: ({ peer, ours, call }) => [peer, ours, call?.peer, call?.ours].some((party) => isIt(party?.number)),
  };
}
