import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject, JsonValue } from '../../events/json';
import { compileCel } from '../language/cel';
import type { Position } from '../../yaml/finding';
import { ageOf, compileCondition, evaluateIf, listensTo, type RuleSet } from '../rule-set';
import type { ActionCatalogue, Condition, Limits, Rule } from '../rule';
import { comparable, compileTest, type Test } from '../language/operators';
import { evaluateCondition } from '../language/condition';
import { renderInput, TemplateError } from '../language/template';

/**
 * One condition with what it asks for and what the event has. Holds the event's content: for the operator's eyes only.
 */
export interface ExplainedCondition {
  /** The field, `during`, `if`, `max_age`, or `any`, `all`, `not` for a block. */
  what: string;
  expected: string;
  /** `absent` where the event has nothing. */
  actual: string;
  met: boolean;
  at: Position;
  /** The conditions of a block. */
  of: readonly ExplainedCondition[];
}

/** A step as it would run; later steps see no results of earlier ones, because nothing was done. */
export interface ExplainedStep {
  id: string;
  action: string;
  /** Null without `if`, or when it depends on an earlier step's result. */
  if: { expression: string; met: boolean } | null;
  /** The input as rendered, or why it cannot be rendered. */
  input: { ok: true; value: JsonObject } | { ok: false; message: string };
}

export interface ExplainedRule {
  rule: string;
  at: Position;
  /** `stopped`: it would match, but a rule above it has stop. `off` and `other_type` say nothing of the conditions. */
  outcome: 'runs' | 'shadow' | 'not_met' | 'stopped' | 'off' | 'other_type';
  /** The outcome in words. */
  why: string;
  /** How many conditions would have to be different; 0 when it matches. */
  missing: number;
  conditions: readonly ExplainedCondition[];
  /** In words: what would be counted at the effect. */
  limits: readonly string[];
  /** Of rules that run, or would in shadow. */
  steps: readonly ExplainedStep[];
}

export interface Explanation {
  event_id: string;
  type: string;
  declared_type: string;
  ruleset: string;
  /** Those that run first, then near misses, the nearest first, then those that are off or listen to other types. */
  rules: readonly ExplainedRule[];
}

export interface ExplainOptions {
  actions: ActionCatalogue;
  /** Only this rule. */
  rule?: string;
}

/**
 * Why each rule does, or does not, act on an event. Evaluates every condition, so it costs more than matching: it is
 * never part of handling an event. It agrees with {@link RuleSet.matching}; a property test holds the two together.
 */
export function explain(ruleSet: RuleSet, event: CanonicalEvent, options: ExplainOptions): Explanation {
  let stoppedBy: string | null = null;
  const rules: ExplainedRule[] = [];
  for (const rule of ruleSet.rules) {
    const explained = explainRule(rule, event, stoppedBy, options.actions);
    if (explained.outcome === 'runs' && rule.stop) {
      stoppedBy = rule.name;
    }
    if (options.rule === undefined || options.rule === rule.name) {
      rules.push(explained);
    }
  }
  rules.sort((one, other) => ORDER[one.outcome] - ORDER[other.outcome] || one.missing - other.missing);
  return {
    event_id: event.event_id,
    type: event.type,
    declared_type: event.declared_type,
    ruleset: ruleSet.hash,
    rules,
  };
}

const ORDER: Readonly<Record<ExplainedRule['outcome'], number>> = {
  runs: 0,
  shadow: 1,
  stopped: 2,
  not_met: 3,
  off: 4,
  other_type: 5,
};

function explainRule(
  rule: Rule,
  event: CanonicalEvent,
  stoppedBy: string | null,
  actions: ActionCatalogue,
): ExplainedRule {
  const listens = listensTo(rule, event);
  const conditions = listens ? explainConditions(rule, event) : [];
  const missing = conditions.reduce((sum, condition) => sum + distance(condition), 0);
  const { outcome, why } = outcomeOf(rule, event, listens, missing, stoppedBy);
  const acts = outcome === 'runs' || outcome === 'shadow';
  return {
    rule: rule.name,
    at: rule.at,
    outcome,
    why,
    missing,
    conditions,
    limits: limitsInWords(rule.limits),
    steps: acts ? explainSteps(rule, event, actions) : [],
  };
}

