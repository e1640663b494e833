import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonObject, JsonValue } from '../events/json';
import type { ErrorClass } from '../connectors/action-error';
import type { Plan, PlannedStep } from '../rules/plan';

/** Input of workflow `handleEvent`. */
export interface RunInput {
  event: CanonicalEvent;
  plan: Plan;
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
  /** Results of the rule's earlier steps that were done, by step id. */
  steps: Record<string, JsonValue>;
  /** How often this step was already handed to the provider with no answer (`ambiguous`), as far as the workflow knows. */
  ambiguous_tries: number;
}

/** What an action's activity returns. */
export type StepResult = { outcome: 'done'; result: JsonObject } | { outcome: 'skipped'; reason: string };

/** One step in the report. Holds ids and words of ours, plus the result that later steps used. */
export type StepReport =
  | { step: string; action: string; outcome: 'done'; result: JsonObject }
  | { step: string; action: string; outcome: 'skipped'; reason: string }
  | { step: string; action: string; outcome: 'failed'; class: ErrorClass; code: string; message: string; remedy: string | null };

/** One rule in the report. A rule is `done` when a step was done and none failed, `skipped` when nothing was done and nothing failed. */
export interface RuleReport {
  rule: string;
  outcome: Outcome;
  steps: StepReport[];
}

/** `done`: all that was to do; `partial`: some steps done, some failed; `failed`: none done, some failed; `skipped`: nothing to do. */
export type Outcome = 'done' | 'partial' | 'failed' | 'skipped';

/** The result of a run, also in the failure's details when a step failed. */
export interface RunReport {
  event_id: string;
  ruleset: string;
  outcome: Outcome;
  rules: RuleReport[];
}
