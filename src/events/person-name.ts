import { isWithheld } from './withheld';

/** Digits of a text without letters that make it a number, in any format. Shorter ones may be a name: `24/7`. */
const NUMBER_DIGITS = 5;
/** A longer text is no name, and is not searched. */
const MAX_CHARS = 200;

/**
 * The name of a person or a place; null for an empty one, and for what telephone systems and CRMs write in its place: a
 * phone number in any format, or a word such as `anonymous`. A text that greets `+49 160 1112299` is worse than one
 * without a name.
 */
export function personName(text: string | null | undefined): string | null {
  const name = text?.trim() ?? '';
  return name === '' || (name.length <= MAX_CHARS && (isNumber(name) || isWithheld(name))) ? null : name;
}

/** Also of a number with an extension, or in an address: `tel:`, `sip:`. */
function isNumber(name: string): boolean {
  const written = name
    .replace(/^(?:tel|sips?):/i, '')
    .replace(/[@;].*$/s, '')
    .replace(/(?:ext|x)\.?(?= ?\d+$)/i, '');
  return !/\p{L}/u.test(written) && (written.match(/\p{Nd}/gu) ?? []).length >= NUMBER_DIGITS;
}
