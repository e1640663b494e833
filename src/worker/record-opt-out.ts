import { asApplicationFailure } from '../../activities/step-error';
import { ActionError } from '../connectors/action-error';
import type { OptOuts } from '../connectors/action-context';
import { readInboundText } from '../events/inbound-text';
import type { RecordOptOutInput, StepResult } from '../runs/run-contract';

/**
 * Makes the activity that records what the sender of a text asked for. It calls no provider, so a parked connection does
 * not hold it back.
 */
export function recordOptOut(optOuts: OptOuts): (input: RecordOptOutInput) => Promise<StepResult> {
  return async ({ event, state }) => {
    const text = readInboundText(event);
    if (text === null) {
      return { outcome: 'skipped', reason: 'not_a_phone' };
    }
    const pair = { ours: text.ours, peer: text.peer };
    try {
      if (state === 'in' && (await optOuts.since(pair)) === null) {
        return { outcome: 'skipped', reason: 'not_opted_out' };
      }
      const since = await optOuts.record(pair, state, new Date(event.occurred_at));
      return { outcome: 'done', result: { opted_out_since: since === null ? null : since.toISOString() } };
    } catch (error) {
      throw error instanceof ActionError ? asApplicationFailure(error, { attempts: 1, saved: null }) : error;
    }
  };
}
