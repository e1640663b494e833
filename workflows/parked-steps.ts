import { condition, getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { ParkWorkflowId, STEP_WAITS } from '../src/runs/names';
import type { ParkedStep, Release, StepWaits, WaitingStep } from '../src/runs/parking-contract';

const WAITS: typeof STEP_WAITS = 'stepWaits';

/** Each probe adds its input to the run's history. Temporal accepts 50 MB. */
const MAX_HISTORY_BYTES = 20_000_000;

/**
 * How a wait ended. `released`: by the queue; `queue_gone`: the queue's workflow no longer runs; `budget_spent`: no time
 * is left for another attempt.
 */
export type WaitEnd = { end: 'released'; release: Release } | { end: 'queue_gone' } | { end: 'budget_spent' };

/** The steps of one run that wait for a parked connection. parking-contract.ts describes the protocol. */
export class ParkedSteps {
  /** Releases that no step has used yet, by step. */
  readonly #releases = new Map<string, Release>();
  readonly #parked = new Map<string, ParkedStep>();

  /** @param onChange called when a step begins or ends a wait. */
  constructor(private readonly onChange: () => void) {}

  list(): ParkedStep[] {
    return [...this.#parked.values()];
  }

  /**
   * Releases a step. The signal may arrive before the run knows that the attempt failed which put the step into the
   * queue, so the release is kept until the step waits.
   */
  release(release: Release): void {
    this.#releases.set(release.step, release);
  }

  /** Discards a release that arrived before the step's next attempt. */
  clearRelease(step: string): void {
    this.#releases.delete(step);
  }

  /**
   * Waits until the queue releases the step, or until no time is left for another attempt.
   *
   * @param until epoch milliseconds.
   * @param checkQueueEveryMs how often to check whether the queue still has the step: an operator may have terminated
   *   its workflow.
   */
  async waitForRelease(
    parked: ParkedStep,
    beganAt: string,
    until: number,
    checkQueueEveryMs: number,
  ): Promise<WaitEnd> {
    const key = stepKey(parked.rule, parked.step);
    this.#parked.set(key, parked);
    this.onChange();
    try {
      while (Date.now() < until && workflowInfo().historySize < MAX_HISTORY_BYTES) {
        await condition(() => this.#releases.has(key), Math.min(until - Date.now(), checkQueueEveryMs));
        const release = this.#releases.get(key);
        if (release !== undefined) {
          return { end: 'released', release };
        }
        if (
          Date.now() < until &&
          !(await enqueueAgain(parked.connection, { run: workflowInfo().workflowId, step: key, began_at: beganAt }))
        ) {
          return { end: 'queue_gone' };
        }
      }
      return { end: 'budget_spent' };
    } finally {
      this.#parked.delete(key);
      this.onChange();
    }
  }
}

/** `<rule>/<step id>`: identifies a step within its run. */
export function stepKey(rule: string, step: string): string {
  return `${rule}/${step}`;
}

/** Adds the step to the queue, with no effect when it is in it already. @returns false when the queue does not exist. */
async function enqueueAgain(connection: string, step: WaitingStep): Promise<boolean> {
  const queue: ParkWorkflowId = `connection/${connection}`;
  const signal: StepWaits = { step, problem: null };
  try {
    await getExternalWorkflowHandle(queue).signal(WAITS, signal);
    return true;
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
    return false;
  }
}
