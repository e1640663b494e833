import { parsePhoneNumberFromString, type CountryCode, type PhoneNumber } from 'libphonenumber-js/min';

/**
 * Reads a phone number in any common format.
 *
 * "Possible" rather than "valid" decides, because the documented samples' own 555 numbers are possible but not valid
 * (reference connectors.md 4). Extensions like `1001`, SIP addresses and words like `anonymous` are no phone numbers.
 *
 * @param country ISO 3166-1 alpha-2, for numbers written without a country code; null accepts only `+...`.
 */
export function readPhone(text: string, country: string | null): PhoneNumber | null {
  const parsed = parsePhoneNumberFromString(text, country === null ? {} : { defaultCountry: country as CountryCode });
  return parsed !== undefined && parsed.isPossible() ? parsed : null;
}

/**
 * Numbers that were read before, by country and text. Reading one took nearly as long as all the rest of taking an
 * event (profiled), and the same ones come again and again.
 */
const known = new Map<string, string | null>();
const MOST_KNOWN = 10_000;
/** Longer texts are no numbers, and are not kept. */
const LONGEST_KNOWN = 40;

/** The number in E.164 (`+15551234567`), or null when the text is no phone number. */
export function toE164(text: string, country: string | null): string | null {
  if (text.length > LONGEST_KNOWN) {
    return readPhone(text, country)?.number ?? null;
  }
  const key = `${country ?? ''} ${text}`;
  let number = known.get(key);
  if (number === undefined) {
    number = readPhone(text, country)?.number ?? null;
    if (known.size >= MOST_KNOWN) {
      known.clear();
    }
    known.set(key, number);
  }
  return number;
}
