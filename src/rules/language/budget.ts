/**
 * The steps of one condition. A step is one operation on one value, or 64 characters of a text; it takes 30 to 100 ns
 * once its code is compiled, and several times that before (measured). The worst condition that a search found took
 * 262 ms at its first evaluation in a process, and 73 to 195 ms later.
 */
export const CONDITION_STEPS = 300_000;

/** The steps of the templates of one step's input: 219 ms at most in a search for the worst (measured). */
export const TEMPLATE_STEPS = 600_000;

/** Reading the name of one member of a large object takes as long as so many steps. */
export const NAME_STEPS = 4;

/** Characters that a native text operation handles in one step. */
export const CHARS_PER_STEP = 64;

/** An evaluation has used its steps. */
export class OverBudget extends Error {
  override readonly name = 'OverBudget';
}

/** The steps left to the evaluation that runs. Evaluations are synchronous, so there is only one at a time. */
let left = Number.POSITIVE_INFINITY;

/**
 * Uses steps of the evaluation that runs. Does nothing outside {@link withBudget}.
 *
 * Steps are counted, not time measured: the same rule and the same event always have the same outcome.
 *
 * @param steps finite, not negative; 0 or a fraction is allowed.
 * @throws OverBudget when there are not enough left, and then at every further call.
 */
export function charge(steps: number): void {
  left -= steps;
  if (left < 0) {
    throw new OverBudget('the evaluation takes too many steps');
  }
}

/** Whether the evaluation that runs has used all its steps. A library may have caught the {@link OverBudget}. */
export function isSpent(): boolean {
  return left < 0;
}

/** Runs an evaluation with so many steps. */
export function withBudget<Result>(steps: number, evaluate: () => Result): Result {
  const outer = left;
  left = steps;
  try {
    return evaluate();
  } finally {
    left = outer;
  }
}

/** The steps of a search for a text in another one, which at worst compares the whole text at each place. */
export function searchSteps(chars: number, wantedChars: number): number {
  return (chars * Math.max(1, wantedChars / 16)) / CHARS_PER_STEP;
}