function outcomeOf(
  rule: Rule,
  event: CanonicalEvent,
  listens: boolean,
  missing: number,
  stoppedBy: string | null,
): Pick<ExplainedRule, 'outcome' | 'why'> {
  if (!listens) {
    return { outcome: 'other_type', why: `it listens to ${rule.on.written.join(', ')}; this event is ${event.type}` };
  }
  if (rule.mode === 'off') {
    return { outcome: 'off', why: `it is off${missing === 0 ? ', but would match' : ''}` };
  }
  if (missing > 0) {
    return {
      outcome: 'not_met',
      why: missing === 1 ? 'one condition is not met' : `${missing} conditions are not met`,
    };
  }
  if (stoppedBy !== null) {
    return { outcome: 'stopped', why: `it would match, but the rule ${stoppedBy} above it has stop` };
  }
  return rule.mode === 'shadow'
    ? { outcome: 'shadow', why: 'it matches in shadow mode: its steps do not run' }
    : { outcome: 'runs', why: 'it matches' };
}

function explainConditions(rule: Rule, event: CanonicalEvent): ExplainedCondition[] {
  const found: ExplainedCondition[] = [];
  if (rule.max_age_ms !== null) {
    const age = ageOf(event);
    found.push({
      what: 'max_age',
      expected: `at most ${rule.max_age_ms / 1_000} s old`,
      actual: `${Math.round(age / 1_000)} s old`,
      met: age <= rule.max_age_ms,
      at: rule.at,
      of: [],
    });
  }
  if (rule.when !== null) {
    const whole = rule.when.kind === 'all' ? rule.when.of : [rule.when];
    found.push(...whole.map((one) => explainCondition(one, event, rule.country)));
  }
  if (rule.if !== null) {
    const outcome = evaluateIf(compileCel(rule.if.expression), event);
    const actual = 'problem' in outcome ? PROBLEMS[outcome.problem] : String(outcome.met);
    found.push({ what: 'if', expected: rule.if.expression, actual, met: outcome.met, at: rule.if.at, of: [] });
  }
  return found;
}

const PROBLEMS = {
  absent: 'it needs an absent value',
  'not-boolean': 'its result is neither true nor false',
  failed: 'it compares values that cannot be compared',
} as const;

function explainCondition(condition: Condition, event: CanonicalEvent, country: string | null): ExplainedCondition {
  const { at } = condition;
  switch (condition.kind) {
    case 'field': {
      const { field, test } = condition;
      const value = field.read(event);
      return {
        what: field.name,
        expected: inWords(test),
        actual: shown(value),
        met: compileTest(test, field.kind)(comparable(field, value, country)),
        at,
        of: [],
      };
    }
    case 'during': {
      const { name, wanted } = condition;
      const met = compileCondition(condition, country)(event);
      return {
        what: wanted ? 'during' : 'not during',
        expected: name,
        actual: `${met === wanted ? 'inside' : 'outside'}, at ${event.occurred_at}`,
        met,
        at,
        of: [],
      };
    }
    case 'all':
    case 'any': {
      const of = condition.of.map((one) => explainCondition(one, event, country));
      const [only] = of;
      if (only !== undefined && of.length === 1) {
        return only;
      }
      const met = condition.kind === 'all' ? of.every((one) => one.met) : of.some((one) => one.met);
      return {
        what: condition.kind,
        expected: condition.kind === 'all' ? 'all of' : 'any of',
        actual: met ? 'met' : 'not met',
        met,
        at,
        of,
      };
    }
    case 'not': {
      const inner = explainCondition(condition.of, event, country);
      return {
        what: 'not',
        expected: 'not',
        actual: inner.met ? 'met, but must not be' : 'not met',
        met: !inner.met,
        at,
        of: inner.what === 'all' ? inner.of : [inner],
      };
    }
  }
}

/** How many conditions would have to be different for it to hold. */
function distance(condition: ExplainedCondition): number {
  if (condition.met) {
    return 0;
  }
  if (condition.what === 'any') {
    return Math.min(...condition.of.map(distance).filter((one) => one > 0), Number.MAX_SAFE_INTEGER);
  }
  return condition.what === 'all'
    ? Math.max(
        1,
        condition.of.reduce((sum, one) => sum + distance(one), 0),
      )
    : 1;
}

function shown(value: JsonValue): string {
  return value === null ? 'absent' : JSON.stringify(value);
}

/** A test as people say it: `one of "a", "b"`, `greater than 60`. */
export function inWords(test: Test): string {
  switch (test.operator) {
    case 'one_of': {
      if (test.list !== null) {
        return `one of $${test.list}`;
      }
      const values = test.values.map((value) => JSON.stringify(value));
      return values.length === 1 ? (values[0] ?? '') : `one of ${values.join(', ')}`;
    }
    case 'not':
      return `present, but not ${inWords(test.test)}`;
    case 'all':
      return test.tests.map(inWords).join(' and ');
    case 'exists':
      return test.wanted ? 'present' : 'absent';
    case 'prefix':
      return `starting with ${JSON.stringify(test.text)}`;
    case 'suffix':
      return `ending with ${JSON.stringify(test.text)}`;
    case 'contains':
      return `containing ${JSON.stringify(test.text)}`;
    case 'matches':
      return `matching ${test.text}`;
    case 'gt':
      return `more than ${test.limit}`;
    case 'gte':
      return `at least ${test.limit}`;
    case 'lt':
      return `less than ${test.limit}`;
    case 'lte':
      return `at most ${test.limit}`;
  }
}

