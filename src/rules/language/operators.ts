import type { JsonValue } from '../../events/json';
import { toE164 } from '../../events/phone';
import type { FieldKind } from './fields';
import { compilePattern } from './pattern';

/** The operators of a `when` map, in the order of the docs. Absent fields meet none of them but `exists: false`. */
export const OPERATORS = {
  in: {
    operand: 'list',
    kinds: ['text', 'choice', 'phone', 'seconds', 'any'],
    description: 'Is one of a list, written out or named: `$sales`.',
  },
  not: {
    operand: 'condition',
    kinds: ['text', 'choice', 'phone', 'seconds', 'boolean', 'time', 'any'],
    description: 'Has a value, but not this one: a value, a list, or operators.',
  },
  prefix: {
    operand: 'text',
    kinds: ['text', 'choice', 'phone', 'any'],
    description: 'Begins with this text; numbers with their country code: `"+8221"`.',
  },
  suffix: { operand: 'text', kinds: ['text', 'choice', 'phone', 'any'], description: 'Ends with this text.' },
  contains: {
    operand: 'text',
    kinds: ['text', 'choice', 'phone', 'any'],
    description: 'Holds this text; for a list in `data`: has it as an element.',
  },
  matches: {
    operand: 'pattern',
    kinds: ['text', 'choice', 'phone', 'any'],
    description:
      'Fits a regular expression (RE2) somewhere in its first 5,000 characters; `(?i)` ignores upper and lower case.',
  },
  gt: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is greater (later) than.' },
  gte: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is at least.' },
  lt: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is less (earlier) than.' },
  lte: { operand: 'number', kinds: ['seconds', 'time', 'any'], description: 'Is at most.' },
  exists: {
    operand: 'boolean',
    kinds: ['text', 'choice', 'phone', 'seconds', 'boolean', 'time', 'any'],
    description: 'Has a value at all: `true` or `false`.',
  },
} as const satisfies Record<string, { operand: string; kinds: readonly FieldKind[]; description: string }>;

export type OperatorName = keyof typeof OPERATORS;

export const OPERATOR_NAMES = Object.keys(OPERATORS) as OperatorName[];

/** A test of one field's value. `one_of` is equality with any of its values. */
export type Test =
  | { operator: 'one_of'; values: readonly (string | number | boolean)[]; list: string | null }
  | { operator: 'not'; test: Test }
  | { operator: 'all'; tests: readonly Test[] }
  | { operator: 'prefix' | 'suffix' | 'contains' | 'matches'; text: string }
  | { operator: 'gt' | 'gte' | 'lt' | 'lte'; limit: number | string }
  | { operator: 'exists'; wanted: boolean };

/** A number in the form in which numbers are compared: E.164, or the text itself where it is no phone number. */
export function comparableNumber(text: string, country: string | null): string {
  return toE164(text, country) ?? text;
}

/** The form in which a value of a field is compared: `done` is `ended` in `status`, numbers are E.164. */
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
 * Compiles a test to a function of the field's comparable value. The function never throws and takes time linear in the
 * value.
 * @throws TypeError for a pattern that cannot be used; the check refuses it before.
 */
export function compileTest(test: Test, kind: FieldKind): (value: JsonValue) => boolean {
  switch (test.operator) {
    case 'one_of': {
      const values: ReadonlySet<JsonValue> = new Set(test.values);
      if (kind === 'any') {
        // A number of seven digits must be quoted in YAML, so a text also equals the number it spells.
        return (value) => values.has(value) || (typeof value === 'number' && values.has(String(value)));
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
      return (value) => (typeof value === 'string' || Array.isArray(value)) && value.includes(test.text);
    case 'matches': {
      const fits = compilePattern(test.text);
      return (value) => typeof value === 'string' && fits(value);
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
      return (value) => typeof value === 'number' && compare(value, limit);
    }
  }
}

const COMPARE: Readonly<Record<'gt' | 'gte' | 'lt' | 'lte', (value: number, limit: number) => boolean>> = {
  gt: (value, limit) => value > limit,
  gte: (value, limit) => value >= limit,
  lt: (value, limit) => value < limit,
  lte: (value, limit) => value <= limit,
};
