import { parseInstant } from '../events/time';
import { parseDuration } from '../yaml/duration';
import { WrongUse } from '../errors/operator-errors';

/**
 * Reads what `--since` takes: a duration before now (`2h`, `3d`), or a time of the past in RFC 3339.
 * @throws WrongUse when it is neither.
 */
export function parseSince(text: string, now: Date): Date {
  const ago = parseDuration(text);
  const instant = parseInstant(text);
  const since = ago !== null ? now.getTime() - ago : instant === null ? null : instant / 1_000;
  if (since === null || since >= now.getTime()) {
    throw new WrongUse(
      `--since takes a duration such as 2h or 3d, or a time of the past such as 2026-03-02T01:00:00Z; got "${text}"`,
    );
  }
  return new Date(since);
}
