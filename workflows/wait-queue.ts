import type { WaitingStep } from '../src/runs/parking-contract';

/** What a line passes on when it continues as new must fit into a payload; a step takes some 200 bytes. */
const MOST_WAITING = 3_000;

/**
 * Steps that wait, oldest first.
 *
 * Bounded: of more than 3,000 the oldest are kept. A step that is not kept asks after its line every ten minutes, and
 * is taken in when there is room.
 */
export class WaitingLine {
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

  /** No effect for a step that is in the line already. */
  add(step: WaitingStep): void {
    if (this.#steps.some((other) => other.run === step.run && other.step === step.step)) {
      return;
    }
    // RFC 3339 in UTC with milliseconds: the order of the texts is that of the times.
    const behind = this.#steps.findLastIndex((other) => other.began_at <= step.began_at);
    this.#steps.splice(behind + 1, 0, step);
    this.#steps.length = Math.min(this.#steps.length, MOST_WAITING);
  }

  takeOldest(): WaitingStep | undefined {
    return this.#steps.shift();
  }
}
