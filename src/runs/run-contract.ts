import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonObject, JsonValue } from '../events/json';
import type { ErrorClass } from '../connectors/action-error';
import type { GoOn } from './parking-contract';
import type { Plan, PlannedLimits, PlannedStep } from '../rules/plan';

/** Input of workflow `handleEvent`. */
export interface RunInput {
  event: CanonicalEvent;
  plan: Plan;
  /**
   * How long the event had waited when its run was started, by the clock of the machine that received it; absent in
   * runs of earlier bridges. Milliseconds.
   */
  waited_ms?: number;
  /** False where the server has no such search attributes; the workflow then sets none. */
  search_attributes: boolean;
}

/** Argument of every action's activity. */
export interface StepInput {
  event: CanonicalEvent;
  rule: string;
  timezone: string;
  country: string | null;
  step: PlannedStep;
  /** Whether the rule is in shadow: everything but the effect. */
  shadow?: true;
  /** Results of the rule's earlier steps that were done, by step id. */
  steps: Record<string, JsonValue>;
  /** When the step began (RFC 3339), before its first attempt. */
  began_at: string;
  /** Set when the step's budget, which counts from the event, was over before it began: it is not done any more. */
  too_late?: true;
  /** Attempts made before this activity was scheduled; those that a parked connection held back do not count. */
  earlier_attempts: number;
  /** What the action saved last in those attempts, where it saved anything. */
  saved?: JsonValue;
  /** The word of a parked connection's line on which this attempt is made: it passes that connection's gate. */
  let_go?: GoOn;
}

/** First detail of the ApplicationFailure that a failed attempt throws; its `type` is the error class. */
export interface StepFailureDetail {
  connection: string;
  code: string;
  remedy: string | null;
  /** The provider's own id for the request. */
  correlation_id: string | null;
  /**
   * The delay that the provider asks for; of class `credential`, after how long a waiting step asks whether its line is
   * still there.
   */
  retry_after_ms: number | null;
  /** Attempts of the step so far, this one included; those that a parked connection held back do not count. */
  attempts: number;
  /**
   * Of class `credential`: what the action saved last, for the attempt that is made when the connection works again.
   */
  saved: JsonValue;
}

/** What an action's activity returns. */
export type StepResult = { outcome: 'done'; result: JsonObject } | { outcome: 'skipped'; reason: string };

/** One step in the report. Holds ids and words of ours, plus the result that later steps used. */
export type StepReport =
  | { step: string; action: string; outcome: 'done'; result: JsonObject }
  | { step: string; action: string; outcome: 'skipped'; reason: string }
  | {
      step: string;
      action: string;
      outcome: 'failed';
      class: ErrorClass;
      code: string;
      message: string;
      remedy: string | null;
    };

/** Type of the ApplicationFailure that fails a run; its first detail is the {@link RunReport}. */
export type RunFailureType = 'StepFailed';

/** Argument of the activity that claims a rule's limits. */
export interface LimitsInput {
  event: CanonicalEvent;
  rule: string;
  timezone: string;
  limits: PlannedLimits;
}

/** What that activity returns: whether the rule may act, and else which limit is reached. */
export type LimitsResult = { within: true } | { within: false; reason: string };

/** Input of workflow `countLimit`. */
export interface CountLimitInput {
  max: number;
  /** How long the count is kept. */
  keep_ms: number;
  /** Who was counted before the workflow continued as new. */
  owners: string[];
}

/** Input of workflow `holdCooldown`. */
export interface HoldCooldownInput {
  window_ms: number;
}

/**
 * One rule in the report. A rule is `done` when a step was done and none failed, `skipped` when nothing was done and
 * nothing failed.
 */
export interface RuleReport {
  rule: string;
  outcome: Outcome;
  /** Why the rule did nothing, when that was not for its steps to say: a limit. */
  reason?: string;
  steps: StepReport[];
}

/**
 * `done`: all that was to do; `partial`: some steps done, some failed; `failed`: none done, some failed; `skipped`:
 * nothing to do.
 */
export type Outcome = 'done' | 'partial' | 'failed' | 'skipped';

/** The result of a run, also in the failure's details when a step failed. */
export interface RunReport {
  event_id: string;
  ruleset: string;
  outcome: Outcome;
  rules: RuleReport[];
}

/**
 * What a run tells the worker that it runs in (Temporal calls this a sink): not recorded, and not told again when the
 * run is replayed.
 */
export interface RunSinks {
  runs: {
    /** It has come to its end; whether any step failed, and the report. Temporal has yet to record it. */
    ended(failed: boolean, report: RunReport): void;
  };
}
