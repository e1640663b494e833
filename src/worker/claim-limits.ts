import { asApplicationFailure, leftOutFailure } from '../../activities/step-error';
import { eventWithFound } from '../events/complete-event';
import type { NumberLookup } from '../events/direction';
import { LeftOutError } from '../events/left-out';
import type { TemporalLimits } from '../runs/limits';
import type { LimitsInput, LimitsResult } from '../runs/run-contract';

/**
 * Makes the activity that counts an event against the limits of a rule. A limit per a part that was left out of the
 * run's input fails without a retry.
 */
export function claimLimits(
  limits: Pick<TemporalLimits, 'claim'>,
  ours: NumberLookup,
): (input: LimitsInput) => Promise<LimitsResult> {
  return async (input) => {
    try {
      return await limits.claim({ ...input, event: eventWithFound(input.event, input.calls, ours) });
    } catch (error) {
      throw error instanceof LeftOutError
        ? asApplicationFailure(leftOutFailure(error), { attempts: 1, saved: null })
        : error;
    }
  };
}
