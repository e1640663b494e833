import { LRUCache } from 'lru-cache';
import { parsePhoneNumberFromString, type CountryCode, type PhoneNumber } from 'libphonenumber-js/min';

/**
 * Reads a phone number in any common format.
 *
 * Accepts "possible" numbers, not only "valid" ones: the documented samples' 555 numbers are possible but not valid
 * (reference connectors.md 4). Extensions like `1001`, SIP addresses and words like `anonymous` are not phone numbers.
 *
 * @param country ISO 3166-1 alpha-2, for numbers written without a country code; null accepts only `+...`.
 */
export function readPhone(text: string, country: string | null): PhoneNumber | null {
  const parsed = parsePhoneNumberFromString(text, country === null ? {} : { defaultCountry: country as CountryCode });
  return parsed !== undefined && parsed.isPossible() ? parsed : null;
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
