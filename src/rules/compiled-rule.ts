import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonValue } from '../events/json';
import { OverBudget } from './language/budget';
import { compileCel, type CelOutcome } from './language/cel';
import { judgeWithPending } from './deferred';
import { isPending, type FieldDefinition } from './language/field';
import { comparable, compileTest } from './language/operators';
import { evaluateIn } from './language/cel-scope';
import { isInside } from './language/windows';
import type { DeferredCondition } from './plan';
import type { Condition, Rule } from './rule';
import { conditionedFields } from './rule-reads';

/** A rule with its conditions compiled to functions. */
export interface CompiledRule {
  readonly rule: Rule;
  /**
   * Whether `when`, `if` and `max_age` are met; `on` and `mode` are not checked. Never throws. Takes the steps of the
   * budget around it.
   * @param hasPending whether parts of the event are pending.
   */
  judge(event: CanonicalEvent, hasPending: boolean): Judgement;
}

/**
 * `over_budget`: the rule's conditions take too many steps for this event, so it is not known whether they are met.
 * `deferred`: they depend on parts of the event that are unknown so far, and that VoIPBIN may know.
 */
export type Judgement = 'met' | 'not_met' | 'over_budget' | { deferred: DeferredCondition };

/** Reads a field of an event in its comparable form. */
export type ReadField = (event: CanonicalEvent) => JsonValue;

/**
 * The fields of one rule set. Each field is read once per event, however many rules use it: a reader caches the value of
 * the last event. Memory is bounded by the number of different fields in the rules.
 */
export class FieldReaders {
  readonly #readers = new Map<string, ReadField>();

  reader(field: FieldDefinition, country: string | null): ReadField {
    const key = field.kind === 'phone' ? `${field.name} ${country ?? ''}` : field.name;
    const known = this.#readers.get(key);
    if (known !== undefined) {
      return known;
    }
    let last: CanonicalEvent | null = null;
    let value: JsonValue = null;
    const read: ReadField = (event) => {
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

/** Compiles a condition to a function of the event. The function throws nothing but {@link OverBudget}. */
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

/** The age of an event when it arrived, in milliseconds. */
export function ageOf(event: CanonicalEvent): number {
  return Date.parse(event.received_at) - Date.parse(event.occurred_at);
}

/** Compiles a rule. */
export function compileRule(rule: Rule, fields: FieldReaders): CompiledRule {
  const when = rule.when === null ? null : compileCondition(rule.when, rule.country, fields);
  const condition = rule.if;
  const cel = condition === null ? null : compileCel(condition.expression);
  const maxAge = rule.max_age_ms;
  const conditionFields = conditionedFields(rule);
  return {
    rule,
    judge: (event, hasPending) => {
      try {
        if (maxAge !== null && ageOf(event) > maxAge) {
          return 'not_met';
        }
        if (hasPending && conditionFields.some((field) => isPending(field, event))) {
          return withPending(rule, event);
        }
        if (when !== null && !when(event)) {
          return 'not_met';
        }
      } catch (error) {
        if (error instanceof OverBudget) {
          return 'over_budget';
        }
        throw error;
      }
      const outcome: CelOutcome =
        cel === null || condition === null
          ? { met: true }
          : evaluateIn(cel, { event, steps: {}, names: condition.names, country: rule.country });
      if ('problem' in outcome && outcome.problem === 'over_budget') {
        return 'over_budget';
      }
      return outcome.met ? 'met' : 'not_met';
    },
  };
}

function withPending(rule: Rule, event: CanonicalEvent): Judgement {
  const judged = judgeWithPending(rule, event);
  if (typeof judged === 'object') {
    return { deferred: judged };
  }
  return judged === 'over_budget' ? judged : judged ? 'met' : 'not_met';
}

/** Whether an event has one of the rule's types. */
export function listensTo(rule: Rule, event: Pick<CanonicalEvent, 'type' | 'declared_type'>): boolean {
  return rule.on.types.has(event.type) || rule.on.prefixes.some((prefix) => event.type.startsWith(prefix));
}
