import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonValue } from '../events/json';
import { listensTo, type FieldReaders, type ReadField } from './compiled-rule';
import { fieldNamed } from './language/fields';
import type { Condition, Rule } from './rule';

/**
 * The equalities that an event of a type must meet for a rule to match: possible values by field name. Fields that a
 * look-up of the call may tell later do not count: the rule is a candidate while they are unknown.
 */
function equalities(rule: Rule, type: string): Map<string, readonly JsonValue[]> {
  const found = new Map<string, readonly JsonValue[]>();
  const collect = (condition: Condition | null): void => {
    if (condition?.kind === 'all') {
      condition.of.forEach(collect);
    } else if (
      condition?.kind === 'field' &&
      condition.test.operator === 'one_of' &&
      condition.test.ignore_case !== true &&
      condition.field.kind !== 'any' &&
      condition.field.lookedUp?.types.test(type) !== true &&
      !found.has(condition.field.name)
    ) {
      found.set(condition.field.name, condition.test.values);
    }
  };
  collect(rule.when);
  return found;
}

/** Rules by the value that they require of one field. */
interface FieldIndex {
  read: ReadField;
  byValue: ReadonlyMap<JsonValue, readonly number[]>;
}

/** The rules of one event type, by the values that they require. Numbers are positions in the rule set. */
export interface TypeIndex {
  /** Rules without an equality: candidates for every event. */
  always: readonly number[];
  fields: readonly FieldIndex[];
}

/** An equality with more values is not indexed. */
const MAX_INDEXED_VALUES = 1_000;

/** Builds the index of the rules for one event type. */
export function buildTypeIndex(type: string, rules: readonly Rule[], fieldReaders: FieldReaders): TypeIndex {
  const listening = rules.flatMap((rule, index) =>
    listensTo(rule, { type, declared_type: type }) && rule.mode !== 'off'
      ? [{ index, rule, equal: equalities(rule, type) }]
      : [],
  );
  // The field with the most different values over all rules separates them best.
  const values = new Map<string, Set<JsonValue>>();
  for (const { equal } of listening) {
    for (const [name, wanted] of equal) {
      const seen = values.get(name) ?? new Set();
      wanted.forEach((value) => seen.add(value));
      values.set(name, seen);
    }
  }
  const always: number[] = [];
  const fields = new Map<string, Map<JsonValue, number[]>>();
  for (const { index, rule, equal } of listening) {
    const best = [...equal]
      .filter(([, wanted]) => wanted.length <= MAX_INDEXED_VALUES)
      .sort(([one], [other]) => (values.get(other)?.size ?? 0) - (values.get(one)?.size ?? 0))[0];
    if (best === undefined) {
      always.push(index);
      continue;
    }
    // Phone numbers are compared in the rule's country, so each country has its own index.
    const key = `${best[0]} ${rule.country ?? ''}`;
    const byValue = fields.get(key) ?? new Map<JsonValue, number[]>();
    for (const value of new Set(best[1])) {
      byValue.set(value, [...(byValue.get(value) ?? []), index]);
    }
    fields.set(key, byValue);
  }
  return { always, fields: [...fields].map(([key, byValue]) => fieldIndex(key, byValue, fieldReaders)) };
}

function fieldIndex(key: string, byValue: Map<JsonValue, number[]>, fieldReaders: FieldReaders): FieldIndex {
  const [name = '', country = ''] = key.split(' ');
  const field = fieldNamed(name);
  if (field === undefined) {
    throw new TypeError(`not a field: ${name}`);
  }
  return { byValue, read: fieldReaders.reader(field, country === '' ? null : country) };
}

/** The rules that can match an event of the index's type, in the order of the rule set. */
export function candidatesIn(index: TypeIndex, event: CanonicalEvent): readonly number[] {
  const found = [index.always, ...index.fields.map((field) => field.byValue.get(field.read(event)) ?? [])].filter(
    (some) => some.length > 0,
  );
  const [only] = found;
  return found.length <= 1 ? (only ?? []) : found.flat().sort((one, other) => one - other);
}
