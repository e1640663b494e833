import { z } from 'zod';
import type { LaterRunKind } from '../dispatch/later-runs';
import { ERROR_CLASSES } from '../errors/step-errors';

const name = z.string().min(1).max(200);
const instant = z.iso.datetime({ offset: true });

/** Which events an operation is for: those named, or those that pass the filter. */
const selection = {
  events: z.array(name).min(1).max(10_000).optional(),
  since: instant.optional(),
  until: instant.optional(),
  type: name.optional(),
  rule: name.optional(),
};

/** Stands for every step of the selection where steps that may have happened are named. */
export const EVERY_STEP = '*';

/**
 * Steps (`<rule>/<step>`, or {@link EVERY_STEP}) that may have happened and are done all the same. Only with `events`, or
 * with `rule` and `since`.
 */
const ambiguous = z.array(name).max(100).default([]);

/** What `events retry` asks for. */
export const retryRequest = z.strictObject({
  ...selection,
  step: name.optional(),
  /** The connector of the step's action: `hubspot`. */
  connection: name.optional(),
  class: z.enum(ERROR_CLASSES).optional(),
  ambiguous,
  /** Also steps whose time is over: replies that are no longer due. */
  late: z.boolean().default(false),
});
export type RetryRequest = z.infer<typeof retryRequest>;

/** What `events rerun` asks for. */
export const rerunRequest = z.strictObject({
  ...selection,
  /** Do again what the rules have done for the event already. Only with a single event. */
  again: z.boolean().default(false),
  /** Only events with a failed step that is not mended. */
  failed: z.boolean().default(false),
  ambiguous,
  late: z.boolean().default(false),
});
export type RerunRequest = z.infer<typeof rerunRequest>;

/** Why a part of the selected events is not in the plan, with the words that the operator sees. */
export const LEFT_OUT = {
  ambiguous: 'may have happened already: look at the provider; --ambiguous does it all the same',
  too_late: 'came too late and would be later still: --late does it all the same',
  condition_failed: "the rule's condition could not be evaluated: correct the rule, then use events rerun",
  running: 'its run has not ended yet',
  in_another_job: 'another job has it',
  refused: 'Temporal refused its run (too large), and would refuse it again',
  no_rule: 'no rule in force matches it, or not the one of --rule',
  already_done: 'the rules have done it already',
  by_twin: 'the rule acted on the same message, which came as another event too',
  not_failed: 'nothing of it failed',
  forgotten: 'its content was removed (bridge forget)',
} as const;
export type LeftOut = keyof typeof LEFT_OUT;

/** What a job would do, or does: shown before anything is done. */
export interface JobPlan {
  events: number;
  /** Rule names with the number of their events. */
  rules: Record<string, number>;
  /** Action names with the number of steps. */
  steps: Record<string, number>;
  /** Effects by their unit (`text`, `mail`, `post`, `CRM write`, `request`) with their number: at most so many. */
  effects: Record<string, number>;
  /** How many of the steps may have happened already; absent when none. */
  may_have_happened?: number;
  /** What is not done, by reason. Counted in steps for a retry, in events or rules for a rerun. */
  left_out: Partial<Record<LeftOut, number>>;
  /** The first events, the oldest first. */
  sample: string[];
  /** Whether more events were selected than one job takes. */
  cut: boolean;
}

/** `planned`: not confirmed. `expired`: never confirmed. `running` ends as `done`, or as `cancelled`. */
export type JobState = 'planned' | 'expired' | 'running' | 'done' | 'cancelled';

/** A job, as the CLI and the API show it. */
export interface Job {
  id: string;
  kind: LaterRunKind;
  state: JobState;
  /** Who asked for it. */
  who: string;
  created_at: string;
  confirmed_at: string | null;
  cancelled_at: string | null;
  request: RetryRequest | RerunRequest;
  plan: JobPlan;
  progress: JobProgress;
}

/** How far a job is. */
export interface JobProgress {
  total: number;
  /** Runs that have been started and not ended. */
  under_way: number;
  /** Runs that have ended, by outcome. */
  ended: Record<string, number>;
}
