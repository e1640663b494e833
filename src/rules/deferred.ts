import type { CanonicalEvent } from '../events/canonical-event';
import { CONDITION_STEPS, OverBudget, withBudget } from './language/budget';
import { compileCel } from './language/cel';
import { analyseCel } from './language/cel-references';
import { isPending } from './language/field';
import { FIELDS } from './language/field-list';
import { fieldNamed } from './language/fields';
import { comparable, compileTest, type Test } from './language/operators';
import { refersTo } from './language/references';
import { evaluateIn } from './language/cel-scope';
import { isInside } from './language/windows';
import type { DeferredCondition } from './plan';
import type { CelCondition, Condition, Rule } from './rule';

/** A condition as far as it can be judged. */
type Judged = boolean | DeferredCondition;

/**
 * Judges `when` and `if` of a rule for an event with pending parts, in three values: what is certain now is decided now,
 * also when another part is unknown; the rest is returned.
 * @throws OverBudget as compiled conditions do.
 */
export function judgeWithPending(rule: Rule, event: CanonicalEvent): boolean | 'over_budget' | DeferredCondition {
  const when = rule.when === null ? true : judgeCondition(rule.when, event, rule.country);
  if (when === false) {
    return false;
  }
  const cel = rule.if === null ? true : judgeCel(rule.if, event, rule.country);
  if (when === true || cel === false || cel === 'over_budget') {
    return cel;
  }
  return cel === true ? when : { all: [when, cel] };
}

/** Judges one condition of `when`: true, false, or what is left of it while parts of the event are unknown. */
export function judgeCondition(condition: Condition, event: CanonicalEvent, country: string | null): Judged {
  switch (condition.kind) {
    case 'field': {
      const { field, test } = condition;
      return isPending(field, event) ? { field: field.name, test } : meetsField(field.name, test, event, country);
    }
    case 'during':
      return isInside(condition.window, Date.parse(event.occurred_at)) === condition.wanted;
    case 'not': {
      const inner = judgeCondition(condition.of, event, country);
      return typeof inner === 'boolean' ? !inner : { not: inner };
    }
    case 'all':
    case 'any': {
      const decisive = condition.kind === 'any';
      const judged = condition.of.map((one) => judgeCondition(one, event, country));
      if (judged.includes(decisive)) {
        return decisive;
      }
      const open = judged.filter((one) => typeof one !== 'boolean');
      const [only, ...others] = open;
      if (only === undefined) {
        return !decisive;
      }
      return others.length === 0 ? only : decisive ? { any: open } : { all: open };
    }
  }
}

/** Judges an `if`, likewise. */
export function judgeCel(
  { expression, names }: Pick<CelCondition, 'expression' | 'names'>,
  event: CanonicalEvent,
  country: string | null,
): boolean | 'over_budget' | DeferredCondition {
  const { paths } = compiledCel(expression);
  const isOpen = FIELDS.some((field) => isPending(field, event) && paths.some((path) => refersTo(path, field.name)));
  const condition = { cel: expression, ...(names === undefined ? {} : { names }) };
  return isOpen ? condition : meetsCel(condition, event, country);
}

interface CompiledCel {
  /** Dotted. */
  paths: readonly string[];
  evaluate: ReturnType<typeof compileCel>;
}

/** Analysing an expression takes a millisecond; a rule's is needed for each event with pending parts. */
const MAX_COMPILED = 1_000;
const compiled = new Map<string, CompiledCel>();

function compiledCel(expression: string): CompiledCel {
  const known = compiled.get(expression);
  if (known !== undefined) {
    return known;
  }
  const paths = analyseCel(expression).paths.map(({ path }) => path.join('.'));
  const made = { paths, evaluate: compileCel(expression) };
  if (compiled.size >= MAX_COMPILED) {
    compiled.clear();
  }
  compiled.set(expression, made);
  return made;
}

function meetsField(name: string, test: Test, event: CanonicalEvent, country: string | null): boolean {
  const field = fieldNamed(name);
  return field !== undefined && compileTest(test, field.kind)(comparable(field, field.read(event), country));
}

function meetsCel(
  { cel, names }: Extract<DeferredCondition, { cel: string }>,
  event: CanonicalEvent,
  country: string | null,
): boolean | 'over_budget' {
  const outcome = evaluateIn(compiledCel(cel).evaluate, { event, steps: {}, names, country });
  return 'problem' in outcome && outcome.problem === 'over_budget' ? 'over_budget' : outcome.met;
}

/**
 * Whether a deferred condition is met, now that the event is complete. What is still unknown counts as absent.
 * @returns over_budget when it takes more than {@link CONDITION_STEPS} on this event, so that it is not known.
 */
export function meetsDeferred(
  condition: DeferredCondition,
  event: CanonicalEvent,
  country: string | null,
): boolean | 'over_budget' {
  try {
    return withBudget(CONDITION_STEPS, () => meets(condition, event, country));
  } catch (error) {
    if (error instanceof OverBudget) {
      return 'over_budget';
    }
    throw error;
  }
}

function meets(condition: DeferredCondition, event: CanonicalEvent, country: string | null): boolean | 'over_budget' {
  if ('cel' in condition) {
    return meetsCel(condition, event, country);
  }
  if ('field' in condition) {
    return meetsField(condition.field, condition.test, event, country);
  }
  if ('not' in condition) {
    const inner = meets(condition.not, event, country);
    return inner === 'over_budget' ? inner : !inner;
  }
  const decisive = 'any' in condition;
  const of = 'any' in condition ? condition.any : condition.all;
  const results = of.map((one) => meets(one, event, country));
  if (results.includes(decisive)) {
    return decisive;
  }
  return results.includes('over_budget') ? 'over_budget' : !decisive;
}

/** The fields, or `if`, of the conditions that are not met; without their values. */
export function unmetParts(condition: DeferredCondition, event: CanonicalEvent, country: string | null): string[] {
  if ('all' in condition) {
    return condition.all.flatMap((one) => unmetParts(one, event, country));
  }
  return meetsDeferred(condition, event, country) === true ? [] : namesIn(condition);
}

function namesIn(condition: DeferredCondition): string[] {
  if ('cel' in condition) {
    return ['if'];
  }
  if ('field' in condition) {
    return [condition.field];
  }
  return 'not' in condition
    ? namesIn(condition.not)
    : ('any' in condition ? condition.any : condition.all).flatMap(namesIn);
}
