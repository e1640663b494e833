import { isCancellation, proxyActivities, proxyLocalActivities, TemporalFailure } from '@temporalio/workflow';
import type { CLAIM_LIMITS } from '../src/runs/names';
import type { LimitsInput, LimitsResult, RuleReport } from '../src/runs/run-contract';

const ACTIVITY: typeof CLAIM_LIMITS = 'rules.claim_limits';
type ClaimActivity = Record<typeof ACTIVITY, (input: LimitsInput) => Promise<LimitsResult>>;

/** A rule whose limit cannot be asked for this long does not act. */
const ASK_FOR_MS = 900_000;
const ATTEMPT_MS = 10_000;

/**
 * Counts a rule against its limits before it acts.
 *
 * @returns null when it may act; else what the report says of the rule. Never throws but for cancellation.
 */
export async function claimLimits(
  input: LimitsInput,
): Promise<Pick<RuleReport, 'outcome' | 'reason' | 'steps'> | null> {
  const summary = `${input.rule} › limits`;
  try {
    const result = await tryLocally(input, summary);
    return result.within ? null : { outcome: 'skipped', reason: result.reason, steps: [] };
  } catch (error) {
    if (isCancellation(error) || !(error instanceof TemporalFailure)) {
      throw error;
    }
    const step = {
      step: 'limits',
      action: ACTIVITY,
      outcome: 'failed' as const,
      class: 'transient' as const,
      code: 'limits_unavailable',
      message: 'the limits of the rule could not be asked of Temporal',
      remedy: null,
    };
    return { outcome: 'failed', steps: [step] };
  }
}

async function tryLocally(input: LimitsInput, summary: string): Promise<LimitsResult> {
  const local = proxyLocalActivities<ClaimActivity>({
    startToCloseTimeout: ATTEMPT_MS,
    scheduleToCloseTimeout: ATTEMPT_MS * 2,
    retry: { maximumAttempts: 1 },
    summary,
  });
  try {
    return await local[ACTIVITY](input);
  } catch (error) {
    if (isCancellation(error) || !(error instanceof TemporalFailure)) {
      throw error;
    }
    const regular = proxyActivities<ClaimActivity>({
      startToCloseTimeout: ATTEMPT_MS,
      scheduleToCloseTimeout: ASK_FOR_MS,
      summary,
    });
    return regular[ACTIVITY](input);
  }
}
