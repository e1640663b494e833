import { condition, defineSignal, setHandler } from '@temporalio/workflow';
import type { RELEASE_COOLDOWN } from '../src/runs/names';
import type { HoldCooldownInput } from '../src/runs/run-contract';

const RELEASE: typeof RELEASE_COOLDOWN = 'releaseCooldown';

/** Ends the cooldown early: its owner did not act. */
export const releaseCooldown = defineSignal(RELEASE);

/**
 * Held one cooldown in version 0.1: while this runs, nobody else can start a workflow with the same id. Nothing starts it
 * any more; it is here for the runs that have not ended (src/runs/earlier-claims.ts).
 */
export async function holdCooldown(input: HoldCooldownInput): Promise<void> {
  let isReleased = false;
  setHandler(releaseCooldown, () => {
    isReleased = true;
  });
  await condition(() => isReleased, input.window_ms);
}
