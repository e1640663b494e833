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

/** Counts `owner`, if there is room; who is counted already stays so. Answers whether it is counted. */
export const claimWithinLimit = defineUpdate<boolean, [string]>(UPDATE);

/**
 * Counts what a rule did in one minute, hour or day (of one number, where the limit is per number). One workflow a
 * period: its id says which. It is a workflow because Temporal is all that workers share.
 */
export async function countLimit(input: CountLimitInput): Promise<void> {
  const began = Date.now();
  const owners = new Set(input.owners);
  setHandler(claimWithinLimit, (owner) => {
    if (owners.size < input.max) {
      owners.add(owner);
    }
    return owners.has(owner);
  });
  const full = await condition(() => workflowInfo().continueAsNewSuggested && allHandlersFinished(), input.keep_ms);
  if (full) {
    await continueAsNew<typeof countLimit>({
      ...input,
      keep_ms: Math.max(input.keep_ms - (Date.now() - began), 1_000),
      owners: [...owners],
    });
  }
}
