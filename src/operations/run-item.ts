import type { RunReports } from '../dispatch/run-starter';
import type { CanonicalEvent } from '../events/canonical-event';
import { readsResults } from '../rules/language/references';
import type { Plan } from '../rules/plan';
import { FORGOTTEN_CONTENT_TYPE } from '../inbox/stored-event';
import { isBatchId, laterRunId } from '../runs/names';
import type { EarlierRuns } from '../runs/run-contract';
import {
  asRecorded,
  firedByTwin,
  historyOf,
  planOf,
  type Records,
  type RunOfEvent,
  type RunOfJob,
} from './event-history';
import type { RetryRequest } from './job';
import { choiceOf } from './plan-job';
import { leftToRerun, leftToRetry, type EarlierRun } from './what-is-left';

/** What one event of a job is run with, or why it is not. */
export type ItemToRun =
  | { event: CanonicalEvent; plan: Plan; earlier: EarlierRuns; late: boolean }
  | { refused: 'nothing' | 'impossible'; reason: string };

/**
 * What is left to do of one event of a job now, with the results of its earlier runs, which Temporal is asked for.
 *
 * @throws when Temporal or a worker does not answer.
 */
export async function remainingNow(
  records: Records,
  reports: RunReports,
  run: RunOfJob,
  request: RetryRequest & { again: boolean },
): Promise<ItemToRun> {
  const history = historyOf(records, run.event_id);
  if (history === null) {
    return { refused: 'impossible', reason: 'the inbox no longer has the event' };
  }
  const { stored } = history;
  if (stored.content_type === FORGOTTEN_CONTENT_TYPE) {
    return { refused: 'impossible', reason: 'its content was removed (bridge forget)' };
  }
  const runs = history.runs.filter(({ number }) => number < run.number);
  const plan = planOf(run, stored);
  if (plan === null) {
    return { refused: 'impossible', reason: 'the event had nothing to do' };
  }
  const moments = { receivedAt: new Date(stored.event.received_at), now: new Date() };
  const choice = choiceOf(request);
  const earlierRuns: EarlierRun[] = [];
  for (const earlier of run.kind === 'retry' ? runs.slice(-1) : runs) {
    const known = request.again ? asRecorded(earlier) : await withResults(run.event_id, earlier, plan, reports);
    if (known === null) {
      return {
        refused: 'impossible',
        reason:
          'Temporal has deleted the earlier run, and with it the results that the steps left to do would use; events rerun --again does all of it anew',
      };
    }
    earlierRuns.push(known);
  }
  const last = earlierRuns.at(-1);
  if (run.kind === 'retry' && last === undefined) {
    return { refused: 'impossible', reason: 'the run log no longer has its earlier run' };
  }
  const remaining =
    run.kind === 'retry' && last !== undefined
      ? leftToRetry(plan, last, choice, moments)
      : leftToRerun(plan, earlierRuns, { ...choice, again: request.again }, firedByTwin(records, stored), moments);
  if (remaining.steps.length === 0) {
    return { refused: 'nothing', reason: 'nothing is left to do' };
  }
  return {
    event: stored.event,
    plan,
    late: request.late,
    earlier: {
      run: runs.at(-1)?.workflowId ?? run.event_id,
      rules: remaining.rules,
      ...(run.kind === 'retry' && last?.calls !== undefined ? { calls: last.calls } : {}),
      ...(request.again ? { key: laterRunId(run.event_id, run.number) } : {}),
    },
  };
}

/**
 * @param plan what is run now: its steps may use the results.
 * @returns null when results that may be needed are gone.
 */
async function withResults(
  eventId: string,
  run: RunOfEvent,
  plan: Plan,
  reports: RunReports,
): Promise<EarlierRun | null> {
  const isInBatch = isBatchId(run.workflowId);
  const answer = await reports.report(run.workflowId, isInBatch ? eventId : undefined);
  if (answer !== null) {
    const isComplete = run.rules !== null;
    return {
      rules: answer.report.rules,
      cutOff: isComplete ? [] : answer.under_way,
      isComplete,
      ...(answer.calls === undefined ? {} : { calls: answer.calls }),
    };
  }
  if (run.rules === null && isInBatch) {
    // The batch was cut off before the event was over. All of its steps are safe to repeat.
    return { rules: [], cutOff: [], isComplete: false };
  }
  if (run.rules === null) {
    return null;
  }
  const usesResults = plan.rules.some(({ steps }) => steps.some(readsResults));
  return usesResults && run.rules.some(({ steps }) => steps.some(({ outcome }) => outcome === 'done'))
    ? null
    : { rules: run.rules, cutOff: [], isComplete: true };
}
