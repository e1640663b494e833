import { createHash } from 'node:crypto';
import { toValue, type Context, type Liquid } from 'liquidjs';
import { LiquidNumber } from './liquid-numbers';

/**
 * What a rendering would otherwise take from the clock and from chance. Every attempt of a step renders with the same
 * moment, so that it sends the same text: a text that an earlier attempt may have sent is found by comparing.
 */
export interface Moment {
  /** The time that templates call `now` and `today`. */
  now: Date;
  /** Decides what `sample` picks: the action key. */
  seed: string;
}

/** A moment, and the random numbers of one rendering that follow from it. */
export class FixedMoment {
  readonly now: Date;
  #state: number;

  constructor({ now, seed }: Moment) {
    this.now = now;
    this.#state = createHash('sha256').update(seed).digest().readUInt32LE();
  }

  /** The next random whole number, from 0 to `below` - 1. */
  next(below: number): number {
    // mulberry32: 32 bits of state are enough to choose among a few texts, and any change here would change texts.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }
}

/** Liquid's filters that read the clock when their value is `now` or `today`. */
const DATE_FILTERS = ['date', 'date_to_xmlschema', 'date_to_rfc822', 'date_to_string', 'date_to_long_string'];

/**
 * Makes the filters of an engine depend on the rendering's moment instead of the clock and `Math.random`.
 * @param momentOf the moment of the rendering that a context belongs to.
 */
export function fixFilters(liquid: Liquid, momentOf: (context: Context) => FixedMoment): void {
  for (const name of DATE_FILTERS) {
    const filter = liquid.filters[name];
    if (filter === undefined) {
      throw new TypeError(`liquidjs has no filter ${name}`);
    }
    const handler = typeof filter === 'function' ? filter : filter.handler;
    liquid.registerFilter(name, function (value: unknown, ...args: unknown[]): unknown {
      const read: unknown = toValue(value);
      const time = read === 'now' || read === 'today' ? momentOf(this.context).now : timeOf(read);
      return handler.call(this, time ?? value, ...args.map(withoutLocale));
    });
  }
  liquid.registerFilter('sample', function (value: unknown, count: unknown = 1): unknown {
    return sampled(toValue(value), count, momentOf(this.context));
  });
}

/** No time is longer, and {@link WITH_ZONE} takes quadratic time. */
const MAX_TIME_CHARS = 100;
const DIGITS = /^\d+$/;
const ISO_DAY = /^\d{4}-\d{2}-\d{2}$/;
const ISO_TIME = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)$/;
const WITH_ZONE = /(?:Z|GMT|UTC|[+-]\d{2}:?\d{2})(?: \(.*\))?$/i;

/**
 * A time that a template formats. One without a zone is UTC, as VoIPBIN's are, whatever this machine's zone. Numbers,
 * also as text, are seconds since 1970.
 * @returns null for what is not a time.
 */
function timeOf(value: unknown): Date | number | null {
  if (value instanceof LiquidNumber) {
    return Number(value);
  }
  if (typeof value !== 'string' || value.length > MAX_TIME_CHARS || DIGITS.test(value)) {
    return null;
  }
  const iso = ISO_TIME.exec(value);
  const withZone =
    iso !== null ? `${iso[1]}T${iso[2]}Z` : ISO_DAY.test(value) || WITH_ZONE.test(value) ? value : `${value} UTC`;
  const time = new Date(withZone);
  return Number.isNaN(time.getTime()) ? null : time;
}

/** What `%c`, `%x` and `%X` are without a locale (POSIX). liquidjs takes them in the locale of the machine. */
const WITHOUT_LOCALE: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

/** A format of which the result is the same on every machine. */
function withoutLocale(format: unknown): unknown {
  return typeof format === 'string'
    ? format.replace(
        /%%|%[-_0^#:]*\d*([cxX])/g,
        (whole, code: string | undefined) => WITHOUT_LOCALE[code ?? ''] ?? whole,
      )
    : format;
}

/** As Liquid's `sample`: one item of a list, or a list of `count`; of a text, its characters. */
function sampled(value: unknown, count: unknown, moment: FixedMoment): unknown {
  if (value === null || value === undefined) {
    return [];
  }
  const items: unknown[] = Array.isArray(value) || typeof value === 'string' ? Array.from<unknown>(value) : [value];
  const wanted = Math.min(Number(count), items.length);
  for (let index = 0; index < wanted; index += 1) {
    const other = index + moment.next(items.length - index);
    [items[index], items[other]] = [items[other], items[index]];
  }
  return count === 1 ? items[0] : items.slice(0, Math.max(wanted, 0));
}
