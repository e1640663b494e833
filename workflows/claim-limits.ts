import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { STEP_ERRORS } from '../src/errors/step-errors';
import type { CLAIM_LIMITS } from '../src/runs/names';
import type { LimitsInput, LimitsResult, RuleReport } from '../src/runs/run-contract';
import { parseStepFailure } from './step-failure';

const ACTIVITY: typeof CLAIM_LIMITS = 'rules.claim_limits';
/** Too many claims are in force: the rule fails with what the activity says, not as if Temporal were away. */
const FULL: keyof typeof STEP_ERRORS = 'claims_full';
type ClaimActivity = Record<typeof ACTIVITY, (input: LimitsInput) => Promise<LimitsResult>>;

/** A rule whose limits cannot be claimed for this long fails. */
const CLAIM_WITHIN_MS = 900_000;
const ATTEMPT_MS = 10_000;

/**
 * Claims a rule's limits before its first step.
 *
 * @returns null when the rule may act; else its part of the report.
 * @throws only when the run is cancelled.
 */
export async function claimLimits(
  input: LimitsInput,
): Promise<Pick<RuleReport, 'outcome' | 'reason' | 'steps'> | null> {
  const summary = `${input.rule} › limits`;
  try {
    const result = await claim(input, summary);
    return result.within ? null : { outcome: 'skipped', reason: result.reason, steps: [] };
  } catch (error) {
    const failure = parseStepFailure(error);
    const unavailable = {
      class: 'transient' as const,
      code: 'limits_unavailable',
      message: 'Temporal did not answer the claim of the rule limits in time',
      remedy: null,
    };
    const isKnown = failure.class === 'permanent' || failure.code === FULL;
    const { class: errorClass, code, message, remedy } = isKnown ? failure : unavailable;
    const step = {
      step: 'limits',
      action: ACTIVITY,
      outcome: 'failed' as const,
      class: errorClass,
      code,
      message,
      remedy,
    };
    return { outcome: 'failed', steps: [step] };
  }
}

/** Tries a local activity first: it needs no round trip to Temporal. */
async function claim(input: LimitsInput, summary: string): Promise<LimitsResult> {
  const local = proxyLocalActivities<ClaimActivity>({
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
    const regular = proxyActivities<ClaimActivity>({
      startToCloseTimeout: ATTEMPT_MS,
      scheduleToCloseTimeout: CLAIM_WITHIN_MS,
      summary,
    });
    return regular[ACTIVITY](input);
  }
}
