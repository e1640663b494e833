import { comparableNumber, type Test } from '../language/operators';
import type { Single } from '../language/named-values';
import type { Condition } from '../rule';
import { comparableEntries } from './comparable-entries';
import type { NamedMap } from './maps';

/** What is known of an event's fields whenever it meets some conditions. */
export class KnownFields {
  readonly #present: ReadonlySet<string>;

  /** @param country of phone numbers without a country code. */
  constructor(
    private readonly conditions: readonly Condition[],
    readonly country: string | null,
  ) {
    this.#present = new Set(conditions.flatMap((condition) => [...fieldsPresent(condition)]));
  }

  /** Whether a field has a value: a condition on an absent field is not met. */
  isPresent(field: string): boolean {
    return this.#present.has(field);
  }

  /** Whether a field's value is a key of a map: its condition allows none but keys of the map. */
  isKeyOf(field: string, map: NamedMap): boolean {
    const values = combined(
      'all',
      this.conditions.map((condition) => valuesAllowed(field, condition)),
    );
    const keys = comparableEntries(map, this.country);
    return values?.every((value) => keys.has(comparableNumber(String(value), this.country))) === true;
  }
}

/** Fields that have a value whenever the condition is met. */
function fieldsPresent(condition: Condition): Set<string> {
  switch (condition.kind) {
    case 'field':
      return impliesPresence(condition.test) ? new Set([condition.field.name]) : new Set();
    case 'all':
      return new Set(condition.of.flatMap((one) => [...fieldsPresent(one)]));
    case 'any': {
      const [first, ...others] = condition.of.map(fieldsPresent);
      return new Set([...(first ?? [])].filter((name) => others.every((other) => other.has(name))));
    }
    case 'during':
    case 'not':
      return new Set();
  }
}

function impliesPresence(test: Test): boolean {
  if (test.operator === 'exists') {
    return test.wanted;
  }
  if (test.operator === 'any') {
    return test.tests.every(impliesPresence);
  }
  return test.operator === 'all' ? test.tests.some(impliesPresence) : true;
}

/** The only values that a field has when a condition is met; null when it may have others. */
function valuesAllowed(field: string, condition: Condition): readonly Single[] | null {
  switch (condition.kind) {
    case 'field':
      return condition.field.name === field ? valuesOfTest(condition.test) : null;
    case 'all':
    case 'any':
      return combined(
        condition.kind,
        condition.of.map((one) => valuesAllowed(field, one)),
      );
    case 'during':
    case 'not':
      return null;
  }
}

function valuesOfTest(test: Test): readonly Single[] | null {
  if (test.operator === 'all' || test.operator === 'any') {
    return combined(test.operator, test.tests.map(valuesOfTest));
  }
  return test.operator === 'one_of' && test.ignore_case === undefined ? test.values : null;
}

/** One of several suffices when all must be met; all are needed when one may be. */
function combined(kind: 'all' | 'any', sets: readonly (readonly Single[] | null)[]): readonly Single[] | null {
  const known = sets.filter((set) => set !== null);
  return kind === 'all' ? (known[0] ?? null) : known.length === sets.length ? known.flat() : null;
}
