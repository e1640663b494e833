import { z } from 'zod';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/**
 * Parses a duration: `30s`, `15m`, `1h30m`, `7d`, `0`.
 * @returns milliseconds, or null when the text is not a duration.
 */
export function parseDuration(text: string): number | null {
  if (text === '0') {
    return 0;
  }
  if (!WHOLE.test(text)) {
    return null;
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    total += Number(amount) * UNITS[unit as keyof typeof UNITS];
  }
  return Math.round(total);
}

/** The duration as {@link parseDuration} reads it: `15m`, `1h30m`. @param ms whole milliseconds, 0 or more. */
export function formatDuration(ms: number): string {
  let rest = ms;
  const parts = (['d', 'h', 'm', 's', 'ms'] as const).map((unit) => {
    const amount = Math.floor(rest / UNITS[unit]);
    rest -= amount * UNITS[unit];
    return amount === 0 ? '' : `${amount}${unit}`;
  });
  return parts.join('') || '0';
}

/**
 * Parses a duration that is written in the program.
 * @returns milliseconds.
 * @throws TypeError when it is not a duration.
 */
export function durationMs(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === null) {
    throw new TypeError(`not a duration: ${text}`);
  }
  return parsed;
}

/** A duration in a YAML file: a text or the number 0 in the file, milliseconds in the program. */
export function duration() {
  return z.union([z.string(), z.literal(0)]).transform((value, context) => {
    const parsed = parseDuration(String(value));
    if (parsed === null) {
      context.addIssue({ code: 'custom', message: 'expected a duration such as 30s, 15m, 24h or 7d' });
      return z.NEVER;
    }
    return parsed;
  });
}
