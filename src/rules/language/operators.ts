import { compareNumbers, numberText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import { toE164 } from '../../events/phone';
import type { FieldKind } from './field';
import { charge } from './budget';
import { compilePattern } from './pattern';

/** Characters or items that `contains` looks at in one step. */
const SEARCHED_PER_STEP = 512;

/** The operators of conditions, in the order of the documentation. An absent field only meets `exists: false`. */
export const OPERATORS = {
  in: {
    operand: 'list',
    kinds: ['text', 'choice', 'phone', 'seconds', 'any'],
    description: 'Equals one item of a list: `[a, b]` or a named list, `$sales`.',
  },
  not: {
    operand: 'condition',
    kinds: ['text', 'choice', 'phone', 'seconds', 'boolean', 'time', 'any'],
    description: 'Has a value that does not meet this: a value, a list, or operators.',
  },
  prefix: {
    operand: 'text',
    kinds: ['text', 'choice', 'phone', 'any'],
    description: 'Starts with this text. Phone numbers start with their country code: `"+8221"`.',
  },
  suffix: { operand: 'text', kinds: ['text', 'choice', 'phone', 'any'], description: 'Ends with this text.' },
  contains: {
    operand: 'text',
    kinds: ['text', 'choice', 'phone', 'any'],
    description: 'Contains this text. A list in `data` contains it as an item.',
  },
  matches: {
    operand: 'pattern',
    kinds: ['text', 'choice', 'phone', 'any'],
    description:
      'Matches a regular expression (RE2) anywhere in its first 5,000 characters, or in fewer for a pattern with large repetitions. `(?i)` ignores case.',
  },
  gt: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is greater than, or later than.' },
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

export const OPERATOR_NAMES = Object.keys(OPERATORS) as OperatorName[];

/** A test of a field's value. `one_of`: it equals one of the values. `list` is the name of the list they come from. */
export type Test =
  | { operator: 'one_of'; values: readonly (string | number | boolean)[]; list: string | null }
  | { operator: 'not'; test: Test }
  | { operator: 'all'; tests: readonly Test[] }
  | { operator: 'prefix' | 'suffix' | 'contains' | 'matches'; text: string }
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
      const values: ReadonlySet<JsonValue> = new Set(test.values);
      if (kind === 'any') {
        // Numbers of seven or more digits are quoted in rule files, so a text equals the number that it spells.
        const numbers = test.values.filter((one) => typeof one !== 'boolean').map(String);
        return (value) => {
          const number = values.has(value) ? null : numberText(value);
          return number === null ? values.has(value) : numbers.some((one) => compareNumbers(one, number) === 0);
        };
      }
      return (value) => values.has(value);
    }
    case 'not': {
      const inner = compileTest(test.test, kind);
      return (value) => value !== null && !inner(value);
    }
    case 'all': {
      const tests = test.tests.map((one) => compileTest(one, kind));
      return (value) => tests.every((one) => one(value));
    }
    case 'exists':
      return (value) => (value !== null) === test.wanted;
    case 'prefix':
      return (value) => typeof value === 'string' && value.startsWith(test.text);
    case 'suffix':
      return (value) => typeof value === 'string' && value.endsWith(test.text);
    case 'contains':
      return (value) => {
        if (typeof value !== 'string' && !Array.isArray(value)) {
          return false;
        }
        charge(value.length / SEARCHED_PER_STEP);
        return value.includes(test.text);
      };
    case 'matches': {
      const matches = compilePattern(test.text);
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
        return (value) => typeof value === 'string' && compare(Date.parse(value), time);
      }
      return (value) => {
        const number = numberText(value);
        return number !== null && compare(compareNumbers(number, String(limit)), 0);
      };
    }
  }
}

const COMPARE: Readonly<Record<'gt' | 'gte' | 'lt' | 'lte', (value: number, limit: number) => boolean>> = {
  gt: (value, limit) => value > limit,
  gte: (value, limit) => value >= limit,
  lt: (value, limit) => value < limit,
  lte: (value, limit) => value <= limit,
};
