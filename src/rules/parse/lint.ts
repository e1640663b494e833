import { isDeepStrictEqual } from 'node:util';
import { analyseCel } from '../language/cel-references';
import { fieldNamed, presenceFor } from '../language/fields';
import type { Findings } from '../../yaml/finding';
import { listensTo } from '../compiled-rule';
import { conditionsOf } from './cel-conditions';
import { knownTypes } from './event-types';
import { lintEffects } from './lint-effects';
import { canBeMet } from './satisfiable';
import type { ActionCatalogue, Condition, Rule } from '../rule';
import { compileTest, type Test } from '../language/operators';

/** The action that sends text messages. */
const SEND_MESSAGE = 'voipbin.send_message';

/** Warns of valid rules that are probably mistakes: rules that never match, and text messages that annoy people. */
export function lintRules(rules: readonly Rule[], actions: ActionCatalogue, findings: Findings): void {
  const stoppers = new Stoppers();
  for (const rule of rules) {
    if (rule.mode === 'off') {
      continue;
    }
    const stopper = stoppers.takeNext(rule);
    const impossible = whyNever(rule);
    if (impossible !== null) {
      findings.warn(impossible.at, 'never-matches', `the rule ${rule.name} can never match: ${impossible.why}`);
      continue;
    }
    if (stopper !== null) {
      findings.warn(
        rule.at,
        'shadowed',
        `the rule ${rule.name} can never match: ${stopper.name} in line ${stopper.at.line} matches the same events first and has stop`,
      );
    }
    lintChoices(rule, findings);
    lintAlternatives(rule, findings);
    lintEffects(rule, [...required(rule.when), ...celConditions(rule)], knownTypes(rule.on), actions, findings);
    lintMessages(rule, findings);
  }
}

/** What a rule demands of an event. */
interface Demands {
  rule: Rule;
  /** Live names; null when some are unknown. */
  types: readonly string[] | null;
  /** All of them must be met. */
  conditions: readonly Condition[];
}

/** Of many rules with `stop`, a rule is compared with the first so many, and with so many on the same event types. */
const MAX_STOPPERS = 200;

/** The rules with `stop` above a rule. */
class Stoppers {
  /** By the event types in writing: a rule that covers another one mostly has the same. */
  readonly #byTypes = new Map<string, Demands[]>();
  readonly #first: Demands[] = [];

