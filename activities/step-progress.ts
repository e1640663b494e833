import type { JsonValue } from '../src/events/json';
import type { StepInput } from '../src/runs/run-contract';
import type { AttemptProgress } from './effect-once';

/** Frequent enough to notice a cancellation, and well within the heartbeat timeout of `workflows/run-step.ts`. */
const HEARTBEAT_EVERY_MS = 5_000;

/** What an attempt leaves for the next attempt of the same activity. The field names are a contract. */
export interface HeartbeatDetails {
  /** Attempts of this activity that did not reach the action: a connection was parked, and its queue did not answer. */
  held_back: number;
  saved: JsonValue;
  /** Digest of the input that an earlier attempt rendered and gave to the action. Absent: none did. */
  rendered?: string;
}

/** The attempts of an activity, as Temporal counts them, and what goes from one to the next. */
export interface Heartbeats {
  /** Number of the activity's attempt, from 1. */
  attempt: number;
  /** What earlier attempts of the activity left. */
  heartbeatDetails: unknown;
  heartbeat(details: HeartbeatDetails): void;
}

/**
 * The number of the current attempt, and what earlier attempts saved: earlier attempts of this activity in Temporal's
 * heartbeat details, those of earlier activities in the step's input. What this machine remembers of the last attempt, or
 * of one that Temporal does not know, is newer than both.
 */
export class StepProgress {
  /** Number of this attempt of the step, from 1. Attempts that were held back do not count. */
  readonly attempt: number;
  #details: HeartbeatDetails;

  /** @param remembered what the latest attempt on this machine left. */
  constructor(
    input: Pick<StepInput, 'earlier_attempts' | 'saved'>,
    private readonly heartbeats: Heartbeats,
    remembered: AttemptProgress | null = null,
  ) {
    this.#details = parseHeartbeat(heartbeats.heartbeatDetails) ?? { held_back: 0, saved: input.saved ?? null };
    const counted = Math.max(heartbeats.attempt + input.earlier_attempts - this.#details.held_back, 1);
    this.attempt = Math.max(counted, (remembered?.attempt ?? 0) + 1);
    if (remembered?.attempt === this.attempt - 1) {
      this.#details = { ...this.#details, saved: remembered.saved };
    }
  }

  /** What was saved last; null when nothing was. */
  get saved(): JsonValue {
    return this.#details.saved;
  }

  /** Saves a value for the step's next attempt. */
  save(value: JsonValue): void {
    this.#details = { ...this.#details, saved: value };
    this.#heartbeat();
  }

  /**
   * Records what this attempt is about to do. The next heartbeat carries it: a heartbeat of its own would delay the
   * action's first one, as Temporal's SDK sends one in some seconds.
   * @returns whether earlier attempts, so far as is known, were about to do the same.
   */
  recordRendered(digest: string): boolean {
    const { rendered } = this.#details;
    this.#details = { ...this.#details, rendered: rendered ?? digest };
    return rendered === undefined || rendered === digest;
  }

  /** Records that this attempt did not reach the action. */
  recordHeldBack(): void {
    this.#details = { ...this.#details, held_back: this.#details.held_back + 1 };
    this.#heartbeat();
  }

  /** Sends heartbeats every five seconds. @returns the function that stops them. */
  startHeartbeat(): () => void {
    const timer = setInterval(() => this.#heartbeat(), HEARTBEAT_EVERY_MS);
    timer.unref();
    return () => clearInterval(timer);
  }

  #heartbeat(): void {
    this.heartbeats.heartbeat(this.#details);
  }
}

/** Reads the heartbeat details of an earlier attempt; null when there are none. */
export function parseHeartbeat(details: unknown): HeartbeatDetails | null {
  if (typeof details !== 'object' || details === null) {
    return null;
  }
  const found: Partial<Record<keyof HeartbeatDetails, JsonValue>> = details;
  return {
    held_back: typeof found.held_back === 'number' ? found.held_back : 0,
    saved: found.saved ?? null,
    ...(typeof found.rendered === 'string' ? { rendered: found.rendered } : {}),
  };
}
