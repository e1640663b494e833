import { isDeepStrictEqual } from 'node:util';
import { typesFor } from '../../events/catalogue';
import { presenceFor } from '../language/fields';
import type { Findings } from '../../yaml/finding';
import { listensTo } from '../compiled-rule';
import type { Condition, Rule } from '../rule';
import type { Test } from '../language/operators';

/** The action that sends text messages. */
const SEND_MESSAGE = 'voipbin.send_message';

/** Warns of valid rules that are probably mistakes: rules that never match, and text messages that annoy people. */
export function lintRules(rules: readonly Rule[], findings: Findings): void {
  rules.forEach((rule, index) => {
    if (rule.mode === 'off') {
      return;
    }
    const impossible = whyNever(rule);
    if (impossible !== null) {
      findings.warn(impossible.at, 'never-matches', `the rule ${rule.name} can never match: ${impossible.why}`);
      return;
    }
    const stopper = rules
      .slice(0, index)
      .find((earlier) => earlier.stop && earlier.mode === 'live' && covers(earlier, rule));
    if (stopper !== undefined) {
      findings.warn(
        rule.at,
        'shadowed',
        `the rule ${rule.name} can never match: ${stopper.name} in line ${stopper.at.line} matches the same events first and has stop`,
      );
    }
    lintMessages(rule, findings);
  });
}

/** The live names of a rule's event types; null when some are unknown. */
export function typesOf(rule: Rule): readonly string[] | null {
  return rule.on.prefixes.includes('') || rule.on.written.some((one) => typesFor(one) === null)
    ? null
    : [...rule.on.types];
}

/** The conditions that must all be met, with `all` blocks flattened. */
function required(condition: Condition | null): Condition[] {
  if (condition === null) {
    return [];
  }
  return condition.kind === 'all' ? condition.of.flatMap(required) : [condition];
}

type FieldCondition = Extract<Condition, { kind: 'field' }>;

function whyNever(rule: Rule): { why: string; at: Condition['at'] } | null {
  const conditions = required(rule.when);
  const types = typesOf(rule);
  const onFields = conditions.filter((condition): condition is FieldCondition => condition.kind === 'field');
  for (const condition of onFields) {
    const { field, test, at } = condition;
    if (presenceFor(field, types) === 'never' && !isAbsence(test)) {
      return { why: `${field.name} is always absent for ${rule.on.written.join(', ')}`, at };
    }
    const earlier = onFields
      .slice(0, onFields.indexOf(condition))
      .find((other) => other.field.name === field.name && excludes(other.test, test));
    if (earlier !== undefined) {
      return { why: `the conditions on ${field.name} exclude each other`, at };
    }
    if (
      test.operator === 'all' &&
      test.tests.some((one, index) => test.tests.slice(0, index).some((other) => excludes(other, one)))
    ) {
      return { why: `the conditions on ${field.name} exclude each other`, at };
    }
  }
  const during = conditions.filter((condition) => condition.kind === 'during');
  const clash = during.find((condition) =>
    during.some((other) => other.name === condition.name && other.wanted !== condition.wanted),
  );
  return clash === undefined ? null : { why: `it is both during and not during ${clash.name}`, at: clash.at };
}

function isAbsence(test: Test): boolean {
  return test.operator === 'exists' && !test.wanted;
}

/** Whether no value meets both tests; false when that is not certain. */
function excludes(one: Test, other: Test): boolean {
  if (isAbsence(one) !== isAbsence(other)) {
    return true;
  }
  if (one.operator === 'one_of' && other.operator === 'one_of') {
    return !one.values.some((value) => other.values.includes(value));
  }
  const [low, high] = [rangeOf(one), rangeOf(other)];
  if (low === null || high === null) {
    return false;
  }
  const from = Math.max(low.from, high.from);
  const to = Math.min(low.to, high.to);
  const open =
    (low.from === from && low.fromOpen) ||
    (high.from === from && high.fromOpen) ||
    (low.to === to && low.toOpen) ||
    (high.to === to && high.toOpen);
  return from > to || (from === to && open);
}

interface Range {
  from: number;
  to: number;
  fromOpen: boolean;
  toOpen: boolean;
}

function rangeOf(test: Test): Range | null {
  const whole = { from: -Infinity, to: Infinity, fromOpen: false, toOpen: false };
  if (test.operator === 'one_of' && test.values.length === 1 && typeof test.values[0] === 'number') {
    return { ...whole, from: test.values[0], to: test.values[0] };
  }
  if (!('limit' in test)) {
    return null;
  }
  const limit = typeof test.limit === 'string' ? Date.parse(test.limit) : test.limit;
  return test.operator === 'gt' || test.operator === 'gte'
    ? { ...whole, from: limit, fromOpen: test.operator === 'gt' }
    : { ...whole, to: limit, toOpen: test.operator === 'lt' };
}

/** Whether the first rule matches every event that the second would match; false when that is not certain. */
function covers(first: Rule, second: Rule): boolean {
  const types = typesOf(second);
  const hasAllTypes =
    first.on.prefixes.includes('') ||
    (types !== null &&
      types.every((type) => listensTo(first, { type, declared_type: type })) &&
      second.on.prefixes.every((prefix) => first.on.prefixes.some((wider) => prefix.startsWith(wider))));
  const sameIf = first.if === null || first.if.expression === second.if?.expression;
  const sameAge = first.max_age_ms === null || (second.max_age_ms !== null && second.max_age_ms <= first.max_age_ms);
  const theirs = required(second.when);
  return (
    hasAllTypes &&
    sameIf &&
    sameAge &&
    first.country === second.country &&
    required(first.when).every((condition) => theirs.some((other) => implies(other, condition)))
  );
}

/** Whether the second condition is met whenever the first is; false when that is not certain. */
function implies(first: Condition, second: Condition): boolean {
  if (first.kind === 'field' && second.kind === 'field' && first.field.name === second.field.name) {
    const [narrow, wide] = [first.test, second.test];
    if (narrow.operator === 'one_of' && wide.operator === 'one_of') {
      return narrow.values.every((value) => wide.values.includes(value));
    }
    return (wide.operator === 'exists' && wide.wanted && !isAbsence(narrow)) || isDeepStrictEqual(narrow, wide);
  }
  if (first.kind === 'during' && second.kind === 'during') {
    return first.name === second.name && first.wanted === second.wanted;
  }
  return isDeepStrictEqual(withoutPlaces(first), withoutPlaces(second));
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
