import { getCountryCallingCode, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import { readPhone } from './phone';

/**
 * The number as which a text without a country code is read, in E.164, where the country has no such number: it is
 * probably one of another country. Null for numbers with their country code, for those that the country may have, and for
 * what is no number at all.
 *
 * Uses the detailed numbering plans, which tell `010...` in Germany from a German number. Not guaranteed: that a range
 * which was opened lately is in them. So this is a reason to ask, not to refuse.
 *
 * @param country ISO 3166-1 alpha-2; null when the rule file names none.
 */
export function numberOutsidePlan(text: string, country: string | null): string | null {
  const written = text.trim();
  const number = country === null || /^\D*\+/.test(written) ? undefined : readPhone(written, country)?.number;
  if (number === undefined) {
    return null;
  }
  const code = getCountryCallingCode(country as CountryCode);
  // Read as an international one (`0049...`, `4930...`), or moved to the plan of today.
  const isNational = number.startsWith(`+${code}`) && !written.replace(/\D/g, '').replace(/^0+/, '').startsWith(code);
  return isNational && parsePhoneNumberFromString(number)?.isValid() !== true ? number : null;
}

/** A number of another country, for a message: how it is written with its country code. */
export function exampleAbroad(country: string | null): string {
  return country === 'KR' ? '+49 30 123456' : '+82 10 5000 6000';
}
