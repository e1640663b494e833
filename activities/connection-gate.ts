import type { ConnectionProblem } from '../src/runs/parking-contract';

/**
 * Whether this worker takes a connection for parked, and why. Checked before every request, so that the steps of a
 * parked connection fail at once.
 *
 * Not guaranteed: that it is up to date. The connection's queue (workflow `parkConnection`) decides; the gate is a copy.
 */
export class ConnectionGate {
  #problem: ConnectionProblem | null = null;
  #version = 0;

  /** Why the connection is parked; null while it works. */
  get problem(): ConnectionProblem | null {
    return this.#problem;
  }

  /** Increases with every change. An answer of Temporal that was requested at an older version is outdated. */
  get version(): number {
    return this.#version;
  }

  park(problem: ConnectionProblem): void {
    this.#version += 1;
    this.#problem = problem;
  }

  open(): void {
    this.#version += 1;
    this.#problem = null;
  }
}
