import { compareNumbers, numberText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import { toE164 } from '../../events/phone';
import type { FieldKind } from './field';
import { charge } from './budget';
import { compiledPattern, type Pattern } from './pattern';

/** Characters or items that `contains` looks at in one step. */
const SEARCHED_PER_STEP = 512;

/** The operators of conditions, in the order of the documentation. An absent field only meets `exists: false`. */
export const OPERATORS = {
  in: {
    operand: 'list',
    kinds: ['text', 'choice', 'phone', 'seconds', 'any'],
    description: 'Equals one item of a list: `[a, b]`, a named list, `$sales`, or the keys of a map.',
  },
  not: {
    operand: 'condition',
    kinds: ['text', 'choice', 'phone', 'seconds', 'boolean', 'time', 'any'],
    description: 'Has a value that does not meet this: a value, a list, or operators.',
  },
  lookup: {
    operand: 'maps',
    kinds: ['text', 'choice', 'phone', 'any'],
    description:
      'Has an entry in a map whose value meets this: `{ managers: anna@example.com }`, `{ teams: [sales, support] }`. Numbers are found in any format.',
  },
  prefix: {
    operand: 'texts',
    kinds: ['text', 'choice', 'phone', 'any'],
    description:
      'Starts with this text, or with one of a list. Phone numbers start with their country code: `"+8221"`.',
  },
  suffix: {
    operand: 'texts',
    kinds: ['text', 'choice', 'phone', 'any'],
    description: 'Ends with this text, or with one of a list.',
  },
  contains: {
    operand: 'texts',
    kinds: ['text', 'choice', 'phone', 'any'],
    description: 'Contains this text, or one of a list: `[cancel, refund]`. A list in `data` contains it as an item.',
  },
  matches: {
    operand: 'patterns',
    kinds: ['text', 'choice', 'phone', 'any'],
    description:
      'Matches a regular expression (RE2), or one of a list, anywhere in its first 5,000 characters, or in fewer for a pattern with large repetitions.',
  },
  gt: {
    operand: 'number',
    kinds: ['seconds', 'time', 'any'],
    description:
      'Is greater than, or later than. Seconds may be written as a duration: `10m`. A time without a zone is of the rule\'s time zone: `"2026-12-24 18:00"`, `"2026-12-24"`.',
  },
  gte: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is greater or equal, later or the same.' },
  lt: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is less than, or earlier than.' },
  lte: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is less or equal, earlier or the same.' },
  exists: {
    operand: 'boolean',
    kinds: ['text', 'choice', 'phone', 'seconds', 'boolean', 'time', 'any'],
    description: 'Has a value (`true`) or has none (`false`).',
  },
} as const satisfies Record<string, { operand: string; kinds: readonly FieldKind[]; description: string }>;

export type OperatorName = keyof typeof OPERATORS;

/** The key beside the operators that makes them compare texts without regard to upper and lower case. */
export const IGNORE_CASE = {
  name: 'ignore_case',
  description:
    'With `true`, `in`, `prefix`, `suffix`, `contains` and `matches` beside it ignore upper and lower case: `{ contains: cancel, ignore_case: true }`.',
} as const;

export const OPERATOR_NAMES = Object.keys(OPERATORS) as OperatorName[];

/** A single value of a rule file. */
type Single = string | number | boolean;

/**
 * A test of a field's value. `one_of`: it equals one of the values. `list` is the name of the list or map they come
 * from. `ignore_case`: upper and lower case are equal; absent otherwise.
 */
export type Test =
  | {
      operator: 'one_of';
      values: readonly Single[];
      list: string | null;
      ignore_case?: true;
    }
  | { operator: 'not'; test: Test }
  | { operator: 'all' | 'any'; tests: readonly Test[] }
  | { operator: 'prefix' | 'suffix' | 'contains'; text: string; ignore_case?: true }
  | { operator: 'matches'; text: string }
  | { operator: 'gt' | 'gte' | 'lt' | 'lte'; limit: number | string }
  | { operator: 'exists'; wanted: boolean };

/** A phone number in E.164, which is how numbers are compared; other texts unchanged. */
export function comparableNumber(text: string, country: string | null): string {
  return toE164(text, country) ?? text;
}

/** The form of a field's value for comparison: phone numbers in E.164, `ended` for the status `done`. */
export function comparable(
  field: { name: string; kind: FieldKind },
  value: JsonValue,
  country: string | null,
): JsonValue {
  if (typeof value !== 'string') {
    return value;
  }
  if (field.kind === 'phone') {
    return comparableNumber(value, country);
  }
  return field.name === 'status' && value === 'done' ? 'ended' : value;
}

/**
 * Compiles a test to a function of the field's comparable value. The function never throws, and its time is linear in
 * the size of the value.
 * @throws TypeError for an unusable pattern, which the check refuses before.
 */
export function compileTest(test: Test, kind: FieldKind): (value: JsonValue) => boolean {
  switch (test.operator) {
    case 'one_of': {
      const wanted = wantedOf(test.values);
      const equals = kind === 'any' ? wanted.spelled() : wanted.exactly();
      const equalsFolded = test.ignore_case === true ? wanted.folded() : null;
      return equalsFolded === null ? equals : (value) => equals(value) || equalsFolded(value);
    }
    case 'not': {
      const inner = compileTest(test.test, kind);
      return (value) => value !== null && !inner(value);
    }
    case 'all': {
      const tests = test.tests.map((one) => compileTest(one, kind));
      return (value) => tests.every((one) => one(value));
    }
    case 'any': {
      const tests = test.tests.map((one) => compileTest(one, kind));
      return (value) => tests.some((one) => one(value));
    }
    case 'exists':
      return (value) => (value !== null) === test.wanted;
    case 'prefix':
    case 'suffix':
    case 'contains':
      return compileTextTest(test);
    case 'matches': {
      const matches = patternOf(test);
      return (value) => typeof value === 'string' && matches(value);
    }
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      const { limit } = test;
      const compare = COMPARE[test.operator];
      if (typeof limit === 'string') {
        const time = Date.parse(limit);
        return (value) =>
          typeof value === 'string' && value.length <= MAX_TIME_CHARS && compare(Date.parse(value), time);
      }
      return (value) => {
        const number = numberText(value);
        return number !== null && compare(compareNumbers(number, String(limit)), 0);
      };
    }
  }
}

