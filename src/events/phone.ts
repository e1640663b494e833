import { LRUCache } from 'lru-cache';
import { parsePhoneNumberFromString, type CountryCode, type PhoneNumber } from 'libphonenumber-js/min';
import { renumbered } from './numbering-changes';
import { isWithheld } from './withheld';

/** Marks of the writing direction and other characters without a width, which phones add to numbers that are copied. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
/** A longer text is not a number, and is not searched for one: whoever causes an event may make it megabytes long. */
const MAX_CHARS = 1_000;
/** Shorter numbers are extensions, short codes and emergency numbers (E.164 has no shorter ones, VoIPBIN neither). */
const MIN_DIGITS = 7;
/** Countries where subscribers have fewer than seven digits. Their numbers must be valid, not only possible. */
const SHORT_PLANS: ReadonlySet<string> = new Set(
  'AD AI AT CK FK FO GL IO KI LU NC NF NR NU PF PM SB SH SM TK TO TV WF'.split(' '),
);

/**
 * Reads a phone number in any common format: `+1 555 123-4567`, `(0)30 123456`, `0049 30 ...`, `tel:` and `sip:`
 * addresses with a number in them, with an extension (which is dropped), in the forms of earlier numbering plans
 * (`+52 1 55 ...`), international without the `+` where that leaves no doubt.
 *
 * Accepts "possible" numbers, not only "valid" ones: the documented samples' 555 numbers are possible but not valid
 * (reference connectors.md 4), and numbering plans are opened faster than libraries learn of it. Extensions like `1001`,
 * short codes, words like `anonymous` and the digits that carriers send for withheld numbers are not phone numbers.
 *
 * @param country ISO 3166-1 alpha-2, for numbers written without a country code; null when the rule file names none.
 */
export function readPhone(text: string, country: string | null): PhoneNumber | null {
  if (text.length > MAX_CHARS) {
    return null;
  }
  const plain = text.normalize('NFKC').replace(INVISIBLE, '').trim();
  const written = userOf(plain);
  if (isWithheld(written)) {
    return null;
  }
  return readWritten(written, country) ?? readInternational(written);
}

/** The part of a `sip:` address that may be a number; other texts unchanged. */
function userOf(text: string): string {
  const sip = /^(?:sips?:)?([^@;\s]+)(?:;[^@\s]*)?@\S+$/i.exec(text) ?? /^sips?:([^@;\s]+)/i.exec(text);
  return sip?.[1] ?? text;
}

function readWritten(text: string, country: string | null): PhoneNumber | null {
  const parsed = parsePhoneNumberFromString(text, country === null ? {} : { defaultCountry: country as CountryCode });
  if (parsed === undefined) {
    return null;
  }
  const today = renumbered(countryOf(parsed), parsed.nationalNumber);
  const moved = today === null ? undefined : parsePhoneNumberFromString(`+${parsed.countryCallingCode}${today}`);
  if (moved?.isValid() === true) {
    return moved;
  }
  if (!parsed.isPossible()) {
    return null;
  }
  const isInternational = /^\D*\+/.test(text);
  const digits = isInternational ? parsed.number.length - 1 : parsed.nationalNumber.length;
  const isLongEnough = digits >= MIN_DIGITS || (SHORT_PLANS.has(countryOf(parsed) ?? '') && parsed.isValid());
  return isLongEnough ? parsed : null;
}

/** Also of a number that is in no plan any more: the country whose code it has, if only one country has it. */
function countryOf(number: PhoneNumber): CountryCode | undefined {
  const possible = number.getPossibleCountries();
  return number.country ?? (possible.length === 1 ? possible[0] : undefined);
}

/**
 * A number with its country code but without the `+`, as trunks and exchanges send it: `4930...`, `0049...`. It must be
 * valid, since such digits may also be a national number of some country.
 */
function readInternational(text: string): PhoneNumber | null {
  const [, prefix, rest] = /^(00)?([1-9][\d\s().-]{6,})$/.exec(text) ?? [];
  const digits = (rest ?? '').replace(/\D/g, '');
  if (digits.length < (prefix === undefined ? 11 : 8) || digits.length > 15) {
    return null;
  }
  const read = readWritten(`+${digits}`, null);
  return read?.isValid() === true ? read : null;
}

/**
 * Parsed numbers, by country and text. Parsing one takes nearly as long as the rest of ingesting an event (profiled),
 * and the same numbers come again and again.
 */
const parsedNumbers = new LRUCache<string, { number: string | null }>({ max: 10_000 });
/** Longer texts are not numbers, and are not cached. */
const MAX_CACHED_LENGTH = 40;

/** The number in E.164 (`+15551234567`), or null when the text is not a phone number. */
export function toE164(text: string, country: string | null): string | null {
  if (text.length > MAX_CACHED_LENGTH) {
    return readPhone(text, country)?.number ?? null;
  }
  const key = `${country ?? ''} ${text}`;
  const cached = parsedNumbers.get(key);
  if (cached !== undefined) {
    return cached.number;
  }
  const number = readPhone(text, country)?.number ?? null;
  parsedNumbers.set(key, { number });
  return number;
}

/**
 * The number of the far end of a call or text, by which people are told apart: in E.164 where the bridge knows its
 * numbering plan, else as the network sent it, if it has the form of E.164 with at least eight digits. A customer whose
 * number is in a plan that changed yesterday is a customer all the same. Null: see {@link whyNoPhone}.
 */
export function farEndNumber(text: string, country: string | null): string | null {
  const known = toE164(text, country);
  if (known !== null || text.length > MAX_CHARS) {
    return known;
  }
  const written = userOf(text.trim());
  return /^\+[1-9]\d{7,14}$/.test(written) && !VOIPBIN_VIRTUAL.test(written) && !isWithheld(written) ? written : null;
}

/** VoIPBIN's virtual numbers: the code +899 is assigned to nobody, and no other network reaches them. */
const VOIPBIN_VIRTUAL = /^\+899/;

/**
 * Why the number of an address is not a phone number, for a report: no personal data. What is left may be a customer,
 * so the sentence says what to look at.
 */
export function whyNoPhone(text: string): string {
  // Normalizing takes the square of the marks in a row: 6 minutes for a million (measured).
  if (text.length > MAX_CHARS) {
    return `the far end gave no phone number, but more than ${MAX_CHARS} characters`;
  }
  const written = userOf(text.normalize('NFKC').replace(INVISIBLE, '').trim());
  const digits = written.replace(/\D/g, '').length;
  if (isWithheld(written)) {
    return 'the far end gave no phone number: it withheld it';
  }
  if (/\p{L}/u.test(written) || digits === 0) {
    return 'the far end gave no phone number, but a name';
  }
  return digits < MIN_DIGITS
    ? `the far end gave no phone number, but ${digits} digits: a short code or an extension`
    : `the far end gave no phone number, but ${digits} digits that are in no numbering plan; if they are a customer's, set the country of the rule file`;
}
