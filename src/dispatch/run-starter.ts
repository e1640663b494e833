import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { ReportSoFar } from '../runs/run-contract';
import type { LaterRun } from '../runs/start-run';
import type { RunEnding } from './run-tracker';

/** What Temporal answered to a start. `refused`: it will never accept this run. */
export type StartResult =
  { outcome: 'started'; runId: string } | { outcome: 'exists' } | { outcome: 'refused'; reason: string };

/** Starts runs at Temporal, and waits for their end. */
export interface RunStarter {
  /** @throws when the start may succeed later (Temporal is not reachable). */
  start(event: CanonicalEvent, plan: Plan, later?: LaterRun & { workflowId: string }): Promise<StartResult>;
  /**
   * Starts one run for many events, in their order. `id` is its workflow id.
   * @throws as {@link start}.
   */
  startBatch(batch: { id: string; events: readonly { event: CanonicalEvent; plan: Plan }[] }): Promise<StartResult>;
  /**
   * Resolves when the run or batch has closed. A batch's report is a `BatchReport`.
   * @throws when Temporal does not answer, or when `signal` aborts first.
   */
  ended(workflowId: string, signal: AbortSignal): Promise<RunEnding>;
}

/** Asks runs what they did. */
export interface RunReports {
  /**
   * Asks a run, open or closed, for its report with the results of its steps. Null when Temporal does not have the run,
   * or no longer. @throws when Temporal or a worker does not answer.
   * @param eventId for a batch: the event whose part is asked for. Null when the batch did not complete it.
   */
  report(workflowId: string, eventId?: string): Promise<ReportSoFar | null>;
}
