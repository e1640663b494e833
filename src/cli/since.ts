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

/** A time as people in a zone read it; with the zone where it is not UTC. */
export function shownTime(time: string, zone: string): string {
  return zone === 'UTC' ? time : clockTime(new Date(time), zone);
}

const LOCAL = /^(?:(\d{4}-\d{2}-\d{2})[ T]?)?(\d{1,2}:\d{2})?(:\d{2})?$/;

/**
 * Reads a time in the past: a duration before now (`2h`, `3d`), a time of day (the last one), a local date, or one with
 * a time, or a time in RFC 3339.
 * @param zone of times without one.
 * @throws WrongUse when it is none of them, or not in the past.
 */
export function parseTime(text: string, option: string, now: Date, zone = 'UTC'): Date {
  const time = readTime(text.trim(), now, zone);
  if (time === null || time.getTime() >= now.getTime()) {
    throw new WrongUse(
      `${option} expects a duration such as 2h or 3d, or a time in the past such as "2026-03-02 14:05" or 2026-03-02T01:00:00Z; got "${text}"`,
    );
  }
  return time;
}

function readTime(text: string, now: Date, zone: string): Date | null {
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
  const today = at(clockTime(now, zone).slice(0, 10));
  return today === null || today < now ? today : at(clockTime(new Date(now.getTime() - 86_400_000), zone).slice(0, 10));
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
