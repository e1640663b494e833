import { RE2JS, RE2JSException } from 're2js';

/**
 * The longest regular expression, and the longest text that one is tried on: the rest of a longer text is not looked
 * at.
 */
export const MAX_PATTERN_CHARS = 500;
export const MAX_MATCHED_CHARS = 5_000;
/**
 * Counted repetitions are unrolled; `[ab]*a[ab]{900}` takes a quarter of a second where `{100}` takes a few
 * milliseconds (measured).
 */
const MOST_REPEATS = 100;
const CACHED_PATTERNS = 1_000;

/** Why a regular expression cannot be used, or null when it can. */
export function patternFault(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN_CHARS) {
    return `it has ${pattern.length} characters, more than ${MAX_PATTERN_CHARS}`;
  }
  if (
    [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].some(
      ([, from, to]) => Math.max(Number(from), Number(to ?? 0)) > MOST_REPEATS,
    )
  ) {
    return `it repeats something more than ${MOST_REPEATS} times`;
  }
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    if (!(error instanceof RE2JSException)) {
      throw error;
    }
    return /\(\?<?[=!]/.test(pattern)
      ? 'looking ahead or back is not possible here'
      : error.message.replace(/^error parsing regexp: /, '');
  }
}

const patterns = new Map<string, (text: string) => boolean>();

/**
 * A regular expression as a test of a text's first 5,000 characters, in time linear in them (RE2).
 * @throws TypeError for a pattern that {@link patternFault} finds fault with.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const known = patterns.get(pattern);
  if (known !== undefined) {
    return known;
  }
  const fault = patternFault(pattern);
  if (fault !== null) {
    throw new TypeError('not a usable regular expression');
  }
  const compiled = RE2JS.compile(pattern);
  const test = (text: string): boolean => compiled.test(text.slice(0, MAX_MATCHED_CHARS));
  if (patterns.size >= CACHED_PATTERNS) {
    patterns.clear();
  }
  patterns.set(pattern, test);
  return test;
}
