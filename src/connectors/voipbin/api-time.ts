/**
 * Epoch milliseconds of a time in VoIPBIN's answers: RFC 3339, or `2026-01-20 10:30:00.000000` in UTC as older ones have it.
 * A time that is absent or cannot be read counts as infinitely new.
 */
export function epochMs(time: string | null | undefined): number {
  if (time === null || time === undefined) {
    return Number.POSITIVE_INFINITY;
  }
  const iso = time.replace(' ', 'T');
  const parsed = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(parsed) ? Number.POSITIVE_INFINITY : parsed;
}
