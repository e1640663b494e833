import { Context } from '@temporalio/activity';
import type { JsonValue } from '../src/events/json';
import type { StepInput } from '../src/runs/run-contract';

/** Often enough for cancellation to be noticed, and well within the heartbeat time-out of `workflows/run-step.ts`. */
const HEARTBEAT_EVERY_MS = 5_000;

/** What one attempt leaves for the next of the same activity, as Temporal's heartbeat details. */
interface Left {
  /** Attempts of this activity that never got to the action: a gate was closed, and the line could not be reached. */
  held_back: number;
  saved: JsonValue;
}

/**
 * Which attempt of its step the current activity makes, and what earlier ones left for it: those of this activity by
 * Temporal's heartbeats, those of earlier activities by the step's input.
 */
export class StepProgress {
  /** From 1; attempts that were held back do not count. */
  readonly attempt: number;
  #left: Left;

  constructor(input: Pick<StepInput, 'earlier_attempts' | 'saved'>) {
    const { info } = Context.current();
    this.#left = readLeft(info.heartbeatDetails) ?? { held_back: 0, saved: input.saved ?? null };
    this.attempt = Math.max(info.attempt + input.earlier_attempts - this.#left.held_back, 1);
  }

  /** What was saved last. */
  get saved(): JsonValue {
    return this.#left.saved;
  }

  save(detail: JsonValue): void {
    this.#left = { ...this.#left, saved: detail };
    this.#tell();
  }

  /** This attempt did not get to the action. */
  heldBack(): void {
    this.#left = { ...this.#left, held_back: this.#left.held_back + 1 };
    this.#tell();
  }

  /** Keeps telling Temporal that the attempt lives, with what it saved last. @returns what stops it. */
  heartbeat(): () => void {
    const timer = setInterval(() => this.#tell(), HEARTBEAT_EVERY_MS);
    timer.unref();
    return () => clearInterval(timer);
  }

  #tell(): void {
    Context.current().heartbeat(this.#left);
  }
}

function readLeft(details: unknown): Left | null {
  if (typeof details !== 'object' || details === null) {
    return null;
  }
  const found: Partial<Record<keyof Left, JsonValue>> = details;
  return { held_back: typeof found.held_back === 'number' ? found.held_back : 0, saved: found.saved ?? null };
}
