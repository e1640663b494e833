import { parseInstant } from '../../events/time';

/**
 * Epoch milliseconds of a time in VoIPBIN's answers. A time that is absent, "not yet" or unreadable counts as
 * infinitely new.
 */
export function epochMs(time: string | null | undefined): number {
  const instant = parseInstant(time);
  return instant === null ? Number.POSITIVE_INFINITY : instant / 1_000;
}
