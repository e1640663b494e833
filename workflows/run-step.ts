import { DefaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import {
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { ErrorClass } from '../src/connectors/action-error';
import type { JsonValue } from '../src/events/json';
import type { GoOn, ParkedStep } from '../src/runs/parking-contract';
import type { StepFailureDetail, StepInput, StepReport, StepResult } from '../src/runs/run-contract';
import { stepKey, type ParkedSteps } from './parked-steps';

/** The activity of an action; registered under the action's name, so that the Temporal UI reads like the rule file. */
type StepActivity = (input: StepInput) => Promise<StepResult>;

/**
 * The first, local attempt is kept short: a provider that hangs goes on as a regular activity, where it can be seen.
 */
const LOCAL_ATTEMPT_MS = 10_000;
/** A worker that dies in the middle of an attempt is noticed after this long. */
const HEARTBEAT_TIMEOUT_MS = 30_000;
const SHORTEST_BUDGET_MS = 1_000;
/** Where the failure does not say how often a waiting step asks after its line. */
const ASK_AFTER_LINE_MS = 600_000;

const failureConverter = new DefaultFailureConverter();

interface StepFailure {
  class: ErrorClass;
  /** The connection that failed; empty when no attempt came to an end. */
  connection: string;
  code: string;
  message: string;
  remedy: string | null;
  retryAfterMs: number | null;
  /** Null where the attempt itself could not tell. */
  attempts: number | null;
  saved: JsonValue;
}

/**
 * Runs one step to its end: done, skipped, or failed with its class; failed at once where its budget counts from the
 * event and is over.
 *
 * A repeatable action is tried once as a local activity (no round trips to Temporal) and goes on as a regular activity,
 * with its retry budget, when that attempt fails in passing. Others are regular activities from the start, so that
 * every attempt is recorded before it is made. A step whose connection is parked waits, within the same budget, until
 * the connection's line lets it go.
 *
 * @param arrivedAt when the event came, by this run's clock. Epoch milliseconds.
 *
 * Never throws for a failed step; throws only when the run is cancelled.
 */
export async function runStep(
  input: Omit<StepInput, Carried>,
  arrivedAt: number,
  parkedSteps: ParkedSteps,
): Promise<StepReport> {
  const { step, rule } = input;
  const began = Date.now();
  const ends = (step.retry.from === 'event' ? arrivedAt : began) + step.retry.for_ms;
  const until = ends - SHORTEST_BUDGET_MS;
  const summary = `${rule} › ${step.id}`;
  const describe = { step: step.id, action: step.action };
  let next: StepInput = { ...input, began_at: new Date(began).toISOString(), earlier_attempts: 0 };
  if (began > until) {
    // Temporal was away, or earlier steps took so long. Only the attempt itself finds out whether there is anything to
    // do at all.
    return tooLate(describe, { ...next, too_late: true }, summary);
  }
  let locally = step.effect === 'repeatable';
  for (;;) {
    try {
      parkedSteps.forgetWord(stepKey(rule, step.id));
      return { ...describe, ...(await (locally ? runLocally(next, summary) : runDurably(next, summary, ends))) };
    } catch (error) {
      const failure = classify(error);
      if (failure.class === 'credential') {
        const parked: ParkedStep = { rule, step: step.id, connection: failure.connection, code: failure.code };
        const waited = await parkedSteps.waitInLine(
          parked,
          next.began_at,
          until,
          failure.retryAfterMs ?? ASK_AFTER_LINE_MS,
        );
        if (waited.end === 'budget_spent') {
          return failed(describe, failure);
        }
        next = carryOver(next, failure, waited.end === 'let_go' ? waited.word : null);
      } else {
        const wait = failure.retryAfterMs ?? step.retry.every_ms;
        if (!locally || failure.class !== 'transient' || Date.now() + wait > until) {
          return failed(describe, failure);
        }
        await sleep(wait, { summary: `${summary}: again after ${failure.code}` });
        next = carryOver(next, failure, null);
      }
      locally = false;
    }
  }
}

async function tooLate(
  describe: { step: string; action: string },
  input: StepInput,
  summary: string,
): Promise<StepReport> {
  try {
    return { ...describe, ...(await runLocally(input, summary)) };
  } catch (error) {
    return failed(describe, classify(error));
  }
}

/** What of a step's input is not the caller's to say: it changes from activity to activity. */
type Carried = 'began_at' | 'earlier_attempts' | 'saved' | 'let_go' | 'too_late';

/** The next activity's input: it knows of the attempts that were made before. */
function carryOver({ let_go: _old, ...input }: StepInput, failure: StepFailure, word: GoOn | null): StepInput {
  return {
    ...input,
    earlier_attempts: failure.attempts ?? input.earlier_attempts + 1,
    ...(failure.saved === null ? {} : { saved: failure.saved }),
    ...(word === null ? {} : { let_go: word }),
  };
}

function runLocally(input: StepInput, summary: string): Promise<StepResult> {
  const { step } = input;
  const activities = proxyLocalActivities<Record<string, StepActivity>>({
    startToCloseTimeout: Math.min(step.attempt_timeout_ms, LOCAL_ATTEMPT_MS),
    scheduleToCloseTimeout: LOCAL_ATTEMPT_MS * 2,
    retry: { maximumAttempts: 1 },
    summary,
  });
  return call(activities, input);
}

function runDurably(input: StepInput, summary: string, ends: number): Promise<StepResult> {
  const { step } = input;
  const budget = Math.max(ends - Date.now(), SHORTEST_BUDGET_MS);
  const activities = proxyActivities<Record<string, StepActivity>>({
    startToCloseTimeout: step.attempt_timeout_ms,
    scheduleToCloseTimeout: budget,
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    retry: { initialInterval: step.retry.every_ms, backoffCoefficient: 2, maximumInterval: step.retry.max_every_ms },
    summary,
  });
  return call(activities, input);
}

function call(activities: Record<string, StepActivity>, input: StepInput): Promise<StepResult> {
  const activity = activities[input.step.action];
  if (activity === undefined) {
    throw new TypeError(`no activity for ${input.step.action}`);
  }
  return activity(input);
}

/** Reads the class and details of what an activity threw. Rethrows cancellation, and errors that are no activity's. */
function classify(error: unknown): StepFailure {
  if (isCancellation(error) || !(error instanceof TemporalFailure)) {
    throw error;
  }
  const cause = applicationFailureIn(error);
  if (cause === undefined) {
    const code = error instanceof TimeoutFailure || error.cause instanceof TimeoutFailure ? 'timeout' : 'unknown';
    return { ...readDetail(undefined), class: 'transient', code, message: 'the step did not finish in time' };
  }
  return { ...readDetail(cause.details?.[0]), class: errorClass(cause.type), message: cause.message };
}

/**
 * The failure that the action itself threw. A regular activity wraps it and a local one does not. One that ran out of
 * time between two attempts is a time-out; the server gives the last attempt's failure as its cause, which the SDK
 * keeps only in the undecoded failure.
 */
function applicationFailureIn(error: TemporalFailure): ApplicationFailure | undefined {
  for (let cause: unknown = error, depth = 0; cause instanceof TemporalFailure && depth < 5; depth += 1) {
    if (cause instanceof ApplicationFailure) {
      return cause;
    }
    const undecoded = cause.failure?.cause;
    cause =
      cause.cause ?? (undecoded ? failureConverter.failureToError(undecoded, defaultPayloadConverter) : undefined);
  }
  return undefined;
}

function readDetail(detail: unknown): Omit<StepFailure, 'class' | 'message'> {
  const found: Partial<Record<keyof StepFailureDetail, JsonValue>> =
    typeof detail === 'object' && detail !== null ? detail : {};
  return {
    connection: typeof found.connection === 'string' ? found.connection : '',
    code: typeof found.code === 'string' ? found.code : 'unknown',
    remedy: typeof found.remedy === 'string' ? found.remedy : null,
    retryAfterMs: typeof found.retry_after_ms === 'number' ? found.retry_after_ms : null,
    attempts: typeof found.attempts === 'number' ? found.attempts : null,
    saved: found.saved ?? null,
  };
}

function errorClass(type: string | undefined | null): ErrorClass {
  return type === 'permanent' || type === 'credential' || type === 'ambiguous' ? type : 'transient';
}

function failed(describe: { step: string; action: string }, failure: StepFailure): StepReport {
  return {
    ...describe,
    outcome: 'failed',
    class: failure.class,
    code: failure.code,
    message: failure.message,
    remedy: failure.remedy,
  };
}
