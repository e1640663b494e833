/** Days of the week as `Date.getUTCDay()` counts them. */
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** One span of a named window, in wall-clock time of its zone. */
export interface Span {
  /** Days (0 is Sunday) on which the span begins. */
  days: ReadonlySet<number>;
  /** Minutes from midnight; `from` is in, `to` is out. `to` at or before `from` means over midnight. */
  from: number;
  to: number;
  /** Dates (`2026-03-01`) on which no span begins: holidays. */
  except: ReadonlySet<string>;
  timezone: string;
}

/** A named window: inside when any of its spans holds. */
export type Window = readonly Span[];

/** A moment on a wall. */
interface LocalTime {
  /** `2026-03-01` */
  date: string;
  day: number;
  minute: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether the runtime knows an IANA zone. */
export function isTimezone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone);
  if (known !== undefined) {
    return known;
  }
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  // There are some 600 zones, so this is bounded.
  formats.set(timezone, made);
  return made;
}

/** The wall-clock time in a zone. @throws RangeError for a time or zone that is none. */
function localTime(time: number, timezone: string): LocalTime {
  const parts = new Map(
    formatOf(timezone)
      .formatToParts(time)
      .map((part) => [part.type, part.value]),
  );
  const date = `${parts.get('year') ?? ''}-${parts.get('month') ?? ''}-${parts.get('day') ?? ''}`;
  return {
    date,
    day: new Date(`${date}T00:00:00Z`).getUTCDay(),
    minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  };
}

function dayBefore(local: LocalTime): LocalTime {
  const date = new Date(Date.parse(`${local.date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
  return { date, day: (local.day + 6) % 7, minute: local.minute };
}

/**
 * Whether a moment (milliseconds UTC) lies in a window. Spans are wall-clock: on the day that a clock jumps over a span
 * there is none of it, and where an hour comes twice it counts both times. The part after midnight belongs to the day
 * on which the span began, also for holidays.
 */
export function isInside(window: Window, time: number): boolean {
  return window.some((span) => {
    const now = localTime(time, span.timezone);
    const begins = (local: LocalTime): boolean => span.days.has(local.day) && !span.except.has(local.date);
    if (span.to > span.from) {
      return begins(now) && now.minute >= span.from && now.minute < span.to;
    }
    return (begins(now) && now.minute >= span.from) || (begins(dayBefore(now)) && now.minute < span.to);
  });
}

/** `mon-fri`, `sat`, `mon, wed, fri-sun`, `daily`; null when it is none of these. */
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

/** `mon` and `monday` alike; -1 for what is no day. */
function dayIndex(word: string): number {
  const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
  return word.length < 3 ? -1 : names.findIndex((name) => name.startsWith(word));
}

/** `09:00` in minutes from midnight, up to `24:00`; null when it is no time of day. */
export function parseTimeOfDay(text: string): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (found === null) {
    return null;
  }
  const minutes = Number(found[1]) * 60 + Number(found[2]);
  return Number(found[2]) < 60 && minutes <= 1_440 ? minutes : null;
}
