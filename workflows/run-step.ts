import { proxyActivities, proxyLocalActivities, sleep } from '@temporalio/workflow';
import type { ParkedStep, Release } from '../src/runs/parking-contract';
import type { EarlierAttempts, StepInput, StepReport, StepResult } from '../src/runs/run-contract';
import { stepKey, type ParkedSteps } from './parked-steps';
import { parseStepFailure, type StepFailure } from './step-failure';

/** An action's activity. It has the action's name, so the Temporal UI reads like the rule file. */
type StepActivity = (input: StepInput) => Promise<StepResult>;

/** The local attempt is short: a slow provider is called by a regular activity, which the Temporal UI shows. */
const LOCAL_ATTEMPT_MS = 10_000;
/** A worker that dies during an attempt is detected after this time. */
const HEARTBEAT_TIMEOUT_MS = 30_000;
const MIN_BUDGET_MS = 1_000;
/** How often a waiting step checks its queue when the failure does not say it. */
const CHECK_QUEUE_EVERY_MS = 600_000;

/**
 * Runs one step until it is done, skipped or failed.
 *
 * A repeatable action is tried once as a local activity (without round trips to Temporal). When that attempt fails with
 * class `transient`, a regular activity continues, with the step's retry budget. Other actions are regular activities
 * from the start, so that Temporal records every attempt before it is made. A step whose connection is parked waits,
 * within the same budget, until the connection's queue releases it. A step whose budget counts from the event, and
 * expired before the step began, fails at once.
 *
 * @param arrivedAt when the event arrived, by this run's clock, in epoch milliseconds.
 * @param earlier what attempts in an earlier run of the event left: the retry budget is a new one. After a failed attempt
 *   in a batch, the step goes on as after a failed local attempt: the budget is the one that began there.
 * @returns the step's report, also for a failed step.
 * @throws only when the run is cancelled.
 */
export async function runStep(
  input: Omit<StepInput, CarriedOver>,
  arrivedAt: number,
  parkedSteps: ParkedSteps,
  earlier?: EarlierAttempts,
): Promise<StepReport> {
  const { step, rule } = input;
  const now = Date.now();
  let failure = failureInBatch(earlier);
  const beganAt = failure === null || earlier === undefined ? now : Date.parse(earlier.began_at);
  const deadline = (step.retry.from === 'event' ? arrivedAt : beganAt) + step.retry.for_ms;
  const lastAttemptAt = deadline - MIN_BUDGET_MS;
  const summary = `${rule} › ${step.id}`;
  const describe = { step: step.id, action: step.action };
  let next: StepInput = {
    ...input,
    began_at: earlier?.began_at ?? new Date(beganAt).toISOString(),
    earlier_attempts: earlier?.attempts ?? 0,
    ...(earlier === undefined || earlier.saved === null ? {} : { saved: earlier.saved }),
  };
  if (failure === null && now > lastAttemptAt) {
    // Temporal was unavailable, or earlier steps took too long. The attempt still evaluates the step's condition: a step
    // that has nothing to do is skipped, not failed.
    return failTooLate(describe, { ...next, too_late: true }, summary);
  }
  let isLocal = step.effect === 'repeatable';
  for (;;) {
    if (failure === null) {
      try {
        parkedSteps.clearRelease(stepKey(rule, step.id));
        const result = await (isLocal ? runLocalActivity(next, summary) : runActivity(next, summary, deadline));
        return { ...describe, ...result, ...(isRendered(result, input) ? { began_at: next.began_at } : {}) };
      } catch (error) {
        failure = parseStepFailure(error);
      }
    }
    if (failure.class === 'credential') {
      const parked: ParkedStep = { rule, step: step.id, connection: failure.connection, code: failure.code };
      const waited = await parkedSteps.waitForRelease(
        parked,
        next.began_at,
        lastAttemptAt,
        failure.retryAfterMs ?? CHECK_QUEUE_EVERY_MS,
      );
      if (waited.end === 'budget_spent') {
        return failed(describe, failure, next);
      }
      next = carryOver(next, failure, waited.end === 'released' ? waited.release : null);
    } else {
      const waitMs = failure.retryAfterMs ?? step.retry.every_ms;
      if (!isLocal || failure.class !== 'transient' || Date.now() + waitMs > lastAttemptAt) {
        return failed(describe, failure, next);
      }
      await sleep(waitMs, { summary: `${summary}: retry after ${failure.code}` });
      next = carryOver(next, failure, null);
    }
    failure = null;
    isLocal = false;
  }
}

/** Whether a report says when the step began, so that what it sent, or would have sent, can be rendered again. */
function isRendered({ outcome }: StepResult, { shadow }: Pick<StepInput, 'shadow'>): boolean {
  return outcome === 'done' || shadow === true;
}

/** The failure of a step's first attempt, when a batch made it. */
function failureInBatch(earlier: EarlierAttempts | undefined): StepFailure | null {
  if (earlier?.failed === undefined) {
    return null;
  }
  const { class: errorClass, code, message, remedy, retry_after_ms: retryAfterMs } = earlier.failed;
  const { attempts, saved } = earlier;
  return { class: errorClass, connection: '', code, message, remedy, retryAfterMs, attempts, saved };
}

async function failTooLate(
  describe: { step: string; action: string },
  input: StepInput,
  summary: string,
): Promise<StepReport> {
  try {
    return { ...describe, ...(await runLocalActivity(input, summary)) };
  } catch (error) {
    return failed(describe, parseStepFailure(error), input);
  }
}

/** The fields of a step's input that change from one activity to the next. */
type CarriedOver = 'began_at' | 'earlier_attempts' | 'saved' | 'let_go' | 'too_late';

/** The input of the next activity, with what earlier attempts left. */
function carryOver({ let_go: _old, ...input }: StepInput, failure: StepFailure, release: Release | null): StepInput {
  return {
    ...input,
    earlier_attempts: failure.attempts ?? input.earlier_attempts + 1,
    ...(failure.saved === null ? {} : { saved: failure.saved }),
    ...(release === null ? {} : { let_go: release }),
  };
}

function runLocalActivity(input: StepInput, summary: string): Promise<StepResult> {
  const { step } = input;
  const activities = proxyLocalActivities<Record<string, StepActivity>>({
    startToCloseTimeout: Math.min(step.attempt_timeout_ms, LOCAL_ATTEMPT_MS),
    scheduleToCloseTimeout: LOCAL_ATTEMPT_MS * 2,
    retry: { maximumAttempts: 1 },
    summary,
  });
  return call(activities, input);
}

function runActivity(input: StepInput, summary: string, deadline: number): Promise<StepResult> {
  const { step } = input;
  const budget = Math.max(deadline - Date.now(), MIN_BUDGET_MS);
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

/** @param input of the last attempt. */
function failed(describe: { step: string; action: string }, failure: StepFailure, input: StepInput): StepReport {
  return {
    ...describe,
    outcome: 'failed',
    class: failure.class,
    code: failure.code,
    message: failure.message,
    remedy: failure.remedy,
    earlier: {
      began_at: input.began_at,
      attempts: failure.attempts ?? input.earlier_attempts + 1,
      saved: failure.saved ?? input.saved ?? null,
    },
  };
}
