import type { CanonicalEvent } from '../events/canonical-event';
import { eventType } from '../events/catalogue';
import type { JsonValue } from '../events/json';
import type { Work } from '../timing/work';
import { listensTo, type FieldReaders, type ReadField } from './compiled-rule';
import type { FieldDefinition } from './language/field';
import type { Condition, Rule } from './rule';

/** An equality with more values is not indexed. */
const MAX_INDEXED_VALUES = 1_000;

/** Of a rule, no more equalities are candidates for the index. */
const MAX_EQUALITIES = 20;

/**
 * The values in all indexes of a rule set together. The rules of a type that needs more are candidates for every event
 * of it: a short file may have 14,000 rules that share a list of 1,000 values, for 20 types.
 */
const MAX_VALUES_TOGETHER = 1_000_000;

/** A value is indexed in a part of a step. */
const VALUES_PER_STEP = 20;

/** An equality that an event must meet for a rule to match. */
interface Equality {
  field: FieldDefinition;
  values: readonly JsonValue[];
}

/** Rules by the value that they require of one field. */
interface FieldIndex {
  read: ReadField;
  byValue: ReadonlyMap<JsonValue, readonly number[]>;
}

/** The rules of one event type, by the values that they require. Numbers are positions in the rule set. */
interface TypeIndex {
  /** Rules without an equality: candidates for every event. */
  always: readonly number[];
  fields: readonly FieldIndex[];
}

/** Finds the rules that can match an event. */
export interface RuleIndex {
  /** Positions of rules, ascending. Some of them may not listen to the event's type. */
  candidates(event: CanonicalEvent): readonly number[];
}

/**
 * Builds the index of a rule set. Work and memory grow with the size of the rule files: a type that the catalogue does
 * not know has an index of the rules that name it, and rules on families are added when an event comes.
 */
export function* indexRules(rules: readonly Rule[], fieldReaders: FieldReaders): Work<RuleIndex> {
  const onFamilies: number[] = [];
  const named = new Map<string, number[]>();
  const equalities = rules.map(equalitiesOf);
  for (const [position, rule] of rules.entries()) {
    if (rule.on.prefixes.length > 0) {
      onFamilies.push(position);
    }
    for (const type of rule.on.types) {
      const positions = named.get(type);
      if (positions === undefined) {
        named.set(type, [position]);
      } else {
        positions.push(position);
      }
      yield 1 / VALUES_PER_STEP;
    }
  }
  const known = new Map<string, TypeIndex>();
  const unknown = new Map<string, TypeIndex>();
  const builder = new TypeIndexBuilder(rules, equalities, fieldReaders);
  for (const [type, positions] of named) {
    const isKnown = eventType(type) !== undefined;
    const listens = (position: number): boolean => rules[position] !== undefined && isListening(rules[position], type);
    const isOnFamily = (position: number): boolean =>
      rules[position]?.on.prefixes.some((prefix) => type.startsWith(prefix)) === true;
    const listening = isKnown
      ? merged([positions, onFamilies.filter((one) => isOnFamily(one) && rules[one]?.on.types.has(type) !== true)])
      : positions.filter((position) => !isOnFamily(position));
    yield (isKnown ? rules.length : positions.length) / VALUES_PER_STEP;
    (isKnown ? known : unknown).set(type, yield* builder.build(type, listening.filter(listens)));
  }
  return {
    candidates: (event) => {
      const index = known.get(event.type);
      if (index !== undefined) {
        return merged(candidatesIn(index, event));
      }
      const others = unknown.get(event.type);
      return merged(others === undefined ? [onFamilies] : [onFamilies, ...candidatesIn(others, event)]);
    },
  };
}

function isListening(rule: Rule, type: string): boolean {
  return rule.mode !== 'off' && listensTo(rule, { type, declared_type: type });
}

/** The first equality of each field of a rule. */
function equalitiesOf(rule: Rule): readonly Equality[] {
  const found = new Map<string, Equality>();
  const collect = (condition: Condition | null): void => {
    if (condition?.kind === 'all') {
      condition.of.forEach(collect);
    } else if (
      condition?.kind === 'field' &&
      condition.test.operator === 'one_of' &&
      condition.test.ignore_case !== true &&
      condition.test.values.length <= MAX_INDEXED_VALUES &&
      condition.field.kind !== 'any' &&
      found.size < MAX_EQUALITIES &&
      !found.has(condition.field.name)
    ) {
      found.set(condition.field.name, { field: condition.field, values: condition.test.values });
    }
  };
  collect(rule.when);
  return [...found.values()];
}

/** Builds the indexes of the types of one rule set. */
class TypeIndexBuilder {
  #left = MAX_VALUES_TOGETHER;

  constructor(
    private readonly rules: readonly Rule[],
    private readonly equalities: readonly (readonly Equality[])[],
    private readonly fieldReaders: FieldReaders,
  ) {}

  /** @param listening the rules of the type, ascending. */
  *build(type: string, listening: readonly number[]): Work<TypeIndex> {
    const equalOf = (position: number): readonly Equality[] =>
      // A look-up of the call may tell the field later: the rule is a candidate while it is unknown.
      (this.equalities[position] ?? []).filter(({ field }) => field.lookedUp?.types.test(type) !== true);
    let count = 0;
    // A rule may name 100,000 types of its own: they need no index each.
    for (const position of listening.length > 1 || eventType(type) !== undefined ? listening : []) {
      count += equalOf(position).reduce((sum, { values }) => sum + values.length, 0);
      yield 1 / VALUES_PER_STEP;
    }
    if (count === 0 || count > this.#left) {
      return { always: listening, fields: [] };
    }
    this.#left -= count;
    // The field with the most different values over all rules separates them best.
    const different = new Map<string, Set<JsonValue>>();
    for (const position of listening) {
      for (const { field, values } of equalOf(position)) {
        const seen = different.get(field.name) ?? new Set();
        values.forEach((value) => seen.add(value));
        different.set(field.name, seen);
        yield values.length / VALUES_PER_STEP;
      }
    }
    const always: number[] = [];
    const fields = new Map<string, { read: ReadField; byValue: Map<JsonValue, number[]> }>();
    const differentOf = ({ field }: Equality): number => different.get(field.name)?.size ?? 0;
    for (const position of listening) {
      const [best] = [...equalOf(position)].sort((one, other) => differentOf(other) - differentOf(one));
      if (best === undefined) {
        always.push(position);
        continue;
      }
      // Phone numbers are compared in the rule's country, so each country has its own index.
      const country = this.rules[position]?.country ?? null;
      const key = `${best.field.name} ${country ?? ''}`;
      const index = fields.get(key) ?? { read: this.fieldReaders.reader(best.field, country), byValue: new Map() };
      fields.set(key, index);
      for (const value of new Set(best.values)) {
        const positions = index.byValue.get(value);
        if (positions === undefined) {
          index.byValue.set(value, [position]);
        } else {
          positions.push(position);
        }
      }
      yield best.values.length / VALUES_PER_STEP;
    }
    return { always, fields: [...fields.values()] };
  }
}

function candidatesIn(index: TypeIndex, event: CanonicalEvent): (readonly number[])[] {
  return [index.always, ...index.fields.map((field) => field.byValue.get(field.read(event)) ?? [])];
}

/** The positions of lists that have none in common, ascending. */
function merged(lists: readonly (readonly number[])[]): readonly number[] {
  const found = lists.filter((some) => some.length > 0);
  const [only] = found;
  return found.length <= 1 ? (only ?? []) : found.flat().sort((one, other) => one - other);
}
