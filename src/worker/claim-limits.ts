import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import { asApplicationFailure, leftOutFailure } from '../../activities/step-error';
import { ActionError } from '../connectors/action-error';
import { eventWithFound } from '../events/complete-event';
import type { NumberLookup } from '../events/direction';
import { LeftOutError } from '../events/left-out';
import type { TemporalLimits } from '../runs/limits';
import type { LimitsInput, LimitsResult } from '../runs/run-contract';

/**
 * Local attempts that claim at the same time. Each holds the slot of its run's workflow task (40, create-worker.ts) while
 * it waits for a task of `keepClaims`: if they held all of them, none would go on.
 */
const MAX_LOCAL = 20;

/**
 * Makes the activity that counts an event against the limits of a rule. A limit per a part that was left out of the
 * run's input fails without a retry. A local attempt too many fails, and the workflow makes a regular one.
 */
export function claimLimits(
  limits: Pick<TemporalLimits, 'claim'>,
  ours: NumberLookup,
): (input: LimitsInput) => Promise<LimitsResult> {
  let local = 0;
  return async (input) => {
    const { isLocal } = activityInfo();
    if (isLocal && local >= MAX_LOCAL) {
      throw ApplicationFailure.retryable('too many local attempts are under way', 'transient');
    }
    local += isLocal ? 1 : 0;
    try {
      return await limits.claim({ ...input, event: eventWithFound(input.event, input.calls, ours) });
    } catch (error) {
      const known = error instanceof LeftOutError ? leftOutFailure(error) : error;
      throw known instanceof ActionError ? asApplicationFailure(known, { attempts: 1, saved: null }) : known;
    } finally {
      local -= isLocal ? 1 : 0;
    }
  };
}
