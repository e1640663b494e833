import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonValue } from '../events/json';
import { compileCel, type CelOutcome } from './language/cel';
import { fieldNamed } from './language/fields';
import type { FieldDefinition } from './language/field';
import type { Condition, Rule } from './rule';
import { comparable, compileTest } from './language/operators';
import type { Plan, PlannedRule } from './plan';
import { variablesOf } from './language/scope';
import { isInside } from './language/windows';

/** A rule whose conditions were compiled to functions. */
export interface CompiledRule {
  readonly rule: Rule;
  /** `when`, `if` and `max_age`; not `on` and `mode`. Never throws. */
  holds(event: CanonicalEvent): boolean;
}

/** Reads a field in its comparable form. */
type Read = (event: CanonicalEvent) => JsonValue;

/**
 * The fields of one rule set, read once an event however many rules look at them: each remembers the last event that it
 * was asked about. Bounded by the number of different fields in the rules.
 */
class FieldReaders {
  readonly #readers = new Map<string, Read>();

  reader(field: FieldDefinition, country: string | null): Read {
    const key = field.kind === 'phone' ? `${field.name} ${country ?? ''}` : field.name;
    const known = this.#readers.get(key);
    if (known !== undefined) {
      return known;
    }
    let last: CanonicalEvent | null = null;
    let value: JsonValue = null;
    const read: Read = (event) => {
      if (event !== last) {
        value = comparable(field, field.read(event), country);
        last = event;
      }
      return value;
    };
    this.#readers.set(key, read);
    return read;
  }
}

/** Compiles a condition to a function that never throws and reads nothing but the event. */
export function compileCondition(
  condition: Condition,
  country: string | null,
  fields: FieldReaders = new FieldReaders(),
): (event: CanonicalEvent) => boolean {
  switch (condition.kind) {
    case 'field': {
      const test = compileTest(condition.test, condition.field.kind);
      const read = fields.reader(condition.field, country);
      return (event) => test(read(event));
    }
    case 'during': {
      const { window, wanted } = condition;
      return (event) => isInside(window, Date.parse(event.occurred_at)) === wanted;
    }
    case 'all': {
      const of = condition.of.map((one) => compileCondition(one, country, fields));
      return (event) => of.every((one) => one(event));
    }
    case 'any': {
      const of = condition.of.map((one) => compileCondition(one, country, fields));
      return (event) => of.some((one) => one(event));
    }
    case 'not': {
      const inner = compileCondition(condition.of, country, fields);
      return (event) => !inner(event);
    }
  }
}

/** How old an event was when it arrived, in milliseconds. */
export function ageOf(event: CanonicalEvent): number {
  return Date.parse(event.received_at) - Date.parse(event.occurred_at);
}

function compileRule(rule: Rule, fields: FieldReaders): CompiledRule {
  const when = rule.when === null ? null : compileCondition(rule.when, rule.country, fields);
  const cel = rule.if === null ? null : compileCel(rule.if.expression);
  const maxAge = rule.max_age_ms;
  return {
    rule,
    holds: (event) => {
      if (maxAge !== null && ageOf(event) > maxAge) {
        return false;
      }
      if (when !== null && !when(event)) {
        return false;
      }
      return cel === null || evaluateIf(cel, event).met;
    },
  };
}

/** A rule's `if`. What fails is not met; the explanation says why. */
export function evaluateIf(cel: ReturnType<typeof compileCel>, event: CanonicalEvent): CelOutcome {
  return cel(variablesOf({ event, steps: {} }));
}

/** Whether a rule listens to an event's type. */
export function listensTo(rule: Rule, event: Pick<CanonicalEvent, 'type' | 'declared_type'>): boolean {
  return rule.on.types.has(event.type) || rule.on.prefixes.some((prefix) => event.type.startsWith(prefix));
}

/** The equalities that every event must fulfil for a rule to match: field name to its possible values. */
function equalities(rule: Rule): Map<string, readonly JsonValue[]> {
  const found = new Map<string, readonly JsonValue[]>();
  const collect = (condition: Condition | null): void => {
    if (condition?.kind === 'all') {
      condition.of.forEach(collect);
    } else if (
      condition?.kind === 'field' &&
      condition.test.operator === 'one_of' &&
      condition.field.kind !== 'any' &&
      !found.has(condition.field.name)
    ) {
      found.set(condition.field.name, condition.test.values);
    }
  };
  collect(rule.when);
  return found;
}

/** One field of an index: the rules that ask for a value of it. */
interface FieldIndex {
  read: Read;
  byValue: ReadonlyMap<JsonValue, readonly number[]>;
}

/** The rules that listen to one type, by what they ask for. Numbers are places in the file order. */
interface TypeIndex {
  /** Rules without an equality. */
  always: readonly number[];
  fields: readonly FieldIndex[];
}

/** An equality with more values than this is not worth an index. */
const MOST_INDEXED_VALUES = 1_000;

/** Plans that are kept to be shared; a rule set has as many as there are sets of rules that match together. */
const MOST_PLANS = 1_000;

/**
 * Rules that are right, compiled. Immutable: a changed file gives a new one.
 *
 * Cost per event: the rules that listen to its type and whose one indexed equality fits (reference DESIGN "Cost", issue
 * 5: 1,000 rules cost at most three times one). Nothing ops write can take more than linear time: RE2, bounded CEL, no
 * templates here.
 */
