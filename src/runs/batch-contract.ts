/**
 * Inputs, results and reports of batches: one workflow `handleBatch` makes the first attempts of up to 50 events. Field
 * names are contracts: they are in the histories of open batches.
 */
import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { SearchAttributeName } from './names';
import type { EarlierRule, RunReport } from './run-contract';

/** Events of a batch. */
export const MAX_BATCH_EVENTS = 50;
/** Size of a {@link BatchInput} as JSON. Temporal refuses inputs over 2 MiB. */
export const MAX_BATCH_BYTES = 1024 * 1024;
/** Size of all event ids together, in UTF-8: they are one search attribute, for which Temporal accepts 2 KiB. */
export const MAX_BATCH_ID_BYTES = 1_900;

/** Input of workflow `handleBatch`. */
export interface BatchInput {
  /** Each plan once. */
  plans: Plan[];
  /** In the order of arrival. */
  events: BatchedEvent[];
  /** As in `RunInput`. */
  search_attributes: boolean;
}

/** An event of a batch. */
export interface BatchedEvent {
  event: CanonicalEvent;
  /** Position in `plans`. */
  plan: number;
  /** As in `RunInput`. */
  waited_ms: number;
  /** What the event's own run is started with, if it gets one. */
  labels: RunLabels;
}

/** What a run shows in Temporal's list of workflows. No personal data. */
export interface RunLabels {
  summary: string;
  attributes: Partial<Record<SearchAttributeName, string | string[]>>;
}

/** Argument of activity `batch.attempt`. */
export interface BatchAttemptInput {
  plans: Plan[];
  /** `age_ms`: time from the event's arrival until the activity was scheduled. */
  events: { event: CanonicalEvent; plan: number; age_ms: number }[];
  /** When the batch began (RFC 3339): when each of its steps began, the same on every attempt. */
  began_at: string;
}

/** Result of activity `batch.attempt`, and what its heartbeats carry of the events that have ended. */
export interface BatchAttemptResult {
  /** By the position of the event in the input. Events that are not there go on in their own runs as in a first run. */
  events: Record<number, AttemptedEvent>;
}

/**
 * How the attempt of one event ended: `over` when every step of it ended done or skipped, `own_run` when the event goes
 * on in its own run.
 */
export interface AttemptedEvent {
  end: 'over' | 'own_run';
  /** What was done of each rule, by name. */
  rules: Record<string, EarlierRule>;
}

/** Result of workflow `handleBatch`. */
export interface BatchReport {
  /** In the order of the input. */
  events: BatchedEnd[];
}

/** How one event's part in a batch ended. `own_run`: it goes on in the run whose workflow id is the event id. */
export type BatchedEnd = { event_id: string; end: 'over'; report: RunReport } | { event_id: string; end: 'own_run' };

/** Sinks of batches, as `RunSinks` of runs. */
export interface BatchSinks {
  runs: {
    /** The batch is ending. Called before Temporal records the end. */
    batchEnded(report: BatchReport): void;
  };
}

/**
 * Whether events with this plan may be handled in a batch: every rule has steps that are safe to repeat (or is in mode
 * shadow, in which nothing is done), and nothing to count, look up, decide or record before them.
 */
export function mayBeBatched(plan: Plan): boolean {
  return (
    plan.rules.length > 0 &&
    plan.rules.every(
      (rule) =>
        rule.failure === undefined &&
        rule.records === undefined &&
        rule.look_up === undefined &&
        rule.deferred === undefined &&
        rule.unless === undefined &&
        rule.limits === undefined &&
        (rule.shadow === true || rule.steps.every((step) => step.effect === 'repeatable')),
    )
  );
}
