import { RE2JS, RE2JSException } from 're2js';
import { charge } from './budget';

/** The longest regular expression. */
export const MAX_PATTERN_CHARS = 500;
/** Only this many characters of a text are searched, and fewer for a large pattern: {@link searchedChars}. */
export const MAX_MATCHED_CHARS = 5_000;
/**
 * States of a pattern times characters of a text that one search may take: 14 of them take 1 us at worst (measured with a
 * random text and a pattern whose states are all alive, so that RE2 cannot cache what it found).
 */
const MAX_SEARCH = 1_200_000;
/** The most states of a pattern: `[ab]{100}` has a hundred. Every text is searched for 2,000 characters at least. */
const MAX_STATES = MAX_SEARCH / 2_000;
/**
 * RE2 unrolls counted repetitions: `[ab]*a[ab]{900}` took 250 ms to compile, `{100}` a few milliseconds (measured).
 */
const MAX_REPEATS = 100;
/** Counted repetitions, and escapes, which may look like one: `\x{308}` is a character. */
const REPEATS = /\\x\{[^}]*\}|\\.|\{(\d+)(?:,(\d*))?\}/gs;
/** Compiling one instruction of a pattern takes as long as so many steps. */
const COMPILE_STEPS = 20;
/** States of a pattern that the search for it follows in one step. */
const STATES_PER_STEP = 8;
const MAX_CACHED_PATTERNS = 1_000;

/** Why a regular expression is unusable, as a clause; null when it is usable. */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN_CHARS) {
    return `it has ${pattern.length} characters, more than ${MAX_PATTERN_CHARS}`;
  }
  if (
    [...pattern.matchAll(REPEATS)].some(([, from, to]) => Math.max(Number(from ?? 0), Number(to ?? 0)) > MAX_REPEATS)
  ) {
    return `it repeats a part more than ${MAX_REPEATS} times`;
  }
  try {
    const states = RE2JS.compile(pattern).programSize();
    return states > MAX_STATES ? `its repetitions have ${states} states together, more than ${MAX_STATES}` : null;
  } catch (error) {
    if (!(error instanceof RE2JSException)) {
      throw error;
    }
    return /\(\?<?[=!]/.test(pattern)
      ? 'look-ahead and look-behind are not supported'
      : error.message.replace(/^error parsing regexp: /, '');
  }
}

/** A compiled regular expression. */
export interface Pattern {
  /** Steps that a condition pays for compiling it. */
  compileSteps: number;
  /** Whether it matches the first characters of a text ({@link searchedChars}). Charges the budget. */
  test: (text: string) => boolean;
}

const patterns = new Map<string, Pattern>();

/** How many characters of a text a usable pattern is searched in. */
export function searchedChars(pattern: string): number {
  return charsOf(RE2JS.compile(pattern).programSize());
}

function charsOf(states: number): number {
  return Math.min(MAX_MATCHED_CHARS, Math.floor(MAX_SEARCH / states));
}

/**
 * Compiles a regular expression to a test that takes time linear in the number of characters (RE2).
 * @throws TypeError for a pattern for which {@link patternProblem} is not null.
 */
export function compiledPattern(pattern: string): Pattern {
  const known = patterns.get(pattern);
  if (known !== undefined) {
    return known;
  }
  if (patternProblem(pattern) !== null) {
    throw new TypeError('not a usable regular expression');
  }
  const compiled = RE2JS.compile(pattern);
  const states = compiled.programSize();
  const chars = charsOf(states);
  const made: Pattern = {
    compileSteps: COMPILE_STEPS * states,
    test: (text) => {
      const searched = text.slice(0, chars);
      charge(searched.length * Math.max(1, states / STATES_PER_STEP));
      return compiled.test(searched);
    },
  };
  if (patterns.size >= MAX_CACHED_PATTERNS) {
    patterns.clear();
  }
  patterns.set(pattern, made);
  return made;
}

/**
 * The test of {@link compiledPattern}. Charges the budget the same whether the pattern was compiled before or not.
 * @throws TypeError for a pattern for which {@link patternProblem} is not null.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const { compileSteps, test } = compiledPattern(pattern);
  charge(compileSteps);
  return test;
}
