import { knownTypeNames, typesFor } from '../../events/catalogue';
import type { JsonValue } from '../../events/json';
import type { FieldDefinition } from '../language/field';
import { presenceFor } from '../language/fields';
import type { Test } from '../language/operators';

/** A value that a field may have, or any text that meets some of the field's text tests. */
export type PossibleValue =
  | { kind: 'value'; value: JsonValue }
  /** `meets`: which of the text tests it meets, in their order. It equals no value of a rule file. */
  | { kind: 'some_text'; meets: readonly boolean[] };

type TextTest = Extract<Test, { text: string }>;

/** A field with more text tests has too many combinations of them. */
const MAX_TEXT_TESTS = 8;

/** Whether a test looks into a text. */
export function isTextTest(test: Test): test is TextTest {
  return 'text' in test;
}

/**
 * Values of a field, one at least for each combination of outcomes that its tests can have; null when there are too many.
 * @param types live names; null when some are unknown.
 */
export function possibleValues(
  field: FieldDefinition,
  tests: readonly Test[],
  types: readonly string[] | null,
): PossibleValue[] | null {
  const presence = presenceFor(field, types);
  const none = presence === 'always' ? [] : [single(null)];
  if (presence === 'never') {
    return none;
  }
  const closed = closedValues(field, types);
  if (closed !== null) {
    return [...none, ...closed.map(single)];
  }
  const literals = tests.flatMap((test) => (test.operator === 'one_of' ? test.values : []));
  const numbers = [...literals, ...tests.flatMap((test) => ('limit' in test ? [test.limit] : []))].flatMap(numberOf);
  switch (field.kind) {
    case 'seconds':
      return [...none, ...around(numbers).flatMap((value) => (value >= 0 ? [single(value)] : []))];
    case 'time':
      return [...none, ...around(numbers).map((value) => single(new Date(value).toISOString()))];
    case 'any': {
      const texts = someTexts(tests);
      const others = [true, false, ...literals, ...around(numbers)].map(single);
      return texts === null ? null : [...none, ...others, ...texts];
    }
    case 'text':
    case 'choice':
    case 'phone': {
      const texts = someTexts(tests);
      return texts === null ? null : [...none, ...literals.map(single), ...texts];
    }
    case 'boolean':
      return [...none, single(true), single(false)];
  }
}

function single(value: JsonValue): PossibleValue {
  return { kind: 'value', value };
}

/** All values that a field can have; null when nobody knows them. */
function closedValues(field: FieldDefinition, types: readonly string[] | null): JsonValue[] | null {
  if (field.name === 'type') {
    return types === null ? null : [...types];
  }
  if (field.name === 'declared_type') {
    return types === null
      ? null
      : knownTypeNames().filter((name) => typesFor(name)?.some((type) => types.includes(type)));
  }
  return field.choices === undefined || field.open === true ? null : field.choices.map(({ value }) => value);
}

/** A number as it is; a time in milliseconds. */
function numberOf(value: string | number | boolean): number[] {
  if (typeof value === 'number') {
    return [value];
  }
  const number =
    typeof value === 'string' ? (/^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : Date.parse(value)) : NaN;
  return Number.isFinite(number) ? [number] : [];
}

/** The numbers, one between each two of them, one below and one above all. */
function around(numbers: readonly number[]): number[] {
  const sorted = [...new Set(numbers)].sort((one, other) => one - other);
  const [first = 0] = sorted;
  const last = sorted.at(-1) ?? 0;
  const between = sorted.slice(1).map((number, index) => ((sorted[index] ?? number) + number) / 2);
  return [first - 1_000, ...sorted, ...between, last + 1_000, 0];
}

/** Texts for every combination of text tests that do not contradict each other; null for too many. */
function someTexts(tests: readonly Test[]): PossibleValue[] | null {
  const textTests = tests.filter(isTextTest);
  if (textTests.length > MAX_TEXT_TESTS) {
    return null;
  }
  const found: PossibleValue[] = [];
  for (let bits = 0; bits < 2 ** textTests.length; bits += 1) {
    const meets = textTests.map((_, index) => (bits & (1 << index)) !== 0);
    const met = textTests.filter((_, index) => meets[index]);
    if (!met.some((one) => met.some((other) => contradict(one, other)))) {
      found.push({ kind: 'some_text', meets });
    }
  }
  return found;
}

function ignoresCase(test: TextTest): boolean {
  return 'ignore_case' in test && test.ignore_case === true;
}

function contradict(one: TextTest, other: TextTest): boolean {
  if (one.operator !== other.operator || ignoresCase(one) || ignoresCase(other)) {
    return false;
  }
  return one.operator === 'prefix'
    ? !one.text.startsWith(other.text) && !other.text.startsWith(one.text)
    : one.operator === 'suffix' && !one.text.endsWith(other.text) && !other.text.endsWith(one.text);
}
