const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError for an unknown zone. */
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
    second: '2-digit',
  });
  // Bounded: there are some 600 zones.
  formats.set(timezone, made);
  return made;
}

/** A moment as clocks in a zone show it: `2026-11-26 14:05:09`. @throws RangeError for an unknown zone. */
export function clockTime(time: Date, timezone: string): string {
  const parts = new Map(
    formatOf(timezone)
      .formatToParts(time)
      .map(({ type, value }) => [type, value]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): string => parts.get(name) ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}:${part('second')}`;
}

/**
 * The moment at which clocks in a zone show a time. Of an hour that occurs twice it is the first; a time that the change
 * to summer time skips is moved on by what is skipped.
 *
 * @param written `2026-11-26 14:05:09`
 * @returns null for a time that does not exist in any zone, such as 30 February.
 * @throws RangeError for an unknown zone.
 */
export function momentOf(written: string, timezone: string): Date | null {
  const asUtc = Date.parse(`${written.replace(' ', 'T')}Z`);
  if (Number.isNaN(asUtc) || new Date(asUtc).toISOString().slice(0, 19) !== written.replace(' ', 'T')) {
    return null;
  }
  const offsetAt = (time: number): number =>
    Date.parse(`${clockTime(new Date(time), timezone).replace(' ', 'T')}Z`) - time;
  // The offsets a day before and after: one of them applies, and the earlier moment comes first.
  const moments = [offsetAt(asUtc - 86_400_000), offsetAt(asUtc + 86_400_000)].map((offset) => asUtc - offset);
  const shown = moments.filter((time) => time + offsetAt(time) === asUtc).sort((one, other) => one - other);
  return new Date(shown[0] ?? Math.max(...moments));
}

/** Whether the runtime knows an IANA time zone. */
export function isZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}
