import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ActivityFailure,
  defineQuery,
  isCancellation,
  proxyActivities,
  proxySinks,
  setCurrentDetails,
  setHandler,
  TimeoutFailure,
  upsertSearchAttributes,
  workflowInfo,
  type Sinks,
} from '@temporalio/workflow';
import type { Plan } from '../src/rules/plan';
import type {
  AttemptedEvent,
  BatchAttemptInput,
  BatchAttemptResult,
  BatchedEnd,
  BatchedEvent,
  BatchInput,
  BatchReport,
  BatchSinks,
} from '../src/runs/batch-contract';
import type { BATCH_ATTEMPT, RUN_REPORT, SearchAttributeName } from '../src/runs/names';
import type { EarlierRule, ReportSoFar, RunReport } from '../src/runs/run-contract';
import { startOwnRuns, type OwnRun } from './own-runs';
import { batchTable, outcomeOf } from './run-report';

const { runs } = proxySinks<BatchSinks & Sinks>();
const ATTEMPT: typeof BATCH_ATTEMPT = 'batch.attempt';
const REPORT: typeof RUN_REPORT = 'report';

/** The activity ends by itself within 30 s. */
const ATTEMPT_MS = 60_000;
/** A worker that dies is noticed after this time. The SDK passes heartbeats on after four fifths of it. */
const HEARTBEAT_TIMEOUT_MS = 15_000;
/** How often a batch is given to a worker. Then its events go on in their own runs. */
const ATTEMPTS = 3;
const RETRY_AFTER_MS = 1_000;

const { [ATTEMPT]: attemptBatch } = proxyActivities<
  Record<typeof ATTEMPT, (input: BatchAttemptInput) => Promise<BatchAttemptResult>>
>({
  startToCloseTimeout: ATTEMPT_MS,
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: { maximumAttempts: ATTEMPTS, initialInterval: RETRY_AFTER_MS },
  summary: 'first attempts of all steps',
});

/**
 * The report of one event's part, with the results of its steps; null for an event that went on in its own run, or is no
 * member. While the attempt is under way, and when it was cut off, all steps of an event count as under way.
 */
export const reportOfMember = defineQuery<ReportSoFar | null, [eventId?: string]>(REPORT);

const outcomeKey = defineSearchAttributeKey('BridgeOutcome' satisfies SearchAttributeName, SearchAttributeType.KEYWORD);

/**
 * Makes the first attempts of all steps of many events in one activity. An event whose steps all ended done or skipped is
 * over with that. Every other event goes on in its own run, `handleEvent` under its event id, with what was done.
 *
 * Guarantees: however the activity ends, each event is over or has its own run: this one's, or one that existed before.
 * The batch itself fails never; it can be cancelled or terminated by hand.
 */
export async function handleBatch(input: BatchInput): Promise<BatchReport> {
  const beganAt = new Date();
  const arrivedAt = ({ waited_ms }: BatchedEvent): number => workflowInfo().startTime.getTime() - waited_ms;
  const ends: BatchedEnd[] = [];
  setHandler(reportOfMember, (eventId) => memberReport(input, ends, beganAt, eventId));
  setCurrentDetails(batchTable(input.events.map(({ event }) => ({ event_id: event.event_id, end: null }))));
  const attempted = await attempt({
    plans: input.plans,
    events: input.events.map((batched) => ({
      event: batched.event,
      plan: batched.plan,
      age_ms: Math.max(0, beganAt.getTime() - arrivedAt(batched)),
    })),
    began_at: beganAt.toISOString(),
  });
  const own: OwnRun[] = [];
  input.events.forEach((batched, position) => {
    const plan = input.plans[batched.plan];
    if (plan === undefined) {
      return;
    }
    const { event_id } = batched.event;
    const { end, rules } = attempted[position] ?? attemptedOnly(plan, beganAt);
    if (end === 'over') {
      ends.push({ event_id, end, report: reportOf(event_id, plan, rules) });
    } else {
      ends.push({ event_id, end });
      own.push({ batched, plan, arrivedAt: arrivedAt(batched), rules });
    }
  });
  setCurrentDetails(batchTable(ends));
  await startOwnRuns(own, input.search_attributes);
  const report: BatchReport = { events: ends };
  if (input.search_attributes) {
    upsertSearchAttributes([{ key: outcomeKey, value: outcomeOf(stepsOf(ends)) }]);
  }
  runs.batchEnded(report);
  return report;
}

/** Makes the attempt. @throws only when the batch is cancelled. */
async function attempt(argument: BatchAttemptInput): Promise<BatchAttemptResult['events']> {
  try {
    return (await attemptBatch(argument)).events;
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) {
      throw error;
    }
    return lastHeartbeatOf(error)?.events ?? {};
  }
}

/** What the last attempt said of the events that had ended, before it was lost. */
function lastHeartbeatOf({ cause }: ActivityFailure): BatchAttemptResult | null {
  // The activity alone writes the details.
  return cause instanceof TimeoutFailure
    ? ((cause.lastHeartbeatDetails as BatchAttemptResult | undefined) ?? null)
    : null;
}

/** Of an event whose attempts were lost: each of its steps may have been attempted. */
function attemptedOnly(plan: Plan, beganAt: Date): AttemptedEvent {
  const began_at = beganAt.toISOString();
  return {
    end: 'own_run',
    rules: Object.fromEntries(
      plan.rules.map(({ name, steps }): [string, EarlierRule] => [
        name,
        {
          steps: {},
          attempts: Object.fromEntries(steps.map(({ id }) => [id, { began_at, attempts: ATTEMPTS, saved: null }])),
          passed: true,
        },
      ]),
    ),
  };
}

function reportOf(event_id: string, plan: Plan, done: Record<string, EarlierRule>): RunReport {
  const rules = plan.rules.map(({ name, steps }) => {
    const reports = steps.flatMap(({ id }) => done[name]?.steps[id] ?? []);
    return { rule: name, outcome: outcomeOf(reports), steps: reports };
  });
  return { event_id, ruleset: plan.ruleset, outcome: outcomeOf(rules.flatMap(({ steps }) => steps)), rules };
}

function stepsOf(ends: BatchedEnd[]): RunReport['rules'][number]['steps'] {
  return ends.flatMap((ended) => (ended.end === 'over' ? ended.report.rules.flatMap(({ steps }) => steps) : []));
}

function memberReport(
  { events, plans }: BatchInput,
  ends: BatchedEnd[],
  beganAt: Date,
  eventId: string | undefined,
): ReportSoFar | null {
  const ended = ends.find(({ event_id }) => event_id === eventId);
  if (ended !== undefined) {
    return ended.end === 'over' ? { report: ended.report, under_way: [] } : null;
  }
  const plan = plans[events.find(({ event }) => event.event_id === eventId)?.plan ?? -1];
  if (plan === undefined || eventId === undefined) {
    return null;
  }
  const began_at = beganAt.toISOString();
  return {
    report: reportOf(eventId, plan, {}),
    under_way: plan.rules.flatMap(({ name, steps }) => steps.map(({ id }) => ({ rule: name, step: id, began_at }))),
  };
}
