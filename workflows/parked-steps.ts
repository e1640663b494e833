import { condition, getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { LineId, STEP_WAITS } from '../src/runs/names';
import type { GoOn, ParkedStep, StepWaits, WaitingStep } from '../src/runs/parking-contract';

const WAITS: typeof STEP_WAITS = 'stepWaits';

/** Every probe adds its input to the run's history, of which Temporal takes 50 MB. */
const MOST_HISTORY_BYTES = 20_000_000;

/** How waiting ended: the line lets the step go; there is no line any more; the step's budget is spent. */
export type WaitEnd = { end: 'let_go'; word: GoOn } | { end: 'line_gone' } | { end: 'budget_spent' };

/** The steps of one run that wait for a parked connection. */
export class ParkedSteps {
  /** Words of lines that no step has taken yet. */
  readonly #words = new Map<string, GoOn>();
  readonly #parked = new Map<string, ParkedStep>();

  /** @param onChange called when a step begins to wait, and when it goes on. */
  constructor(private readonly onChange: () => void) {}

  list(): ParkedStep[] {
    return [...this.#parked.values()];
  }

  /** A line lets a step go: maybe before the step's attempt, which put it into the line, is known to have failed. */
  hear(word: GoOn): void {
    this.#words.set(word.step, word);
  }

  /** Before an attempt: a word that came before it is old. */
  forgetWord(step: string): void {
    this.#words.delete(step);
  }

  /**
   * Waits for the word of the line that the step's attempt put it into, until the step has no time left for another
   * attempt.
   *
   * @param askAfterMs how often the line is asked whether it still has the step: somebody may have ended it by hand.
   */
  async waitInLine(parked: ParkedStep, beganAt: string, until: number, askAfterMs: number): Promise<WaitEnd> {
    const key = stepKey(parked.rule, parked.step);
    this.#parked.set(key, parked);
    this.onChange();
    try {
      while (Date.now() < until && workflowInfo().historySize < MOST_HISTORY_BYTES) {
        await condition(() => this.#words.has(key), Math.min(until - Date.now(), askAfterMs));
        const word = this.#words.get(key);
        if (word !== undefined) {
          return { end: 'let_go', word };
        }
        if (
          Date.now() < until &&
          !(await isInLine(parked.connection, { run: workflowInfo().workflowId, step: key, began_at: beganAt }))
        ) {
          return { end: 'line_gone' };
        }
      }
      return { end: 'budget_spent' };
    } finally {
      this.#parked.delete(key);
      this.onChange();
    }
  }
}

/** `<rule>/<step id>`: the name of a step within its run. */
export function stepKey(rule: string, step: string): string {
  return `${rule}/${step}`;
}

/**
 * Puts the step into the line once more, which has no effect where it is in it already. @returns false when there is no
 * line.
 */
async function isInLine(connection: string, step: WaitingStep): Promise<boolean> {
  const line: LineId = `connection/${connection}`;
  const signal: StepWaits = { step, problem: null };
  try {
    await getExternalWorkflowHandle(line).signal(WAITS, signal);
    return true;
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
    return false;
  }
}
