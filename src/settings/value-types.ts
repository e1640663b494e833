import { isIP } from 'node:net';
import { z } from 'zod';
import { withoutBrackets } from '../net/address';
import { parseRange } from '../net/address-range';
import { parseDuration } from '../yaml/duration';
import { parseSize } from '../yaml/size';

/** Why a value is not valid: what was expected. Never the value itself, because it may be a secret. */
export class InvalidValue {
  constructor(readonly message: string) {}
}

/**
 * A setting with one value. Texts, numbers and booleans of the file are read as the text that they would be in the
 * environment, so that both places accept the same values.
 */
export function single<T>(fallback: T, read: (text: string) => T | InvalidValue) {
  return z.unknown().transform((raw, context): T => {
    if (raw === undefined) {
      return fallback;
    }
    const value =
      typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean'
        ? read(String(raw).trim())
        : new InvalidValue('expected a single value');
    if (value instanceof InvalidValue) {
      context.addIssue({ code: 'custom', message: value.message });
      return z.NEVER;
    }
    return value;
  });
}

/** A setting with several values: a list, or one text with commas. Every invalid item has its own issue. */
export function several<T>(read: (text: string) => T | InvalidValue) {
  return z.unknown().transform((raw, context) => readSeveral(raw, context, read));
}

function readSeveral<T>(raw: unknown, context: z.RefinementCtx, read: (text: string) => T | InvalidValue): T[] {
  const isList = Array.isArray(raw);
  const items: unknown[] = isList ? raw : typeof raw === 'string' ? raw.split(',') : raw === undefined ? [] : [raw];
  const values: T[] = [];
  for (const [index, item] of items.entries()) {
    const text = item === null ? '' : typeof item === 'string' || typeof item === 'number' ? String(item).trim() : null;
    const value = text === null ? new InvalidValue('expected a list of texts') : text === '' ? null : read(text);
    if (value instanceof InvalidValue) {
      context.addIssue({ code: 'custom', message: value.message, path: isList ? [index] : [] });
    } else if (value !== null) {
      values.push(value);
    }
  }
  return values;
}

export function text(fallback: string) {
  return single(fallback, (value) => value);
}

/** A text, or null when it is not set. */
export function optionalText() {
  return single<string | null>(null, (value) => value);
}

/** A whole number from `min` to `max`. @param what names it in the finding: `a port`. */
export function wholeNumber(fallback: number, min: number, max: number, what: string) {
  return single(fallback, (value) => {
    const number = Number(value);
    return /^\d+$/.test(value) && number >= min && number <= max
      ? number
      : new InvalidValue(`expected ${what} from ${min} to ${max}`);
  });
}

export function flag(fallback: boolean) {
  return single(fallback, (value) =>
    value === 'true' || value === 'false' ? value === 'true' : new InvalidValue('expected true or false'),
  );
}

/** A TCP port; 0 takes a free one. */
export function port(fallback: number) {
  return wholeNumber(fallback, 0, 65_535, 'a port');
}

/** An amount of data, in bytes. */
export function size(fallback: string, min: string) {
  const minBytes = parseSize(min) ?? 0;
  return single(parseSize(fallback) ?? 0, (value) => {
    const bytes = parseSize(value);
    return bytes !== null && bytes >= minBytes
      ? bytes
      : new InvalidValue(`expected a size of at least ${min}, such as ${fallback}`);
  });
}

/** A duration of at least a minute, in milliseconds. */
export function durationOfMinutes(fallback: string) {
  return single(parseDuration(fallback) ?? 0, (value) => {
    const ms = parseDuration(value);
    return ms !== null && ms >= 60_000
      ? ms
      : new InvalidValue(`expected a duration of at least 1m, such as ${fallback} or 12h`);
  });
}

export function hostName(fallback: string) {
  return single(fallback, host);
}

/** An IP address or a host name. */
export function host(value: string): string | InvalidValue {
  const bare = withoutBrackets(value);
  return isIP(bare) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(bare)
    ? bare
    : new InvalidValue('expected an IP address or a host name, without http:// and without a port');
}

/** `host:port`, or null when it is not set. */
export function hostAndPort() {
  return single<string | null>(null, (value) =>
    /^[^\s/:]+:\d{1,5}$|^\[[0-9A-Fa-f:]+\]:\d{1,5}$/.test(value)
      ? value
      : new InvalidValue('expected host:port, such as temporal.example.com:7233'),
  );
}

/** An IP address or CIDR range. The message repeats a value only when it resembles an address. */
export function address(value: string): string | InvalidValue {
  const range = parseRange(value);
  return 'error' in range ? new InvalidValue(range.error) : value;
}

/** The addresses of reverse proxies; false for none. `true` is refused: it would trust every sender. */
export function trustedProxies() {
  return z.unknown().transform((raw, context): false | string[] => {
    if (raw === undefined || raw === false || raw === 'false') {
      return false;
    }
    return readSeveral(raw === true ? 'true' : raw, context, (value) =>
      value === 'true'
        ? new InvalidValue('expected the addresses of the proxies; with true, anyone could forge X-Forwarded-For')
        : address(value),
    );
  });
}
