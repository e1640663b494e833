import type { ConnectionProblem } from '../src/runs/parking-contract';

/**
 * What this worker knows of a connection: whether it is parked, and why. Asked before every request, so that the steps
 * of a parked connection fail at once. The line of the connection (workflow `parkConnection`) decides who may try; this
 * only remembers.
 */
export class ConnectionGate {
  #problem: ConnectionProblem | null = null;
  #changes = 0;

  /** Why the connection is parked, or null while it works. */
  get problem(): ConnectionProblem | null {
    return this.#problem;
  }

  /** Grows whenever the gate is told something: what was asked elsewhere before that is old. */
  get changes(): number {
    return this.#changes;
  }

  park(problem: ConnectionProblem): void {
    this.#changes += 1;
    this.#problem = problem;
  }

  open(): void {
    this.#changes += 1;
    this.#problem = null;
  }
}