function limitsInWords(limits: Limits): string[] {
  const per = (field: string | null): string => (field === null ? '' : ` per ${field}`);
  return [
    ...(limits.cooldown === null
      ? []
      : [`at most once in ${limits.cooldown.window_ms / 1_000} s${per(limits.cooldown.per)}`]),
    ...(limits.max === null ? [] : [`at most ${limits.max.count} per ${limits.max.every}${per(limits.max.per)}`]),
  ];
}

/** What a rule's steps would be given for an event, with no results of earlier steps. */
export function explainSteps(rule: Rule, event: CanonicalEvent, actions: ActionCatalogue): ExplainedStep[] {
  return rule.steps.map((step) => {
    const action = actions.find(step.action)?.action;
    const context = {
      event,
      steps: {},
      timezone: rule.timezone,
      country: rule.country,
      sinkOf: (name: string) => action?.sinkOf(name) ?? 'plain',
      rule: rule.name,
      step: step.id,
    };
    const condition =
      step.if === undefined || /\bsteps\b/.test(step.if)
        ? null
        : { expression: step.if, met: attempt(() => evaluateCondition(step.if ?? '', context), false) };
    return {
      id: step.id,
      action: step.action,
      if: condition,
      input: renderOrSay(() => renderInput(step.input, context)),
    };
  });
}

function attempt<Result>(evaluate: () => Result, otherwise: Result): Result {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof TemplateError) {
      return otherwise;
    }
    throw error;
  }
}

function renderOrSay(render: () => JsonObject): ExplainedStep['input'] {
  try {
    return { ok: true, value: render() };
  } catch (error) {
    if (error instanceof TemplateError) {
      return { ok: false, message: error.message };
    }
    throw error;
  }
}

/**
 * An explanation for people, a few lines a rule. Rules that listen to other types are only counted, unless asked for by
 * name.
 */
export function formatExplanation(explanation: Explanation): string {
  const lines = [
    `${explanation.event_id}${explanation.type === explanation.declared_type ? '' : ` (sent as ${explanation.declared_type})`}, rule set ${explanation.ruleset}`,
  ];
  const others = explanation.rules.filter((rule) => rule.outcome === 'other_type');
  const shownRules =
    explanation.rules.length === 1
      ? explanation.rules
      : explanation.rules.filter((rule) => rule.outcome !== 'other_type');
  for (const rule of shownRules) {
    lines.push('', `${rule.rule}: ${rule.why}  (${rule.at.file}:${rule.at.line})`);
    rule.conditions.forEach((condition) => formatCondition(condition, '  ', lines));
    rule.limits.forEach((limit) => lines.push(`  · ${limit} (counted when the rule runs)`));
    rule.steps.forEach((step) => formatStep(step, lines));
  }
  if (shownRules !== explanation.rules && others.length > 0) {
    lines.push(
      '',
      `${others.length} ${others.length === 1 ? 'rule listens' : 'rules listen'} to other events: ${others.map((rule) => rule.rule).join(', ')}`,
    );
  }
  return lines.join('\n');
}

function formatCondition(condition: ExplainedCondition, indent: string, lines: string[]): void {
  const mark = condition.met ? '✓' : '✗';
  if (condition.of.length > 0) {
    lines.push(`${indent}${mark} ${condition.expected}:  (line ${condition.at.line})`);
    condition.of.forEach((one) => formatCondition(one, `${indent}  `, lines));
    return;
  }
  lines.push(
    `${indent}${mark} ${condition.what}: ${condition.expected}${condition.met && condition.what === 'if' ? '' : `, is ${condition.actual}`}  (line ${condition.at.line})`,
  );
}

function formatStep(step: ExplainedStep, lines: string[]): void {
  const skipped = step.if !== null && !step.if.met;
  lines.push(
    `  → ${step.action}${step.id.includes('#') ? '' : ` (${step.id})`}${skipped ? `, skipped: ${step.if?.expression ?? ''}` : ''}`,
  );
  if (!step.input.ok) {
    lines.push(`      ${step.input.message}`);
    return;
  }
  for (const [name, value] of Object.entries(step.input.value)) {
    lines.push(
      `      ${name}: ${typeof value === 'string' ? value.replaceAll('\n', '\n        ') : JSON.stringify(value)}`,
    );
  }
}
