import type { StepTools } from '../../activities/attempt';

/** A connection whose service does not do its work: every attempt has failed since then, and is made again. */
export interface FailingConnection {
  /** The first failure, in epoch milliseconds. */
  since: number;
  /** How many attempts have failed. */
  attempts: number;
  /** Code of the latest failure: `network`, `http_503` ... */
  code: string;
}

/**
 * What a service that is down, unreachable or overloaded answers. Other passing trouble is none of its own: a recording
 * that is not stored yet, one recipient that is put off, a queue inside the bridge.
 */
const OUTAGE =
  /^(network|timeout|dns|redirect|rate_?limit(ed)?|invalid_answer|unexpected_answer|answer_too_large|(storage_)?http_5\d\d|smtp_421.*|internal_error|service_unavailable|fatal_error|request_timeout)$/;
/** Nothing tries the connection any more: whether it still fails is not known. */
const FORGOTTEN_AFTER_MS = 1_800_000;

/**
 * Follows the attempts of this worker, to know which connections fail at every one. An attempt that is done, or that
 * the service refuses for its credential, shows that it answers.
 */
export class FailingConnections {
  readonly #failing = new Map<string, FailingConnection & { lastAt: number }>();

  readonly #seenWorking = new Set<string>();
  readonly #startedAt: number;

  constructor(private readonly now: () => number = Date.now) {
    this.#startedAt = now();
  }

  attempt({ action, outcome, failure }: Parameters<StepTools['onAttempt']>[0]): void {
    const own = action.split('.', 1)[0] ?? action;
    if (outcome === 'done') {
      this.#works(own);
    }
    if (failure === null) {
      return;
    }
    if (failure.class === 'credential') {
      this.#works(failure.connection);
    } else if (failure.class === 'transient' && OUTAGE.test(failure.code)) {
      const lastAt = this.now();
      const { since, attempts } = this.#failing.get(failure.connection) ?? { since: lastAt, attempts: 0 };
      this.#failing.set(failure.connection, { since, attempts: attempts + 1, code: failure.code, lastAt });
    }
  }

  /** What this worker knows: the start is in epoch milliseconds, and the names have answered since then. */
  seenWorking(): { since: number; names: string[] } {
    return { since: this.#startedAt, names: [...this.#seenWorking] };
  }

  /** By connection. */
  list(): Record<string, FailingConnection> {
    for (const [connection, { lastAt }] of this.#failing) {
      if (this.now() - lastAt > FORGOTTEN_AFTER_MS) {
        this.#failing.delete(connection);
      }
    }
    return Object.fromEntries(
      [...this.#failing].map(([connection, { lastAt: _last, ...failing }]) => [connection, failing]),
    );
  }

  #works(connection: string): void {
    this.#failing.delete(connection);
    this.#seenWorking.add(connection);
  }
}
