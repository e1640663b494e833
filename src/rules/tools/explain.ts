import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject } from '../../events/json';
import type { Position } from '../../yaml/finding';
import { listensTo } from '../compiled-rule';
import { withoutSecrets } from '../language/hide-secrets';
import { consentRule } from '../consent-rule';
import type { PlannedRule } from '../plan';
import type { ActionCatalogue, Limits, Rule } from '../rule';
import type { RuleSet } from '../rule-set';
import { countUnmet, explainConditions, type ExplainedCondition } from './explain-condition';
import { explainSteps, type ExplainedStep } from './explain-steps';

export interface ExplainedRule {
  rule: string;
  at: Position;
  /**
   * `deferred`: it runs if the call, which the run looks up, meets its other conditions. `failed`: its `if` takes too
   * many steps; all other conditions are met, and the run reports the rule as failed. `stopped`: it would match, but a
   * rule above it has `stop`. With `off` and `other_type` conditions may be unmet.
   */
  outcome: 'runs' | 'deferred' | 'shadow' | 'failed' | 'not_met' | 'stopped' | 'off' | 'other_type';
  /** The outcome in words. */
  why: string;
  /** How many conditions would have to change; 0 when it matches. */
  missing: number;
  conditions: readonly ExplainedCondition[];
  /** Its limits in words. They are counted when the rule runs. */
  limits: readonly string[];
  /** The steps of a rule that runs or is in shadow mode; otherwise empty. */
  steps: readonly ExplainedStep[];
}

export interface Explanation {
  event_id: string;
  type: string;
  declared_type: string;
  ruleset: string;
  /** What the run records about its sender besides the rules; null for any other event. */
  records: NonNullable<PlannedRule['records']> | null;
  /** Rules that run first, then rules with unmet conditions, the fewest first, then rules that are off or of other types. */
  rules: readonly ExplainedRule[];
}

export interface ExplainOptions {
  actions: ActionCatalogue;
  /** Explains only this rule. */
  rule?: string;
  /** Results of steps for later steps, by step id. */
  results?: Readonly<Record<string, JsonObject>>;
  /** The same for each rule, as a run reported them; undefined where they are not known. */
  resultsOf?: (rule: string) => Readonly<Record<string, JsonObject>> | undefined;
}

/**
 * Explains why each rule runs or does not run for an event. It evaluates every condition and costs more than matching, so
 * event handling does not use it. It agrees with {@link RuleSet.matching}; a property test compares the two.
 */
export function explain(ruleSet: RuleSet, event: CanonicalEvent, options: ExplainOptions): Explanation {
  let stoppedBy: string | null = null;
  const rules: ExplainedRule[] = [];
  for (const rule of ruleSet.rules) {
    const explained = explainRule(rule, event, stoppedBy, options);
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
    records: consentRule(event)?.records ?? null,
    rules,
  };
}

/** An explanation for printing: without the tokens that a rule contains. */
export function withoutTokens(explanation: Explanation): Explanation {
  return {
    ...explanation,
    rules: explanation.rules.map((rule) => ({
      ...rule,
      steps: rule.steps.map((step) =>
        step.input.ok ? { ...step, input: { ok: true, value: withoutSecrets(step.input.value) } } : step,
      ),
    })),
  };
}

const ORDER: Readonly<Record<ExplainedRule['outcome'], number>> = {
  runs: 0,
  deferred: 1,
  shadow: 2,
  failed: 3,
  stopped: 4,
  not_met: 5,
  off: 6,
  other_type: 7,
};

function explainRule(
  rule: Rule,
  event: CanonicalEvent,
  stoppedBy: string | null,
  { actions, results, resultsOf }: ExplainOptions,
): ExplainedRule {
  const listens = listensTo(rule, event);
  const conditions = listens ? explainConditions(rule, event) : [];
  const missing = countMissing(conditions);
  const { outcome, why } = outcomeOf(rule, event, listens, conditions, stoppedBy);
  const acts = outcome === 'runs' || outcome === 'shadow' || outcome === 'deferred';
  return {
    rule: rule.name,
    at: rule.at,
    outcome,
    why,
    missing,
    conditions,
    limits: limitsInWords(rule.limits),
    steps: acts ? explainSteps(rule, event, actions, results ?? resultsOf?.(rule.name)) : [],
  };
}

function outcomeOf(
  rule: Rule,
  event: CanonicalEvent,
  listens: boolean,
  conditions: readonly ExplainedCondition[],
  stoppedBy: string | null,
): Pick<ExplainedRule, 'outcome' | 'why'> {
  const missing = countMissing(conditions);
  if (!listens) {
    return { outcome: 'other_type', why: `it listens to ${rule.on.written.join(', ')}; this event is ${event.type}` };
  }
  if (rule.mode === 'off') {
    return { outcome: 'off', why: `it is off${missing === 0 ? ', but would match' : ''}` };
  }
  const [unmet] = conditions.filter(({ met }) => !met);
  if (missing === 1 && unmet?.problem === 'over_budget' && stoppedBy === null) {
    return { outcome: 'failed', why: 'it fails: its condition takes too many steps on this event' };
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
  const open = conditions.filter(({ pending }) => pending === true).map(({ what }) => what);
  if (open.length > 0) {
    return {
      outcome: 'deferred',
      why: `it depends on the call, which the run looks up (in a test, give it as call): ${open.join(', ')}`,
    };
  }
  return rule.mode === 'shadow'
    ? { outcome: 'shadow', why: 'it matches in shadow mode: its steps do not run' }
    : { outcome: 'runs', why: 'it matches' };
}

function countMissing(conditions: readonly ExplainedCondition[]): number {
  return conditions.reduce((sum, condition) => sum + countUnmet(condition), 0);
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
