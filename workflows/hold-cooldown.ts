import { condition, defineSignal, setHandler } from '@temporalio/workflow';
import type { RELEASE_COOLDOWN } from '../src/runs/names';
import type { HoldCooldownInput } from '../src/runs/run-contract';

const RELEASE: typeof RELEASE_COOLDOWN = 'releaseCooldown';

/** Ends the cooldown early: its owner did not act. */
export const releaseCooldown = defineSignal(RELEASE);

/**
 * Holds a cooldown: while this runs, nobody else can start a workflow with the same id. It is a workflow because
 * Temporal is the only storage that all workers share.
 */
export async function holdCooldown(input: HoldCooldownInput): Promise<void> {
  let isReleased = false;
  setHandler(releaseCooldown, () => {
    isReleased = true;
  });
  await condition(() => isReleased, input.window_ms);
}
