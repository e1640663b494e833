import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CLAIM_WITHIN_LIMIT } from '../src/runs/names';
import type { CountLimitInput } from '../src/runs/run-contract';

const UPDATE: typeof CLAIM_WITHIN_LIMIT = 'claimWithinLimit';

/** Counts `owner` if the limit permits it. An owner is counted once. Returns whether it is counted. */
export const claimWithinLimit = defineUpdate<boolean, [string]>(UPDATE);

/**
 * Counted a rule's claims in one minute, hour or day in version 0.1; its workflow id contains the period. Nothing starts it
 * any more; it is here for the runs that have not ended (src/runs/earlier-claims.ts).
 */
export async function countLimit(input: CountLimitInput): Promise<void> {
  const startedAt = Date.now();
  const owners = new Set(input.owners);
  setHandler(claimWithinLimit, (owner) => {
    if (owners.size < input.max) {
      owners.add(owner);
    }
    return owners.has(owner);
  });
  const mustContinue = await condition(
    () => workflowInfo().continueAsNewSuggested && allHandlersFinished(),
    input.keep_ms,
  );
  if (mustContinue) {
    await continueAsNew<typeof countLimit>({
      ...input,
      keep_ms: Math.max(input.keep_ms - (Date.now() - startedAt), 1_000),
      owners: [...owners],
    });
  }
}
