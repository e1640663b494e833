/**
 * What networks and telephone systems send in place of a number that the caller withheld, or that they do not know: the
 * words of RFC 3323 ("anonymous") and of common exchanges.
 */
const WORDS: ReadonlySet<string> = new Set([
  'anonymous',
  'blocked',
  'coinlinecall',
  'interactionwithotherservice',
  'invalid',
  'nonumber',
  'null',
  'outofarea',
  'private',
  'privatecaller',
  'privatenumber',
  'restricted',
  'unavailable',
  'undefined',
  'unknown',
  'unknowncaller',
  'withheld',
]);

/**
 * Words spelled on a telephone's keypad, which carriers send as if they were numbers (Twilio lists them as the numbers of
 * withheld callers): ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE, UNKNOWN.
 */
const KEYPAD_WORDS: ReadonlySet<string> = new Set(['266696687', '2562533', '7378742833', '86282452253', '8656696']);

/** A longer text is neither a word nor an address, and is not searched. */
const MAX_CHARS = 1_000;

/** Shorter parts of the words are parts of other words, too. */
const MIN_PART_CHARS = 5;

/** Whether a text, or a pattern, looks for a word for a withheld number or for its beginning: `anonym`, `(?i)^restricted`. */
export function looksForWithheld(text: string): boolean {
  const letters = text
    .replaceAll(/\(\?[a-z]+\)|\\./gi, '')
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '');
  return letters.length >= MIN_PART_CHARS && [...WORDS].some((word) => word.startsWith(letters));
}

/**
 * Whether the text of an address stands for a caller without a number: `anonymous`, `+266696687`, `sip:anonymous@…`, only
 * zeros.
 */
export function isWithheld(text: string): boolean {
  if (text.length > MAX_CHARS) {
    return false;
  }
  const user = text
    .trim()
    .replace(/^(?:sips?|tel):/i, '')
    .replace(/[@;].*$/s, '');
  const digits = user.replace(/[\s().-]/g, '');
  return (
    WORDS.has(user.toLowerCase().replace(/[^a-z]/g, '')) ||
    KEYPAD_WORDS.has(digits.replace(/^(?:\+|00)/, '')) ||
    /^\+?0*$/.test(digits) ||
    /^\+\d{0,3}0{6,}$/.test(digits)
  );
}
