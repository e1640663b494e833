import { STEP_ERRORS } from '../errors/step-errors';
import type { CanonicalEvent, EventPart } from '../events/canonical-event';
import { finish } from '../timing/work';
import { compileRules, type CompiledRules } from './compile-rules';
import { ageOf, listensTo } from './compiled-rule';
import { isPending } from './language/field';
import { CONDITION_STEPS, EVENT_STEPS, measured, RESERVED_STEPS } from './language/budget';
import type { AlertRoute, Heartbeat } from './alert-route';
import type { DeferredCondition, Plan, PlannedRule } from './plan';
import type { Rule } from './rule';

/** The most cached plans. A rule set has one for each combination of rules that match together. */
const MAX_CACHED_PLANS = 1_000;

/**
 * A valid set of rules, compiled. Immutable: a changed file gives a new one.
 *
 * Cost per event: only rules of its type whose indexed equality is met are evaluated (1,000 rules cost at most three
 * times one). Each rule takes a bounded number of steps whatever it and the event contain, and all rules together take
 * {@link EVENT_STEPS} and {@link RESERVED_STEPS} a rule: RE2, CEL with a budget, no templates.
 */
export class RuleSet {
  readonly #plans = new Map<string, Plan>();

  /**
   * @param hash 12 hex characters of the canonical content of the files.
   * @param rules in the order of the files.
   * @param compiled the same rules, compiled; by default they are compiled at once.
   */
  constructor(
    readonly hash: string,
    readonly rules: readonly Rule[],
    readonly alerts: readonly AlertRoute[] = [],
    readonly heartbeat: Heartbeat | null = null,
    private readonly compiled: CompiledRules = finish(compileRules(rules)),
  ) {}

  /**
   * The rules that match an event, in the order of the files; with rules in shadow mode, without rules that are off. The
   * rules after a matching live rule with `stop` are skipped. In shadow mode `stop` has no effect. Includes the rules that
   * the run decides on when it has looked up the call.
   */
  matching(event: CanonicalEvent): Rule[] {
    return this.#judge(event).flatMap(({ rule, failed }) => (failed ? [] : [rule]));
  }

