import { createHash } from 'node:crypto';
import { toValue, type Context, type Liquid } from 'liquidjs';

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
      return handler.call(this, read === 'now' || read === 'today' ? momentOf(this.context).now : value, ...args);
    });
  }
  liquid.registerFilter('sample', function (value: unknown, count: unknown = 1): unknown {
    return sampled(toValue(value), count, momentOf(this.context));
  });
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
