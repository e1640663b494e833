/**
 * Inputs, results and reports of workflows and activities. Field names are contracts: they are in the histories of open
 * runs.
 */
import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonObject, JsonValue } from '../events/json';
import type { ErrorClass } from '../errors/step-errors';
import type { Release } from './parking-contract';
import type { NamedValues } from '../rules/language/named-values';
import type { DeferredCondition, Plan, PlannedLimits, PlannedStep, RuleFailure } from '../rules/plan';

/** Input of workflow `handleEvent`. */
export interface RunInput {
  event: CanonicalEvent;
  plan: Plan;
  /**
   * Time between the event's arrival and the start of its run, by the clock of the machine that received it, in
   * milliseconds. Absent in runs that earlier versions started.
   */
  waited_ms?: number;
  /** Whether the server has the bridge's search attributes; if not, the workflow sets none. */
  search_attributes: boolean;
  /**
   * What earlier runs of the event did, or the batch that made its first attempts. Absent in a first run that no batch
   * came before.
   */
  earlier?: EarlierRuns;
}

/** What earlier runs of the same event, or a batch, did. Rules that it does not name run as in a first run. */
export interface EarlierRuns {
  /** Workflow id of the run before, or of the batch. */
  run: string;
  /** By rule name. */
  rules: Record<string, EarlierRule>;
  /** What the run before looked up of the event's call: a retry uses it, so that its texts are the same. */
  calls?: JsonObject;
  /** What action keys begin with, when not the event id: the steps are then done anew, as for another event. */
  key?: string;
}

/** What earlier runs did of one rule. */
export interface EarlierRule {
  /** The rule's report, when nothing of it runs again. */
  stands?: RuleReport;
  /** Reports of steps that do not run again, by step id: later steps use their results. */
  steps: Record<string, StepReport>;
  /** What earlier attempts left, by step id, for the steps that run again. */
  attempts: Record<string, EarlierAttempts>;
  /** Whether the rule began to run: its limits are not counted, and what it read of the call not judged, again. */
  passed: boolean;
  /** As in {@link RuleReport}. */
  key?: string;
}

/** What earlier attempts of a step left. */
export interface EarlierAttempts {
  /** When the step began (RFC 3339): its texts are rendered as of then. */
  began_at: string;
  attempts: number;
  /** What the action saved last; null for nothing. */
  saved: JsonValue;
  /**
   * The failure of the last attempt, when a batch made it: the step goes on as after a failed first attempt of the run
   * itself, within the budget that began with the batch. Absent in a retry or rerun, which begins a budget of its own.
   */
  failed?: FailedAttempt;
}

/** Why an attempt in a batch failed. */
export interface FailedAttempt {
  class: ErrorClass;
  code: string;
  message: string;
  remedy: string | null;
  /** As in {@link StepFailureDetail}. */
  retry_after_ms: number | null;
}

/** Answer of the query for a run's report, of open and of closed runs. It holds the results, also when steps failed. */
export interface ReportSoFar {
  report: RunReport;
  /** The steps that have begun and not ended. In a closed run: those that were cut off. */
  under_way: { rule: string; step: string; began_at: string }[];
  /** What was looked up of the event's call; absent when nothing was, and in runs that earlier versions started. */
  calls?: JsonObject;
}

/** Argument of each action's activity. */
export interface StepInput {
  event: CanonicalEvent;
  /** What the run looked up of the event's call; absent when no rule needs it. See `eventWithFound`. */
  calls?: JsonObject;
  rule: string;
  timezone: string;
  country: string | null;
  /** What the texts of the rule use of lists, maps and windows. */
  names?: NamedValues;
  step: PlannedStep;
  /** Set for a rule in mode shadow: the step is rendered, and not executed. */
  shadow?: true;
  /** Results of the rule's earlier steps with outcome `done`, by step id. */
  steps: Record<string, JsonValue>;
  /** When the step began (RFC 3339), before its first attempt. */
  began_at: string;
  /** Set when the step's retry budget, counted from the event, expired before the step began: it fails. */
  too_late?: true;
  /** Attempts before this activity was scheduled. Attempts that a parked connection held back do not count. */
  earlier_attempts: number;
  /** What the action saved last in those attempts, if anything. */
  saved?: JsonValue;
  /** The release by a parked connection's queue that caused this attempt: it passes that connection's gate. */
  let_go?: Release;
  /** What the action key begins with, when not the event id (see {@link EarlierRuns}). */
  key?: string;
}

/** First detail of the ApplicationFailure of a failed attempt. The failure's `type` is the error class. */
export interface StepFailureDetail {
  connection: string;
  code: string;
  remedy: string | null;
  /** The provider's id of the request. */
  correlation_id: string | null;
  /**
   * The delay that the provider asks for. With class `credential`: how often a waiting step checks whether its queue
   * still exists.
   */
  retry_after_ms: number | null;
  /** Attempts of the step so far, with this one. Attempts that a parked connection held back do not count. */
  attempts: number;
  /** With class `credential`: what the action saved last, for the attempt after the step's release. Else null. */
  saved: JsonValue;
}

/** Result of an action's activity. */
export type StepResult = { outcome: 'done'; result: JsonObject } | { outcome: 'skipped'; reason: string };