  /** The rules that match or cannot be judged. A rule that cannot be judged stops no rule below it. */
  #judge(event: CanonicalEvent): JudgedRule[] {
    const found: JudgedRule[] = [];
    const hasPending = event.pending !== undefined;
    let left = EVENT_STEPS;
    for (const index of this.compiled.index.candidates(event)) {
      const compiled = this.compiled.rules[index];
      if (compiled === undefined || compiled.rule.mode === 'off' || !listensTo(compiled.rule, event)) {
        continue;
      }
      const steps = Math.max(RESERVED_STEPS, Math.min(CONDITION_STEPS, left));
      const { result: judgement, used } = measured(steps, () => compiled.judge(event, hasPending));
      left -= used;
      if (judgement === 'not_met') {
        continue;
      }
      const failed = judgement === 'over_budget';
      const deferred = typeof judgement === 'object' ? judgement.deferred : null;
      found.push({
        rule: compiled.rule,
        failed,
        deferred,
        lookUp: hasPending ? this.#lookUp(compiled.rule, event) : NONE,
      });
      if (compiled.rule.stop && compiled.rule.mode === 'live' && !failed && deferred === null) {
        break;
      }
    }
    return found;
  }

  /**
   * The plan of the workflow run for an event; null when no rule matches. Rules in shadow mode are marked. A rule whose
   * `if` cannot be evaluated within its budget is in the plan with its failure, so that the run reports it. When backfill
   * found the event and it is older than 15 minutes, replies are skipped in rules without `max_age`.
   */
  plan(event: CanonicalEvent, arrival: 'webhook' | 'backfill' = 'webhook'): Plan | null {
    const isLate = arrival === 'backfill' && ageOf(event) > LATE_REPLY_MS;
    const judged = this.#judge(event);
    return judged.length === 0 ? null : this.#planOf(judged, isLate);
  }

  /** Events that match the same rules share one plan object, so that it is built, hashed and written once. */
  #planOf(judged: readonly JudgedRule[], isLate: boolean): Plan {
    const key = `${isLate} ${judged.map((one) => this.#keyOf(one)).join(' ')}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      plan = {
        ruleset: this.hash,
        rules: judged.map(({ rule, failed, deferred, lookUp }, index) => {
          if (failed) {
            return failedRule(rule);
          }
          const unless = judged
            .slice(0, index)
            .filter((earlier) => earlier.deferred !== null && earlier.rule.stop && earlier.rule.mode === 'live')
            .map((earlier) => earlier.rule.name);
          const planned: PlannedRule = {
            ...plannedRule(rule),
            ...(lookUp.length === 0 ? {} : { look_up: lookUp }),
            ...(deferred === null ? {} : { deferred }),
            ...(unless.length === 0 ? {} : { unless }),
          };
          return isLate && rule.max_age_ms === null ? withoutReplies(planned) : planned;
        }),
      };
      if (this.#plans.size >= MAX_CACHED_PLANS) {
        this.#plans.clear();
      }
      this.#plans.set(key, plan);
    }
    return plan;
  }

  #keyOf({ rule, failed, deferred, lookUp }: JudgedRule): string {
    const position = `${this.compiled.positions.get(rule)}${failed ? '!' : ''}`;
    return lookUp.length === 0 && deferred === null
      ? position
      : `${position}${JSON.stringify([lookUp, deferred], withoutNames)}`;
  }

  /** The pending parts of an event that a rule reads. */
  #lookUp(rule: Rule, event: CanonicalEvent): readonly EventPart[] {
    const { pending } = event;
    if (pending === undefined) {
      return NONE;
    }
    const read = (this.compiled.reads.get(rule) ?? []).filter((field) => isPending(field, event));
    return pending.filter((part) => read.some((field) => field.lookedUp?.parts.includes(part)));
  }
}

/** The named values of a condition are always those of its rule. */
function withoutNames(key: string, value: unknown): unknown {
  return key === 'names' ? undefined : value;
}

const NONE: readonly EventPart[] = [];

/** `failed`: its `if` cannot be evaluated within its budget. */
interface JudgedRule {
  rule: Rule;
  failed: boolean;
  /** What the run decides on. */
  deferred: DeferredCondition | null;
  lookUp: readonly EventPart[];
}

/** A rule that fails without running. It has no limits: it does nothing that they could count. */
function failedRule(rule: Rule): PlannedRule {
  return {
    name: rule.name,
    timezone: rule.timezone,
    country: rule.country,
    ...(rule.mode === 'shadow' ? { shadow: true as const } : {}),
    failure: {
      code: 'over_budget',
      message:
        'the conditions of the rule take too many steps on this event, alone or with those of the rules above it',
      remedy: STEP_ERRORS.over_budget.remedy,
    },
    steps: [],
  };
}

/** The form of a rule in a plan. */
export function plannedRule(rule: Rule): PlannedRule {
  const limited = rule.limits.cooldown !== null || rule.limits.max !== null;
  return {
    name: rule.name,
    timezone: rule.timezone,
    country: rule.country,
    ...(rule.mode === 'shadow' ? { shadow: true as const } : {}),
    ...(limited ? { limits: rule.limits } : {}),
    steps: [...rule.steps],
    ...(rule.names === undefined ? {} : { names: rule.names }),
  };
}

/**
 * A reply is an action whose retry budget counts from the event. A reply to an older event comes too late; the value is
 * the retry budget of replies.
 */
const LATE_REPLY_MS = 15 * 60_000;

/** The steps stay in the plan as skipped, so that the report shows them. */
function withoutReplies(rule: PlannedRule): PlannedRule {
  return { ...rule, steps: rule.steps.map((step) => (step.retry.from === 'event' ? { ...step, if: 'false' } : step)) };
}
