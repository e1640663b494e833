import type { JsonObject, JsonValue } from '../events/json';
import { formatInstant, parseInstant, type Instant } from '../events/time';

/** How VoIPBIN names its times. */
const TIME = /^tm_/;

/**
 * Moves the times of an event, so that the latest one is now: intervals between them stay as they are. Each keeps the
 * form in which it was written. "Not yet", null and texts that are not times stay.
 */
export function shiftTimes(event: JsonObject, now: Date): void {
  const latest = timesIn(event).reduce<Instant | null>(
    (found, time) => (found === null || time > found ? time : found),
    null,
  );
  if (latest !== null) {
    moveTimes(event, now.getTime() * 1_000 - latest);
  }
}

function timesIn(value: JsonValue): Instant[] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) => {
        const time = TIME.test(name) ? parseInstant(member) : null;
        return time === null ? timesIn(member) : [time];
      })
    : [];
}

function moveTimes(value: JsonValue, by: number): void {
  if (Array.isArray(value)) {
    value.forEach((item) => moveTimes(item, by));
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      const time = TIME.test(name) ? parseInstant(member) : null;
      if (time === null || typeof member !== 'string') {
        moveTimes(member, by);
      } else {
        value[name] = written(time + by, member);
      }
    }
  }
}

/** A time in the form of another: `2026-03-02T09:00:00.000Z`, or `2026-03-02 09:00:00.000000`, which is UTC, too. */
function written(time: Instant, like: string): string {
  const text = formatInstant(time);
  if (/[Zz]|[+-]\d{2}:?\d{2}$/.test(like)) {
    return text;
  }
  const [seconds = '', fraction = ''] = text.slice(0, -1).split('.');
  return `${seconds.replace('T', ' ')}.${fraction.padEnd(6, '0')}`;
}
