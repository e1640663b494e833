import { WrongUse } from '../errors/operator-errors';
import { parseInstant } from '../events/time';
import { parseDuration } from '../yaml/duration';

/**
 * Reads `--since` as a duration before now (`2h`, `3d`), or as a time in the past in RFC 3339.
 * @throws WrongUse when it is neither.
 */
export function parseSince(text: string, now: Date): Date {
  const agoMs = parseDuration(text);
  const instant = parseInstant(text);
  const since = agoMs !== null ? now.getTime() - agoMs : instant === null ? null : instant / 1_000;
  if (since === null || since >= now.getTime()) {
    throw new WrongUse(
      `--since expects a duration such as 2h or 3d, or a time in the past such as 2026-03-02T01:00:00Z; got "${text}"`,
    );
  }
  return new Date(since);
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
