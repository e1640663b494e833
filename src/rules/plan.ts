import type { EventPart } from '../events/canonical-event';
import type { JsonObject } from '../events/json';
import type { Effect } from '../connectors/connector';
import type { NamedValues } from './language/named-values';
import type { Test } from './language/operators';

/**
 * What a workflow run does, fixed when the event is matched: later changes of the rules do not affect it. Plain JSON,
 * because it is part of the workflow's input.
 */
export interface Plan {
  /** Hash of the rule set that made this plan (12 hex characters). */
  ruleset: string;
  rules: PlannedRule[];
}

/** One matched rule, or one that could not be judged. The rules of a plan run in parallel. */
export interface PlannedRule {
  name: string;
  /**
   * Why the rule fails without running: its `if` could not be evaluated for this event. It has no steps then. Absent for
   * a rule that matched.
   */
  failure?: RuleFailure;
  /** IANA time zone of dates in templates. */
  timezone: string;
  /**
   * ISO 3166-1 alpha-2 country of phone numbers without a country code; null when the rule file names none.
   */
  country: string | null;
  /** True in shadow mode: the steps are rendered and reported, not run. Absent for a live rule. */
  shadow?: true;
  /**
   * A rule of the bridge's own, without steps: the run records that the sender of its text wants no more texts
   * (`opt_out`), or texts again (`opt_in`). Absent for the rules of the files.
   */
  records?: 'opt_out' | 'opt_in';
  /**
   * The parts of the event that the rule reads, that were unknown when it was matched, and that VoIPBIN may know: the run
   * looks them up first. Absent when there are none.
   */
  look_up?: readonly EventPart[];
  /** What the call has to meet when it is looked up, for the rule to run. Absent when all conditions are met. */
  deferred?: DeferredCondition;
  /** Names of rules above with `stop` and a deferred condition: if one of them runs, this rule does not. */
  unless?: readonly string[];
  /** How often the rule may run; absent without limits. Counted before its first step. */
  limits?: PlannedLimits;
  steps: PlannedStep[];
  /** What the texts and conditions of its steps use of lists, maps and windows; absent when they use nothing. */
  names?: NamedValues;
}

/**
 * What is left of a rule's conditions while parts of the event are unknown. Plain JSON: it travels in the plan, and the
 * worker evaluates it when the call is looked up, whichever rules it has itself.
 */
export type DeferredCondition =
  | { field: string; test: Test }
  | { cel: string; names?: NamedValues }
  | { all: DeferredCondition[] }
  | { any: DeferredCondition[] }
  | { not: DeferredCondition };

/** Reported as the failure of a step `if`. Contains no data of the event. */
export interface RuleFailure {
  code: 'over_budget';
  message: string;
  remedy: string;
}

/**
 * `cooldown: 10m per peer.number`, `max: 200 per day`. `per` is a field of the event; null counts all events of the
 * rule together.
 */
export interface PlannedLimits {
  cooldown: { window_ms: number; per: string | null } | null;
  max: { count: number; every: 'minute' | 'hour' | 'day'; per: string | null } | null;
}

/** One action of a rule. A rule's steps run in order. */
export interface PlannedStep {
  /** `id:` in the rule file, or `<action>#<n>` (1-based position) where it has none. */
  id: string;
  /** `hubspot.log_call`: also the Temporal activity type. */
  action: string;
  effect: Effect;
  /** The inputs as written: texts are Liquid templates, not rendered yet. */
  input: JsonObject;
  /** CEL condition on the event and results of earlier steps; absent when there is none. */
  if?: string;
  /** Whether the later steps of the rule are skipped or run when the step fails. */
  on_error: 'stop' | 'continue';
  retry: RetryBudget;
  /** The timeout of one attempt. */
  attempt_timeout_ms: number;
}

/** How long and how often a step is retried after a temporary failure, in milliseconds. */
export interface RetryBudget {
  /** The whole budget, from the start of the step or from the arrival of the event (`from`). */
  for_ms: number;
  /** `event` when the budget counts from the arrival of the event; absent when it counts from the start of the step. */
  from?: 'event';
  /** The wait before the first retry; it doubles with each retry. */
  every_ms: number;
  /** The longest wait between two attempts. */
  max_every_ms: number;
}
