import type { ParkingProgress, WaitingStep } from '../src/runs/parking-contract';

/** A step by what identifies it. */
type StepId = Pick<WaitingStep, 'run' | 'step'>;

/**
 * A step is released as a probe. It counts as under way until it ends, or for `lostAfterMs`: its end may never be
 * reported, as when its run is terminated.
 */
export function beginProbe(progress: ParkingProgress, { run, step }: StepId, now: number, lostAfterMs: number): void {
  progress.probing = { run, step, until_ms: now + lostAfterMs };
}

/** A step has ended its attempt, or waits again. No effect unless it is the probe under way. @returns whether it is. */
export function endProbe(progress: ParkingProgress, ended: StepId): boolean {
  const { probing } = progress;
  if (probing?.run !== ended.run || probing.step !== ended.step) {
    return false;
  }
  progress.probing = null;
  return true;
}

/** When the next probe is due: at its interval, and not while another is under way. Epoch milliseconds. */
export function probeDueAt({ next_probe_ms, probing }: ParkingProgress): number {
  return Math.max(next_probe_ms, probing?.until_ms ?? 0);
}
