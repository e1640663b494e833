import type { WaitingStep } from '../src/runs/parking-contract';

/** The queue must fit into the payload of a continue-as-new; a step takes about 200 bytes. */
const MAX_STEPS = 3_000;

/**
 * Steps that wait, oldest first.
 *
 * Guarantees: at most 3,000 steps; the oldest are kept. A step that is dropped checks its queue every ten minutes, and
 * is added when there is room.
 */
export class WaitQueue {
  readonly #steps: WaitingStep[];

  constructor(steps: readonly WaitingStep[]) {
    this.#steps = [...steps];
  }

  get size(): number {
    return this.#steps.length;
  }

  get steps(): readonly WaitingStep[] {
    return this.#steps;
  }

  /** Adds a step in the order of `began_at`. No effect when it is in the queue already. */
  add(step: WaitingStep): void {
    if (this.#steps.some((other) => other.run === step.run && other.step === step.step)) {
      return;
    }
    // RFC 3339 in UTC with milliseconds: texts sort like times.
    const previous = this.#steps.findLastIndex((other) => other.began_at <= step.began_at);
    this.#steps.splice(previous + 1, 0, step);
    this.#steps.length = Math.min(this.#steps.length, MAX_STEPS);
  }

  /** Removes and returns the step whose turn it is after another one; the oldest when that was the last, or is null. */
  takeNext(after: WaitingStep | null): WaitingStep | undefined {
    const later = after === null ? [] : this.#steps.filter((step) => compareTurns(step, after) > 0);
    const [first, ...others] = later.length > 0 ? later : this.#steps;
    if (first === undefined) {
      return undefined;
    }
    const next = others.reduce((least, step) => (compareTurns(step, least) < 0 ? step : least), first);
    this.#steps.splice(this.#steps.indexOf(next), 1);
    return next;
  }

  /** Removes and returns the oldest step. */
  takeOldest(): WaitingStep | undefined {
    return this.#steps.shift();
  }
}

/** Turns follow the start of the steps; of steps that began together, their names, so that each has its turn. */
function compareTurns(a: WaitingStep, b: WaitingStep): number {
  return compareTexts(a.began_at, b.began_at) || compareTexts(a.run, b.run) || compareTexts(a.step, b.step);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