  /** @returns the first rule above that matches whatever this one matches; null when none is found. */
  takeNext(rule: Rule): Rule | null {
    const types = rule.on.written.join(' ');
    const alike = this.#byTypes.get(types) ?? [];
    const demands = { rule, types: knownTypes(rule.on), conditions: required(rule.when) };
    const found = [...this.#first, ...alike].find((earlier) => covers(earlier, demands));
    if (rule.stop && rule.mode === 'live') {
      if (this.#first.length < MAX_STOPPERS) {
        this.#first.push(demands);
      } else if (alike.length < MAX_STOPPERS) {
        alike.push(demands);
        this.#byTypes.set(types, alike);
      }
    }
    return found?.rule ?? null;
  }
}

/** Warns of words that a field has for other event types only. */
function lintChoices(rule: Rule, findings: Findings): void {
  const types = knownTypes(rule.on);
  const compared = [
    ...fieldConditions(rule.when).flatMap(({ field, test, at }) =>
      test.operator === 'one_of' && (field.choices !== undefined || field.name === 'data.direction')
        ? test.values.map((value) => ({ field, value, at }))
        : [],
    ),
    ...(rule.if === null ? [] : analyseCel(rule.if.expression).comparisons).flatMap(({ path, value }) => {
      const field = fieldNamed(path.join('.'));
      return field === undefined || rule.if === null ? [] : [{ field, value, at: rule.if.at }];
    }),
  ];
  for (const { field, value, at } of compared) {
    if (field.name === 'data.direction' && isDirection(value) && types?.every((type) => type.startsWith('call_'))) {
      const message = `VoIPBIN sends incoming and outgoing for calls, so data.direction is never ${JSON.stringify(value)}`;
      findings.warn(at, 'choice', message, { hint: `did you mean direction: ${value}?` });
    }
    const choices = field.choices ?? [];
    const possible = choices.filter((choice) => types?.some((type) => choice.types?.test(type) ?? true));
    const choice = choices.find((one) => one.value === value);
    const areDescribed = types?.every((type) => choices.some((one) => one.types?.test(type)));
    if (choice !== undefined && areDescribed === true && !possible.includes(choice)) {
      const message = `${field.name} is never ${JSON.stringify(value)} for ${rule.on.written.join(', ')}`;
      findings.warn(at, 'choice', message, { hint: `it is ${possible.map((one) => one.value).join(', ')}` });
    }
  }
}

function isDirection(value: unknown): value is string {
  return value === 'inbound' || value === 'outbound';
}

/** Warns of alternatives that cannot be met together with the other conditions. */
function lintAlternatives(rule: Rule, findings: Findings): void {
  const types = knownTypes(rule.on);
  const conditions = [...required(rule.when), ...celConditions(rule)];
  for (const condition of required(rule.when)) {
    const others = conditions.filter((one) => one !== condition);
    for (const alternative of condition.kind === 'any' ? condition.of : []) {
      if (!canBeMet([...others, alternative], types)) {
        findings.warn(alternative.at, 'never-matches', `this alternative of the rule ${rule.name} can never be met`, {
          hint: 'correct it, or remove it',
        });
      }
    }
  }
}

/** The conditions on fields that may let a rule match: not those of `not`. */
function fieldConditions(condition: Condition | null): FieldCondition[] {
  if (condition?.kind === 'field') {
    return [condition];
  }
  return condition?.kind === 'all' || condition?.kind === 'any' ? condition.of.flatMap(fieldConditions) : [];
}

type FieldCondition = Extract<Condition, { kind: 'field' }>;

/** The conditions that must all be met, with `all` blocks flattened. */
function required(condition: Condition | null): Condition[] {
  if (condition === null) {
    return [];
  }
  return condition.kind === 'all' ? condition.of.flatMap(required) : [condition];
}

interface Never {
  why: string;
  at: Condition['at'];
}

function whyNever(rule: Rule): Never | null {
  const types = knownTypes(rule.on);
  const conditions = [...required(rule.when), ...celConditions(rule)];
  const absent = conditions.find(
    (one) => one.kind === 'field' && presenceFor(one.field, types) === 'never' && !isAbsence(one.test),
  );
  if (absent?.kind === 'field') {
    return { why: `${absent.field.name} is always absent for ${rule.on.written.join(', ')}`, at: absent.at };
  }
  // The first condition that cannot be met together with those before it.
  const index = conditions.findIndex((_, last) => !canBeMet(conditions.slice(0, last + 1), types));
  const condition = conditions[index];
  if (condition === undefined) {
    return null;
  }
  const { at } = condition;
  const what = nameOf(condition);
  if (!canBeMet([condition], types)) {
    const isContradiction = condition.kind === 'field' && condition.test.operator === 'all';
    return {
      why: isContradiction
        ? `the conditions on ${what} exclude each other`
        : condition.kind === 'field'
          ? `no value of ${what} meets its condition`
          : `${what} is never met`,
      at,
    };
  }
  const others = conditions.slice(0, index);
  const same = others.filter((one) => nameOf(one) === what);
  const window = others.find(
    (one) => one.kind === 'during' && condition.kind === 'during' && one.name === condition.name,
  );
  if (window?.kind === 'during') {
    return { why: `it is both during and not during ${window.name}`, at: window.at };
  }
  if (same.length > 0 && !canBeMet([...same, condition], types)) {
    return { why: `the conditions on ${what} exclude each other`, at };
  }
  const other = others.find((one) => !canBeMet([one, condition], types));
  return { why: `${what} excludes ${other === undefined ? 'the conditions above it' : nameOf(other)}`, at };
}

/** What the `if` of a rule demands, as far as it compares fields with constants. */
function celConditions(rule: Rule): Condition[] {
  return rule.if === null ? [] : conditionsOf({ ...rule.if, country: rule.country });
}

function nameOf(condition: Condition): string {
  if (condition.kind === 'during') {
    return `${condition.wanted ? '' : 'not '}during ${condition.name}`;
  }
  return condition.kind === 'field' ? condition.field.name : condition.kind;
}

function isAbsence(test: Test): boolean {
  return test.operator === 'exists' && !test.wanted;
}

/** Whether the first rule matches every event that the second would match; false when that is not certain. */
function covers({ rule: first, conditions }: Demands, { rule: second, types, conditions: theirs }: Demands): boolean {
  const sameIf = first.if === null || first.if.expression === second.if?.expression;
  const sameAge = first.max_age_ms === null || (second.max_age_ms !== null && second.max_age_ms <= first.max_age_ms);
  return (
    sameIf &&
    sameAge &&
    first.country === second.country &&
    conditions.every((condition) => theirs.some((other) => implies(other, condition))) &&
    hasAllTypes(first, second, types)
  );
}

/** @param types the live names of the second rule's types; null when some are unknown. */
function hasAllTypes(first: Rule, second: Rule, types: readonly string[] | null): boolean {
  return (
    first.on.prefixes.includes('') ||
    (types !== null &&
      types.every((type) => listensTo(first, { type, declared_type: type })) &&
      second.on.prefixes.every((prefix) => first.on.prefixes.some((wider) => prefix.startsWith(wider))))
  );
}

/** Whether the second condition is met whenever the first is; false when that is not certain. */
function implies(first: Condition, second: Condition): boolean {
  if (first.kind === 'field' && second.kind === 'field' && first.field.name === second.field.name) {
    const [narrow, wide] = [first.test, second.test];
    if (narrow.operator === 'one_of' && wide.operator === 'one_of' && narrow.ignore_case === undefined) {
      const isWanted = compileTest({ operator: 'one_of', values: wide.values, list: null }, 'text');
      return narrow.values === wide.values || narrow.values.every(isWanted);
    }
    return (wide.operator === 'exists' && wide.wanted && !isAbsence(narrow)) || isDeepStrictEqual(narrow, wide);
  }
  if (first.kind === 'during' && second.kind === 'during') {
    return first.name === second.name && first.wanted === second.wanted;
  }
  return first.kind === second.kind && isDeepStrictEqual(withoutPlaces(first), withoutPlaces(second));
}

function withoutPlaces(condition: Condition): unknown {
  switch (condition.kind) {
    case 'field':
      return { field: condition.field.name, test: condition.test };
    case 'during':
      return { during: condition.name, wanted: condition.wanted };
    case 'all':
    case 'any':
      return { [condition.kind]: condition.of.map(withoutPlaces) };
    case 'not':
      return { not: withoutPlaces(condition.of) };
  }
}

/**
 * Text messages that annoy people or cost money: one for every event, replies to the bridge's own messages, replies
 * without a cooldown.
 */
function lintMessages(rule: Rule, findings: Findings): void {
  rule.steps.forEach((step, index) => {
    const at = rule.stepsAt[index] ?? rule.at;
    if (step.action !== SEND_MESSAGE) {
      return;
    }
    if (rule.when === null && rule.if === null && step.if === undefined) {
      findings.warn(
        at,
        'text-on-everything',
        `the rule ${rule.name} sends a text message for every ${rule.on.written.join(', ')}`,
        { hint: 'add conditions under when' },
      );
    } else if (matchesOwnMessages(rule)) {
      findings.warn(
        at,
        'answers-itself',
        `the rule ${rule.name} also matches the text messages that the bridge sends`,
        {
          hint: 'add direction: inbound to when',
        },
      );
    }
    const isCooldownOff = step.input['cooldown'] === 0 || step.input['cooldown'] === '0';
    if (isCooldownOff && rule.limits.cooldown === null) {
      findings.warn(
        at,
        'no-cooldown',
        `the rule ${rule.name} may send text messages to the same person without a pause`,
        {
          hint: 'remove cooldown, or add limits: { cooldown: 10m per peer.number }',
        },
      );
    }
  });
}

function matchesOwnMessages(rule: Rule): boolean {
  const isOnMessages = ['message_created', 'conversation_message_created'].some((type) =>
    listensTo(rule, { type, declared_type: type }),
  );
  const names = required(rule.when).flatMap((condition) => (condition.kind === 'field' ? [condition.field.name] : []));
  return isOnMessages && !names.includes('direction') && !(rule.if?.expression.includes('direction') ?? false);
}
