import type { Command } from 'commander';
import { WrongUse } from '../errors/operator-errors';
import { parseInstant } from '../events/time';
import type { Settings } from '../settings/settings';
import { clockTime, isZone, momentOf } from '../timing/zone';
import { parseDuration } from '../yaml/duration';

/** How `--since`, `--until` and `--at` are described in `--help`. */
export const TIME_FORMS = '2h, 3d (ago), 14:05 or "2026-03-02 14:05" (in --timezone), or 2026-03-02T01:00:00Z';

/** Adds `--timezone` to a command whose options are times. */
export function withTimezone(command: Command): Command {
  return command.option(
    '--timezone <zone>',
    'the zone of times, such as Europe/Berlin (default: the timezone of the rule file)',
  );
}

/**
 * The zone in which a command reads and prints times: `--timezone`, else that of the rule file's `defaults`, else UTC.
 * @throws WrongUse for an unknown zone.
 */
export async function zoneOf({ timezone }: { timezone?: string }, settings: Settings): Promise<string> {
  if (timezone === undefined) {
    // Only now: most commands that print no times do not need it.
    const { defaultsOfRuleFile } = await import('../rules/parse/defaults.js');
    return defaultsOfRuleFile(settings.rulesFile).timezone;
  }
  if (!isZone(timezone)) {
    throw new WrongUse(`--timezone expects a time zone such as Europe/Berlin or America/New_York; got "${timezone}"`);
  }
  return timezone;
}

/** A time as people in a zone read it. The screen names the zone once: {@link zoneLines}. */
export function shownTime(time: string, zone: string): string {
  return zone === 'UTC' ? time : clockTime(new Date(time), zone);
}

/** The last line of a screen with times: their zone. None in UTC, where each time says so itself. */
export function zoneLines(zone: string): string[] {
  return zone === 'UTC' ? [] : [`Times are those of ${zone}.`];
}

const DAY_MS = 86_400_000;
const LOCAL = /^(?:(\d{4}-\d{2}-\d{2})[ T]?)?(\d{1,2}:\d{2})?(:\d{2})?$/;

/**
 * Reads a time in the past: a duration before now (`2h`, `3d`), a time of day (the last one), a local date, or one with
 * a time, or a time in RFC 3339.
 * @param zone of times without one.
 * @param aheadMs how far ahead of now it may be: people's clocks differ, and "about 14:05" may be said at 14:03.
 * @throws WrongUse when it is none of them, or not in the past.
 */
export function parseTime(text: string, option: string, now: Date, zone = 'UTC', aheadMs = 0): Date {
  const latest = new Date(now.getTime() + aheadMs);
  const time = readTime(text.trim(), now, zone, latest);
  if (time === null || time >= latest) {
    throw new WrongUse(
      `${option} expects a duration such as 2h or 3d, or a time in the past such as 14:05, "2026-03-02 14:05" or 2026-03-02T01:00:00Z; got "${text}"`,
    );
  }
  return time;
}

/** @param latest a time of day is the last one before it. */
function readTime(text: string, now: Date, zone: string, latest: Date): Date | null {
  const agoMs = parseDuration(text);
  if (agoMs !== null) {
    return new Date(now.getTime() - agoMs);
  }
  const [, date, time, seconds = ':00'] = LOCAL.exec(text) ?? [];
  if (date === undefined && time === undefined) {
    const instant = parseInstant(text);
    return instant === null ? null : new Date(instant / 1_000);
  }
  const at = (day: string): Date | null => momentOf(`${day} ${(time ?? '00:00').padStart(5, '0')}${seconds}`, zone);
  if (date !== undefined) {
    return at(date);
  }
  const today = at(clockTime(latest, zone).slice(0, 10));
  return today === null || today < latest
    ? today
    : at(clockTime(new Date(latest.getTime() - DAY_MS), zone).slice(0, 10));
}

/** Two times, as `--since` and `--until` say them; undefined where an option is not given. */
export interface Period {
  since: Date | undefined;
  until: Date | undefined;
}

/**
 * Reads `--since` and `--until`. An end that is still to come is now: people say the whole day, or the hour that is not
 * over. A time of day is the last one, or the first after `--since`, where the last one is before it.
 * @throws WrongUse when one is no time, `--since` is not in the past, or `--until` is not after it.
 */
export function parsePeriod(
  options: { since?: string | undefined; until?: string | undefined },
  now: Date,
  zone: string,
): Period {
  const since = options.since === undefined ? undefined : parseSince(options.since, now, zone);
  if (options.until === undefined) {
    return { since, until: undefined };
  }
  const inADay = new Date(now.getTime() + DAY_MS);
  const read = (latest: Date): Date | null => readTime(options.until?.trim() ?? '', now, zone, latest);
  const last = read(now);
  const time = since !== undefined && last !== null && last <= since ? read(inADay) : last;
  if (time === null) {
    throw new WrongUse(
      `--until expects a duration such as 2h or 3d (ago), or a time such as "2026-03-02 14:05" or 2026-03-02T01:00:00Z; got "${options.until}"`,
    );
  }
  const until = time < now ? time : now;
  if (since !== undefined && until <= since) {
    throw new WrongUse('--until must be after --since');
  }
  return { since, until };
}

/**
 * Reads `--since` as {@link parseTime} does.
 * @throws WrongUse when it is not a time in the past.
 */
export function parseSince(text: string, now: Date, zone = 'UTC'): Date {
  return parseTime(text, '--since', now, zone);
}

/**
 * Reads an option that is a duration before now only (`24h`, `7d`).
 * @throws WrongUse when it is not, or zero.
 */
export function parseSpan(text: string, option: string, now: Date): Date {
  const ms = parseDuration(text);
  if (ms === null || ms === 0) {
    throw new WrongUse(`${option} expects a duration such as 24h or 7d; got "${text}"`);
  }
  return new Date(now.getTime() - ms);
}
