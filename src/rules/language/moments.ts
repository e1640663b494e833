import { isInside, localMs, parseTimeOfDay, type Span, type Window } from './windows';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** A year with holidays is over by then: a window that does not open until then does not open. */
const SEARCHED_DAYS = 400;

/** `next office`, `next office 09:00` */
const NEXT = /^next\s+([A-Za-z0-9][\w-]*)(?:\s+(\d{1,2}:\d{2}))?$/;
/** `2026-03-02 09:00`, also with a T; without a zone. */
const LOCAL = /^(\d{4}-\d{2}-\d{2})[T ](\d{1,2}:\d{2})(?::\d{2}(?:\.\d+)?)?$/;

/** What a text may name a moment by. */
export interface MomentScope {
  windows: Readonly<Record<string, Window>>;
  /** The zone of a date and time without one. */
  timezone: string;
  /** A window is looked for after this, in milliseconds UTC. */
  after: number;
}

/** Why a text names no moment. */
export interface MomentProblem {
  message: string;
  /** The window that does not exist. */
  unknown?: string;
}

/**
 * Reads a text that names a moment by a window (`next office 09:00`: the first 09:00 in the window; `next office`: when
 * it opens next) or by a local date and time. Right over changes of the clocks: 09:00 is 09:00 there, on that day.
 * @returns milliseconds UTC; a problem; null for a text that is neither.
 */
export function readMoment(text: string, scope: MomentScope): number | MomentProblem | null {
  const local = LOCAL.exec(text.trim());
  if (local !== null) {
    const minute = parseTimeOfDay(local[2] ?? '');
    const day = Date.parse(`${local[1] ?? ''}T00:00:00Z`);
    const isDate = !Number.isNaN(day) && new Date(day).toISOString().startsWith(local[1] ?? '');
    return minute === null || !isDate
      ? { message: 'it is not a date and a time of day' }
      : instantOf(day, minute, scope.timezone);
  }
  const [, name, time] = NEXT.exec(text.trim()) ?? [];
  if (name === undefined) {
    return null;
  }
  const window = Object.hasOwn(scope.windows, name) ? scope.windows[name] : undefined;
  if (window === undefined) {
    return { message: `there is no window "${name}"`, unknown: name };
  }
  const minute = time === undefined ? null : parseTimeOfDay(time);
  if (time !== undefined && minute === null) {
    return { message: `"${time}" is not a time of day` };
  }
  const found = minute === null ? nextOpening(window, scope.after) : nextInside(window, minute, scope.after);
  return found ?? { message: time === undefined ? `${name} does not open` : `it is never ${time} in ${name}` };
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads a time as conditions and tests have it: `2026-03-02 09:00` or a date (its midnight) in a zone, or with a zone of its
 * own, `2026-03-02T09:00:00Z`.
 * @returns milliseconds UTC; null for another text.
 */
export function readTime(text: string, timezone: string): number | null {
  if (WITH_ZONE.test(text)) {
    const ms = Date.parse(text);
    return Number.isFinite(ms) ? ms : null;
  }
  const local = DATE.test(text) ? `${text} 00:00` : text;
  const moment = readMoment(local, { windows: {}, timezone, after: 0 });
  return typeof moment === 'number' ? moment : null;
}

/** How a time is written, for findings. */
export const TIME_HINT = 'such as "2026-03-02 09:00" or "2026-03-02T09:00:00Z"';

/** A text with the moment that it names as a time in UTC (ISO 8601); other texts, also faulty ones, unchanged. */
export function withMoment(text: string, scope: MomentScope): string {
  const moment = readMoment(text, scope);
  return typeof moment === 'number' ? new Date(moment).toISOString() : text;
}

/** When a window opens the next time after a moment; null when it does not within 400 days. */
export function nextOpening(window: Window, after: number): number | null {
  return earliest(
    window.map((span) =>
      first(span, after, (day) => {
        const date = new Date(day).toISOString().slice(0, 10);
        if (!span.days.includes(new Date(day).getUTCDay()) || span.except.includes(date)) {
          return null;
        }
        const opens = instantOf(day, span.from, span.timezone);
        // Where another span ends as this one starts, the window stays open.
        return opens > after && !isInside(window, opens - MINUTE_MS) ? opens : null;
      }),
    ),
  );
}

/** When it is a time of day inside a window the next time after a moment; null when it is not within 400 days. */
function nextInside(window: Window, minute: number, after: number): number | null {
  return earliest(
    window.map((span) =>
      first(span, after, (day) => {
        const then = instantOf(day, minute, span.timezone);
        return then > after && isInside([span], then) ? then : null;
      }),
    ),
  );
}

/** The first result for the local days from a moment on, each as its midnight in UTC. */
function first({ timezone }: Span, after: number, find: (day: number) => number | null): number | null {
  const today = Math.floor(localMs(after, timezone) / DAY_MS) * DAY_MS;
  for (let days = 0; days < SEARCHED_DAYS; days += 1) {
    const found = find(today + days * DAY_MS);
    if (found !== null) {
      return found;
    }
  }
  return null;
}

function earliest(moments: readonly (number | null)[]): number | null {
  const found = moments.filter((moment) => moment !== null);
  return found.length === 0 ? null : Math.min(...found);
}

/**
 * A local time as a moment. A time that occurs twice is the first; one that the clocks skip is as much later as they
 * are put forward.
 */
function instantOf(day: number, minute: number, timezone: string): number {
  const local = day + minute * MINUTE_MS;
  const [before = local, after = local] = [local - DAY_MS, local + DAY_MS].map(
    (near) => local - (localMs(near, timezone) - near),
  );
  const exact = [before, after].filter((moment) => localMs(moment, timezone) === local);
  return exact.length === 0 ? before : Math.min(...exact);
}
