/**
 * The steps of one condition. A step is one operation on one value, or 64 characters of a text; it takes 30 to 370 ns
 * once its code is compiled, and several times that before: the worst condition that a search found took 64 ms, and twice that
 * at its first evaluation in a process, on a machine with more work than processors (CPU time, measured). `warm-up.ts`
 * makes most of that difference at the start.
 */
export const CONDITION_STEPS = 170_000;

/** The steps of the conditions of all rules for one event together. */
export const EVENT_STEPS = 2 * CONDITION_STEPS;

/**
 * The steps that each rule has although others used up those of the event: an ordinary condition takes a few hundred, so
 * that it never fails because of another rule. A thousand rules can take three million steps in this way.
 */
export const RESERVED_STEPS = 3_000;

/**
 * The steps of the templates of one step's input. A step takes 20 to 180 ns once its code is compiled: the worst template
 * that a search found took 46 ms, and 113 ms at its first evaluation in a process (CPU time, measured in the same way).
 */
export const TEMPLATE_STEPS = 250_000;

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

/** Runs an evaluation with so many steps, at most those that the evaluation around it has left, which pays for them. */
export function withBudget<Result>(steps: number, evaluate: () => Result): Result {
  return measured(steps, evaluate).result;
}

/** Like {@link withBudget}. `used`: the steps that it took; all of them when it was over its budget. */
export function measured<Result>(steps: number, evaluate: () => Result): { result: Result; used: number } {
  const outer = left;
  const given = Math.max(0, Math.min(steps, outer));
  left = given;
  let used = given;
  try {
    const result = evaluate();
    used = given - Math.max(0, left);
    return { result, used };
  } finally {
    left = outer - used;
  }
}

/** The steps of a search for a text in another one, which at worst compares the whole text at each place. */
export function searchSteps(chars: number, wantedChars: number): number {
  return (chars * Math.max(1, wantedChars / 16)) / CHARS_PER_STEP;
}