export class RuleSet {
  readonly #compiled: readonly CompiledRule[];
  readonly #byType: ReadonlyMap<string, TypeIndex>;
  /** Rules on families and `*`, for types that no rule names and the catalogue does not know. */
  readonly #onFamilies: readonly number[];
  readonly #places: ReadonlyMap<Rule, number>;
  readonly #plans = new Map<string, Plan>();

  /**
   * @param hash 12 hex characters of the canonical form of the files.
   * @param rules in the order of the files.
   */
  constructor(
    readonly hash: string,
    readonly rules: readonly Rule[],
  ) {
    const fields = new FieldReaders();
    this.#places = new Map(rules.map((rule, index) => [rule, index]));
    this.#compiled = rules.map((rule) => compileRule(rule, fields));
    this.#onFamilies = rules.flatMap((rule, index) => (rule.on.prefixes.length > 0 ? [index] : []));
    const types = new Set(rules.flatMap((rule) => [...rule.on.types]));
    this.#byType = new Map([...types].map((type) => [type, indexFor(type, rules, fields)]));
  }

  /**
   * The rules that match an event, in the order of the files, also those in shadow; never those that are off. A live
   * rule with `stop` ends it; one in shadow changes nothing for the others.
   */
  matching(event: CanonicalEvent): Rule[] {
    const found: Rule[] = [];
    for (const index of this.#candidates(event)) {
      const compiled = this.#compiled[index];
      if (
        compiled === undefined ||
        compiled.rule.mode === 'off' ||
        !listensTo(compiled.rule, event) ||
        !compiled.holds(event)
      ) {
        continue;
      }
      found.push(compiled.rule);
      if (compiled.rule.stop && compiled.rule.mode === 'live') {
        break;
      }
    }
    return found;
  }

  /**
   * What a run for this event has to do, or null when no rule matches; rules in shadow are in it, marked. Of an event
   * that backfill found, replies are left out when it is older than a quarter of an hour, unless the rule itself says
   * how old it may be.
   */
  plan(event: CanonicalEvent, arrival: 'webhook' | 'backfill' = 'webhook'): Plan | null {
    const isLate = arrival === 'backfill' && ageOf(event) > LATE_REPLY_MS;
    const matching = this.matching(event);
    return matching.length === 0 ? null : this.#planOf(matching, isLate);
  }

  /** Events that match the same rules share one plan object, so that it is made, hashed and written once. */
  #planOf(matching: readonly Rule[], isLate: boolean): Plan {
    const key = `${isLate} ${matching.map((rule) => this.#places.get(rule)).join(' ')}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      plan = {
        ruleset: this.hash,
        rules: matching.map((rule) =>
          isLate && rule.max_age_ms === null ? withoutReplies(plannedRule(rule)) : plannedRule(rule),
        ),
      };
      if (this.#plans.size >= MOST_PLANS) {
        this.#plans.clear();
      }
      this.#plans.set(key, plan);
    }
    return plan;
  }

  #candidates(event: CanonicalEvent): readonly number[] {
    const index = this.#byType.get(event.type);
    if (index === undefined) {
      return this.#onFamilies;
    }
    const found = [index.always, ...index.fields.map((field) => field.byValue.get(field.read(event)) ?? [])].filter(
      (some) => some.length > 0,
    );
    const [only] = found;
    return found.length <= 1 ? (only ?? []) : found.flat().sort((one, other) => one - other);
  }
}

/** A rule as runs get it. */
export function plannedRule(rule: Rule): PlannedRule {
  const limited = rule.limits.cooldown !== null || rule.limits.max !== null;
  return {
    name: rule.name,
    timezone: rule.timezone,
    country: rule.country,
    ...(rule.mode === 'shadow' ? { shadow: true as const } : {}),
    ...(limited ? { limits: rule.limits } : {}),
    steps: [...rule.steps],
  };
}

/**
 * A reply (an action whose budget counts from the event) to something that is older than this comes too late, when
 * nobody has said otherwise: the budget of a reply that came in time.
 */
const LATE_REPLY_MS = 15 * 60_000;

/** The steps stay, so that the report shows them as skipped and later steps can tell. */
function withoutReplies(rule: PlannedRule): PlannedRule {
  return { ...rule, steps: rule.steps.map((step) => (step.retry.from === 'event' ? { ...step, if: 'false' } : step)) };
}

function indexFor(type: string, rules: readonly Rule[], fieldReaders: FieldReaders): TypeIndex {
  const listening = rules.flatMap((rule, index) =>
    listensTo(rule, { type, declared_type: type }) && rule.mode !== 'off'
      ? [{ index, rule, equal: equalities(rule) }]
      : [],
  );
  // The field with the most different values over all rules tells them apart best.
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
      .filter(([, wanted]) => wanted.length <= MOST_INDEXED_VALUES)
      .sort(([one], [other]) => (values.get(other)?.size ?? 0) - (values.get(one)?.size ?? 0))[0];
    if (best === undefined) {
      always.push(index);
      continue;
    }
    // Numbers are compared in the rule's country, so each country has an index of its own.
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
