import { clockTime } from '../../timing/zone';
import { charge } from './budget';

/** Days of the week as `Date.getUTCDay()` counts them. */
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** One weekly time span of a named window, in the local time of its zone. Plain JSON: it travels in plans. */
export interface Span {
  /** Days on which the span starts; 0 is Sunday. */
  days: readonly number[];
  /** Minutes from midnight; `from` included, `to` excluded. `to` at or before `from` is on the next day. */
  from: number;
  to: number;
  /** Dates (`2026-03-01`) on which the span does not start, such as holidays. */
  except: readonly string[];
  timezone: string;
}

/** A named window. A moment is inside when it is inside any of the spans. */
export type Window = readonly Span[];

/** A moment in local time. */
interface LocalTime {
  /** `2026-03-01` */
  date: string;
  day: number;
  minute: number;
}

/** Reading the clock of a zone takes 5 µs (measured): as long as so many steps. */
const CLOCK_STEPS = 30;

/**
 * The local time in a zone. Charges the budget of the evaluation that runs.
 * @throws RangeError for an invalid time or an unknown zone.
 */
function localTime(time: number, timezone: string): LocalTime {
  charge(CLOCK_STEPS);
  const shown = clockTime(new Date(time), timezone);
  const date = shown.slice(0, 10);
  return {
    date,
    day: new Date(`${date}T00:00:00Z`).getUTCDay(),
    minute: Number(shown.slice(11, 13)) * 60 + Number(shown.slice(14, 16)),
  };
}

/** The local date and time in a zone, in whole minutes, as if it were UTC. */
export function localMs(time: number, timezone: string): number {
  const { date, minute } = localTime(time, timezone);
  return Date.parse(`${date}T00:00:00Z`) + minute * 60_000;
}

function dayBefore(local: LocalTime): LocalTime {
  const date = new Date(Date.parse(`${local.date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
  return { date, day: (local.day + 6) % 7, minute: local.minute };
}

/**
 * Whether a moment (milliseconds UTC) is inside a window. Spans are in local time: a span that the change to summer time
 * skips does not occur that day, and an hour that occurs twice counts twice. The part after midnight belongs to the day
 * on which the span started, also for holidays.
 */
export function isInside(window: Window, time: number): boolean {
  return window.some((span) => {
    const now = localTime(time, span.timezone);
    const starts = (local: LocalTime): boolean => span.days.includes(local.day) && !span.except.includes(local.date);
    if (span.to > span.from) {
      return starts(now) && now.minute >= span.from && now.minute < span.to;
    }
    return (starts(now) && now.minute >= span.from) || (starts(dayBefore(now)) && now.minute < span.to);
  });
}

/** Parses `mon-fri`, `sat`, `mon, wed, fri-sun`, `daily`; null for anything else. */
export function parseDays(text: string): Set<number> | null {
  const days = new Set<number>();
  for (const part of text
    .toLowerCase()
    .split(',')
    .map((one) => one.trim())) {
    if (part === 'daily' || part === 'every day') {
      DAYS.forEach((_, index) => days.add(index));
      continue;
    }
    if (part === 'weekdays' || part === 'weekends') {
      (part === 'weekdays' ? [1, 2, 3, 4, 5] : [0, 6]).forEach((day) => days.add(day));
      continue;
    }
    const [first, last, ...rest] = part.split(/\s*-\s*/).map(dayIndex);
    if (first === undefined || first < 0 || rest.length > 0 || (last !== undefined && last < 0)) {
      return null;
    }
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === (last ?? first)) {
        break;
      }
    }
  }
  return days;
}

/** The index of `mon` or `monday`; -1 when it is not a day. */
function dayIndex(word: string): number {
  const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
  return word.length < 3 ? -1 : names.findIndex((name) => name.startsWith(word));
}

/** Parses `09:00`, up to `24:00`, as minutes from midnight; null when it is not a time of day. */
export function parseTimeOfDay(text: string): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (found === null) {
    return null;
  }
  const minutes = Number(found[1]) * 60 + Number(found[2]);
  return Number(found[2]) < 60 && minutes <= 1_440 ? minutes : null;
}

/** A time of day as people write it besides: `9`, `6pm`, `17.30`, `17h30`, `1730`. */
const LOOSE_TIME = /^(\d{1,2})(?:[:.,h-]?(\d{2}))?\s*(?:(am|pm)|uhr|h)?$/i;

/** What somebody means who writes a time of day in another way, as `17:30`; null when that is not clear. */
export function meantTimeOfDay(text: string): string | null {
  const [, hourText, minutes = '00', half] = LOOSE_TIME.exec(text.trim()) ?? [];
  const written = Number(hourText);
  if (hourText === undefined || (half !== undefined && written > 12)) {
    return null;
  }
  const hour = half === undefined ? written : (written % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
  const meant = `${String(hour).padStart(2, '0')}:${minutes}`;
  return parseTimeOfDay(meant) === null ? null : meant;
}
