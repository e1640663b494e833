import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Work that can be done in slices. It yields how many steps it has done since it last yielded: a step takes some
 * microseconds.
 */
export type Work<Result> = Generator<number, Result, undefined>;

/** A slice ends after so many steps: some milliseconds. */
const STEPS_OF_A_SLICE = 200;

/** Does all work at once. */
export function finish<Result>(work: Work<Result>): Result {
  for (;;) {
    const done = work.next();
    if (done.done === true) {
      return done.value;
    }
  }
}

/**
 * Does work in slices. Other events of the process are handled between two slices. Slices are counted in steps, not
 * in time, so that a slow machine does them in the same way.
 * @throws the reason of the signal when it is aborted.
 */
export async function inSlices<Result>(work: Work<Result>, signal?: AbortSignal): Promise<Result> {
  let steps = 0;
  for (;;) {
    const done = work.next();
    if (done.done === true) {
      return done.value;
    }
    steps += done.value;
    if (steps >= STEPS_OF_A_SLICE) {
      steps = 0;
      await nextTurn();
      signal?.throwIfAborted();
    }
  }
}
