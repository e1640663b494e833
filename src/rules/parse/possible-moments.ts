import { isInside, type Window } from '../language/windows';

/** Whether each window is open at one moment. */
export type OpenWindows = readonly boolean[];

const STEP_MINUTES = 15;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Mondays on both sides of the changes to and from summer time, so that two zones differ by all they can. */
const MONDAYS = ['2026-01-05', '2026-07-06'];
const WEEKS: readonly number[] = MONDAYS.flatMap((monday) =>
  Array.from({ length: 8 }, (_, day) => Date.parse(monday) + day * DAY_MS),
);
const MAX_EXCEPTIONS = 40;
const MAX_FREE_WINDOWS = 8;

/** What is known of a window on a day, in UTC. A load asks for the same windows again and again. */
const known = new WeakMap<Window, Map<number, OpenWindows>>();

/**
 * Which windows are open together at some moment of a week. All combinations where that is not certain, because a window
 * starts or ends between two of the moments that are tried; null when these are too many.
 */
export function possibleMoments(windows: readonly Window[]): OpenWindows[] | null {
  const spans = windows.flat();
  const exceptions = [...new Set(spans.flatMap(({ except }) => [...except]))];
  const isCertain =
    windows.length > 1 &&
    exceptions.length <= MAX_EXCEPTIONS &&
    spans.every(({ from, to }) => from % STEP_MINUTES === 0 && to % STEP_MINUTES === 0);
  if (!isCertain) {
    return windows.length > MAX_FREE_WINDOWS ? null : combinations(windows.length);
  }
  // A date in any zone, and the night after it.
  const around = exceptions.flatMap((date) => [-1, 0, 1].map((day) => Date.parse(date) + day * DAY_MS));
  const found = new Map<string, OpenWindows>();
  for (const day of new Set([...WEEKS, ...around])) {
    const perWindow = windows.map((window) => openOn(window, day));
    for (let moment = 0; moment < 1_440 / STEP_MINUTES; moment += 1) {
      const open = perWindow.map((moments) => moments[moment] ?? false);
      found.set(open.join(' '), open);
    }
  }
  return [...found.values()];
}

function openOn(window: Window, day: number): OpenWindows {
  const days = known.get(window) ?? new Map<number, OpenWindows>();
  known.set(window, days);
  let moments = days.get(day);
  if (moments === undefined) {
    moments = Array.from({ length: 1_440 / STEP_MINUTES }, (_, moment) =>
      isInside(window, day + moment * STEP_MINUTES * MINUTE_MS),
    );
    days.set(day, moments);
  }
  return moments;
}

function combinations(count: number): boolean[][] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_unused, index) => (bits & (1 << index)) !== 0),
  );
}
