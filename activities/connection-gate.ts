import { ActionError } from '../src/connectors/action-error';

const FIRST_PROBE_MS = 30_000;
const LONGEST_PROBE_MS = 300_000;

/** What a gate tells its worker: once when the connection is parked, once when it works again. */
export interface GateEvents {
  onParked(connection: string, error: ActionError): void;
  onResumed(connection: string): void;
}

/**
 * Stands before a connection in this worker. When the credential stops working the connection is *parked*: steps fail at once with class
 * `credential` without a request, except one probe at a time, after 30 s and then less often, up to every 5 minutes. The first step that
 * gets through resumes it.
 *
 * Guaranteed: a parked connection gets at most one request a probe interval from this worker. Not guaranteed: the order in which waiting
 * steps go on, which is that of their retries.
 */
export class ConnectionGate {
  #parked: { error: ActionError; probeAt: number; probeEvery: number; probing: boolean } | null = null;

  constructor(
    private readonly connection: string,
    private readonly events: GateEvents,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Why the connection is parked, or null while it works. */
  problem(): string | null {
    return this.#parked === null ? null : `${this.#parked.error.message} (${this.#parked.error.detail.code})`;
  }

  /** Lets the next step through at once, as after a new credential. */
  probeNow(): void {
    if (this.#parked !== null) {
      this.#parked.probeAt = this.now();
    }
  }

  /** Runs `attempt` unless the connection is parked. Throws the ActionError of the attempt, or the one that parked the connection. */
  async pass<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const parked = this.#parked;
    if (parked !== null) {
      const wait = parked.probeAt - this.now();
      if (wait > 0 || parked.probing) {
        throw this.#waiting(parked.error, Math.max(wait, 1_000));
      }
      parked.probing = true;
    }
    try {
      const result = await attempt();
      this.#resume();
      return result;
    } catch (error) {
      if (!(error instanceof ActionError) || error.errorClass !== 'credential') {
        if (parked !== null) {
          parked.probing = false;
        }
        throw error;
      }
      throw this.#waiting(error, this.#park(error));
    }
  }

  /** @returns the delay until the next probe. */
  #park(error: ActionError): number {
    const before = this.#parked;
    const probeEvery = before === null ? FIRST_PROBE_MS : before.probing ? Math.min(before.probeEvery * 2, LONGEST_PROBE_MS) : before.probeEvery;
    this.#parked = { error, probeAt: this.now() + probeEvery, probeEvery, probing: false };
    if (before === null) {
      this.events.onParked(this.connection, error);
    }
    return probeEvery;
  }

  #resume(): void {
    if (this.#parked !== null) {
      this.#parked = null;
      this.events.onResumed(this.connection);
    }
  }

  #waiting(error: ActionError, waitMs: number): ActionError {
    return new ActionError('credential', error.message, { ...error.detail, retryAfterMs: waitMs });
  }
}
