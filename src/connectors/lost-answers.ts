import { z } from 'zod';
import type { ActionContext } from './action-context';

const progress = z.object({ maybe_done: z.int().min(0), attempt: z.int() });

type Progress = Pick<ActionContext<never>, 'attempt' | 'progress'>;

/**
 * Counts the attempts at one step whose answer was lost, so that they may have had their effect. The count is kept in the
 * step's progress.
 *
 * Guarantee: an attempt that ended without a word, because its worker died, counts. Not guaranteed: that a counted
 * attempt had its effect.
 */
export class LostAnswers {
  readonly #context: Progress;
  /** How many earlier attempts may have had their effect. */
  readonly before: number;

  constructor(context: Progress) {
    this.#context = context;
    this.before = countBefore(context);
  }

  /** Call before the effect: from now on this attempt counts. */
  begin(): void {
    this.#save(this.before + 1);
  }

  /** Call when this attempt is known to have had no effect. */
  takeBack(): void {
    this.#save(this.before);
  }

  #save(maybeDone: number): void {
    this.#context.progress.save({ maybe_done: maybeDone, attempt: this.#context.attempt });
  }
}

/**
 * What the very last attempt saved is exact. Where it saved nothing (its worker died before Temporal had it; heartbeats
 * are throttled) it counts as one more.
 */
function countBefore({ attempt, progress: { last } }: Progress): number {
  if (attempt === 1) {
    return 0;
  }
  const saved = progress.safeParse(last);
  return saved.success ? saved.data.maybe_done + (saved.data.attempt === attempt - 1 ? 0 : 1) : 1;
}
