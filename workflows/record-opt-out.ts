import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { RECORD_OPT_OUT } from '../src/runs/names';
import type { RecordOptOutInput, StepReport, StepResult } from '../src/runs/run-contract';
import { parseStepFailure } from './step-failure';

const ACTIVITY: typeof RECORD_OPT_OUT = 'opt_outs.record';
type RecordActivity = Record<typeof ACTIVITY, (input: RecordOptOutInput) => Promise<StepResult>>;

const ATTEMPT_MS = 10_000;
/** As long as Temporal keeps the event, it is worth trying: a person must not be texted. */
const RECORD_WITHIN_MS = 7 * 24 * 3_600_000;

/**
 * Records that the sender of a text wants no more texts, or texts again.
 *
 * @returns the report of the step, also when it failed.
 * @throws only when the run is cancelled.
 */
export async function recordOptOut(input: RecordOptOutInput): Promise<StepReport> {
  const summary = input.state === 'out' ? 'opt-out' : 'opt-in';
  const describe = { step: 'record', action: ACTIVITY };
  try {
    return { ...describe, ...(await record(input, summary)) };
  } catch (error) {
    const { class: errorClass, code, message, remedy } = parseStepFailure(error);
    return { ...describe, outcome: 'failed', class: errorClass, code, message, remedy };
  }
}

/** Tries a local activity first: it needs no round trip to Temporal. */
async function record(input: RecordOptOutInput, summary: string): Promise<StepResult> {
  const local = proxyLocalActivities<RecordActivity>({
    startToCloseTimeout: ATTEMPT_MS,
    scheduleToCloseTimeout: ATTEMPT_MS * 2,
    retry: { maximumAttempts: 1 },
    summary,
  });
  try {
    return await local[ACTIVITY](input);
  } catch (error) {
    if (parseStepFailure(error).class === 'permanent') {
      throw error;
    }
    const regular = proxyActivities<RecordActivity>({
      startToCloseTimeout: ATTEMPT_MS,
      scheduleToCloseTimeout: RECORD_WITHIN_MS,
      retry: { maximumInterval: 60_000 },
      summary,
    });
    return regular[ACTIVITY](input);
  }
}