/** Makes the comparisons with some values. Each is made once for a list, however many tests and evaluations use it. */
interface Wanted {
  exactly(): (value: JsonValue) => boolean;
  /** Numbers of seven or more digits are quoted in rule files, so a text equals the number that it spells. */
  spelled(): (value: JsonValue) => boolean;
  /** Compares texts without regard to upper and lower case. */
  folded(): (value: JsonValue) => boolean;
}

const wantedLists = new WeakMap<readonly Single[], Wanted>();

function wantedOf(list: readonly Single[]): Wanted {
  const known = wantedLists.get(list);
  if (known !== undefined) {
    return known;
  }
  const values: ReadonlySet<JsonValue> = new Set(list);
  const wanted: Wanted = {
    exactly: () => (value) => values.has(value),
    spelled: once(() => {
      const numbers = list.filter((one) => typeof one !== 'boolean').map(String);
      return (value) => {
        const number = values.has(value) ? null : numberText(value);
        return number === null ? values.has(value) : numbers.some((one) => compareNumbers(one, number) === 0);
      };
    }),
    folded: once(() => {
      const folded: ReadonlySet<JsonValue> = new Set(list.map(foldCase));
      // A thousand rules would else change the case of a text of megabytes, which equals none of theirs.
      const longest = list.reduce<number>((most, one) => Math.max(most, String(one).length), 0) * 3;
      return (value) => typeof value === 'string' && value.length <= longest && folded.has(foldCase(value));
    }),
  };
  wantedLists.set(list, wanted);
  return wanted;
}

function once<Result>(make: () => Result): () => Result {
  let made: { result: Result } | null = null;
  return () => {
    made ??= { result: make() };
    return made.result;
  };
}

/** Patterns by the test that has them: those of a rule set are kept as long as the rule set, however many they are. */
const patternsOfTests = new WeakMap<Test, Pattern>();

function patternOf(test: Extract<Test, { operator: 'matches' }>): (text: string) => boolean {
  const pattern = patternsOfTests.get(test) ?? compiledPattern(test.text);
  patternsOfTests.set(test, pattern);
  // The same steps whether the pattern was compiled before or not: the outcome must not depend on it.
  charge(pattern.compileSteps);
  return pattern.test;
}

type TextTest = Extract<Test, { operator: 'prefix' | 'suffix' | 'contains' }>;

function compileTextTest({ operator, text, ...modifiers }: TextTest): (value: JsonValue) => boolean {
  const ignoresCase = modifiers.ignore_case === true;
  const wanted = ignoresCase ? text.toLowerCase() : text;
  const form = (value: string): string => (ignoresCase ? value.toLowerCase() : value);
  switch (operator) {
    case 'prefix':
      // Only the beginning changes its case: the lower form of a character may have another length.
      return (value) => typeof value === 'string' && form(value.slice(0, text.length * 3)).startsWith(wanted);
    case 'suffix':
      return (value) => typeof value === 'string' && form(value.slice(-text.length * 3)).endsWith(wanted);
    case 'contains':
      return (value) => {
        if (typeof value !== 'string' && !Array.isArray(value)) {
          return false;
        }
        charge(value.length / SEARCHED_PER_STEP);
        return typeof value === 'string'
          ? form(value).includes(wanted)
          : value.some((item) => typeof item === 'string' && form(item) === wanted);
      };
  }
}

/** A text in lower case; other values unchanged. */
function foldCase(value: JsonValue): JsonValue {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

/** No time is longer. */
const MAX_TIME_CHARS = 100;

const COMPARE: Readonly<Record<'gt' | 'gte' | 'lt' | 'lte', (value: number, limit: number) => boolean>> = {
  gt: (value, limit) => value > limit,
  gte: (value, limit) => value >= limit,
  lt: (value, limit) => value < limit,
  lte: (value, limit) => value <= limit,
};
