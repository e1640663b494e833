import { condition, defineSignal, setHandler } from '@temporalio/workflow';
import type { HoldCooldownInput } from '../src/runs/run-contract';

/** Ends a hold early: its owner did nothing after all. */
export const releaseCooldown = defineSignal('releaseCooldown');

/**
 * Holds a cooldown: while this runs, no other may claim the same workflow id. It is a workflow because Temporal is all
 * that workers share.
 */
export async function holdCooldown(input: HoldCooldownInput): Promise<void> {
  let released = false;
  setHandler(releaseCooldown, () => {
    released = true;
  });
  await condition(() => released, input.window_ms);
}
