import { RE2JS, RE2JSException } from 're2js';
import { charge } from './budget';

/** The longest regular expression. */
export const MAX_PATTERN_CHARS = 500;
/** Only this many characters of a text are searched. */
export const MAX_MATCHED_CHARS = 5_000;
/**
 * RE2 unrolls counted repetitions: `[ab]*a[ab]{900}` took 250 ms to compile, `{100}` a few milliseconds (measured).
 */
const MAX_REPEATS = 100;
/** Compiling one instruction of a pattern takes as long as so many steps. */
const COMPILE_STEPS = 20;
/** States of a pattern that the search for it follows in one step. */
const STATES_PER_STEP = 16;
const MAX_CACHED_PATTERNS = 1_000;

/** Why a regular expression is unusable, as a clause; null when it is usable. */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN_CHARS) {
    return `it has ${pattern.length} characters, more than ${MAX_PATTERN_CHARS}`;
  }
  if (
    [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].some(
      ([, from, to]) => Math.max(Number(from), Number(to ?? 0)) > MAX_REPEATS,
    )
  ) {
    return `it repeats a part more than ${MAX_REPEATS} times`;
  }
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    if (!(error instanceof RE2JSException)) {
      throw error;
    }
    return /\(\?<?[=!]/.test(pattern)
      ? 'look-ahead and look-behind are not supported'
      : error.message.replace(/^error parsing regexp: /, '');
  }
}

const patterns = new Map<string, (text: string) => boolean>();

/**
 * Compiles a regular expression to a test of a text's first 5,000 characters, in time linear in their number (RE2).
 * @throws TypeError for a pattern for which {@link patternProblem} is not null.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const known = patterns.get(pattern);
  if (known !== undefined) {
    return known;
  }
  if (patternProblem(pattern) !== null) {
    throw new TypeError('not a usable regular expression');
  }
  const compiled = RE2JS.compile(pattern);
  const size = compiled.programSize();
  charge(COMPILE_STEPS * size);
  const test = (text: string): boolean => {
    const searched = text.slice(0, MAX_MATCHED_CHARS);
    charge(searched.length * Math.max(1, size / STATES_PER_STEP));
    return compiled.test(searched);
  };
  if (patterns.size >= MAX_CACHED_PATTERNS) {
    patterns.clear();
  }
  patterns.set(pattern, test);
  return test;
}