/** One step in the report. Contains ids and texts of the bridge, and the result that later steps used. */
export type StepReport =
  | {
      step: string;
      action: string;
      outcome: 'done';
      result: JsonObject;
      /** When it began (RFC 3339): its texts were rendered as of then. Absent in reports of earlier versions. */
      began_at?: string;
    }
  | {
      step: string;
      action: string;
      outcome: 'skipped';
      reason: string;
      /** As above; only of a rule in mode shadow. */
      began_at?: string;
    }
  | {
      step: string;
      action: string;
      outcome: 'failed';
      class: ErrorClass;
      code: string;
      message: string;
      remedy: string | null;
      /** What a retry continues from. Absent when no attempt was made, and in reports of earlier versions. */
      earlier?: EarlierAttempts;
    };

/** Type of the ApplicationFailure that fails a run. Its first detail is the {@link RunReport}. */
export type RunFailureType = 'StepFailed';

/** Argument of activity `rules.decide`. */
export interface DecideInput {
  event: CanonicalEvent;
  calls: JsonObject;
  rules: { name: string; country: string | null; condition: DeferredCondition }[];
}

/** Whether a rule runs, whose conditions depend on the call. */
export type RuleDecision =
  { outcome: 'met' } | { outcome: 'not_met'; reason: string } | { outcome: 'failed'; failure: RuleFailure };

/** Argument of activity `rules.claim_limits`. */
export interface LimitsInput {
  event: CanonicalEvent;
  /** As in {@link StepInput}. */
  calls?: JsonObject;
  rule: string;
  timezone: string;
  limits: PlannedLimits;
}

/** Result of activity `rules.claim_limits`: whether the rule may act; if not, which limit is reached. */
export type LimitsResult = { within: true } | { within: false; reason: string };

/**
 * What one key admits until `ends_at` (epoch milliseconds), and the owners that it admitted, the latest last:
 * `[id, ends_at, owners]`. A fourth member is how many owners before those are counted and no longer known.
 */
export type ClaimEntry = [id: string, ends_at: number, owners: string[], counted?: number];

/** Input of workflow `keepClaims`: what it counted before it continued as new. */
export interface KeepClaimsInput {
  entries: ClaimEntry[];
}

/** One change in the argument of update `changeClaims`. `id` and `owner` are keyed hashes. */
export type ClaimChange =
  /** Admits `owner`, if the key has admitted fewer than `max`. The first claim opens the key for `keep_ms`. */
  | { do: 'claim'; id: string; owner: string; max: number; keep_ms: number }
  /** Takes the owner's claim back; no effect without one. */
  | { do: 'release'; id: string; owner: string };

/**
 * The answer to a change. `claimed`: the owner is admitted, by this claim or an earlier one; `held`: others are;
 * `full`: nothing is counted, because too many claims are in force.
 */
export type ClaimAnswer = 'claimed' | 'held' | 'full' | 'released';

/** Input of workflow `countLimit`. */
export interface CountLimitInput {
  max: number;
  /** How long the count is kept. Milliseconds. */
  keep_ms: number;
  /** Claims counted before the workflow continued as new. */
  owners: string[];
}

/** Argument of activity `opt_outs.record`. */
export interface RecordOptOutInput {
  /** The text, which asks for it. */
  event: CanonicalEvent;
  state: OptOutState;
}

/** `out`: no more texts; `in`: texts again. */
export type OptOutState = 'out' | 'in';

/**
 * Who is in or out since when, in epoch milliseconds: `[hash of the two numbers, at, state]`. A fourth member is when the
 * person last asked for that state again; absent when it asked once.
 */
export type OptOutEntry = [id: string, at: number, state: OptOutState, last?: number];

/** Input of workflow `keepOptOuts`: what it remembered before it continued as new. */
export interface KeepOptOutsInput {
  entries: OptOutEntry[];
}

/** Argument of update `changeOptOut`. */
export interface OptOutChange {
  /** Hashes of our number and the person's; the first one is the one asked for. */
  ids: string[];
  state: OptOutState;
  /** When the person asked for it, in epoch milliseconds. */
  at: number;
}

/** Input of workflow `holdCooldown`. */
export interface HoldCooldownInput {
  window_ms: number;
}

/** One rule in the report. */
export interface RuleReport {
  rule: string;
  outcome: Outcome;
  /** Why the rule did nothing: a limit, or a condition that the call, looked up, does not meet. */
  reason?: string;
  /** What the action keys of its steps begin with, when not the event id. Later runs continue with it. */
  key?: string;
  steps: StepReport[];
}

/**
 * Outcome of a rule or run. `done`: at least one step is done and none failed; `partial`: some are done, some failed;
 * `failed`: none is done, some failed; `skipped`: none is done, none failed.
 */
export type Outcome = 'done' | 'partial' | 'failed' | 'skipped';

/** The result of a run, also in the failure's details when a step failed. */
export interface RunReport {
  event_id: string;
  ruleset: string;
  outcome: Outcome;
  rules: RuleReport[];
  /**
   * What the run looked up of the event's call. Absent when it looked up nothing, when a step failed (it is personal
   * data, and failures are logged), and in reports of earlier versions.
   */
  calls?: JsonObject;
}

/**
 * Sinks: calls from a workflow to the worker that executes it. Temporal does not record them, and does not repeat them
 * in a replay.
 */
export interface RunSinks {
  runs: {
    /** The run is ending. Called before Temporal records the end. `failed`: whether any step failed. */
    ended(failed: boolean, report: RunReport): void;
  };
}
