import { celMap, celUint, isCelList, type CelList, type CelValue } from '@bufbuild/cel';
import { digitsOf } from '../../events/exact-number';
import type { JsonObject, JsonValue } from '../../events/json';
import { charge, NAME_STEPS } from './budget';

/** Marks a list for `@bufbuild/cel`, which exports no constructor for lists of one's own. */
const LIST = Symbol.for('@bufbuild/cel/list');

/** A JSON value as a CEL value that charges the budget for each item that is read. Nothing is copied. */
export function celValueOf(value: JsonValue): CelValue {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return asCelList(new JsonList(value));
  }
  const digits = digitsOf(value);
  return digits === null ? celMap(new JsonMap(value)) : celNumberOf(digits);
}

/** A whole number that a double would change as CEL's int or uint, which keep it; any other number as a double. */
function celNumberOf(digits: string): CelValue {
  const double = Number(digits);
  if (Number.isSafeInteger(double) || !/^-?\d{1,20}$/.test(digits)) {
    return double;
  }
  const whole = BigInt(digits);
  if (BigInt.asIntN(64, whole) === whole) {
    return whole;
  }
  return BigInt.asUintN(64, whole) === whole ? celUint(whole) : double;
}

/** The list of the items of both. Takes as many steps as `right` has items when `left` is such a list already. */
export function concatenated(left: CelList, right: CelList): CelList {
  const grown: unknown = left;
  return asCelList(grown instanceof GrownList ? grown.with(right) : new GrownList([], 0).with(left).with(right));
}

/** @throws TypeError when the library marks its lists in another way. */
export function asCelList(list: JsonList | GrownList): CelList {
  if (!isCelList(list)) {
    throw new TypeError('@bufbuild/cel marks its lists in another way');
  }
  return list;
}

/** A list of JSON values that charges the budget for each item that is read. */
export class JsonList {
  readonly [LIST] = true;

  constructor(private readonly items: readonly JsonValue[]) {}

  get size(): number {
    return this.items.length;
  }

  get(index: number): CelValue | undefined {
    charge(1);
    const item = this.items[index];
    return item === undefined ? undefined : celValueOf(item);
  }

  *values(): Generator<CelValue, undefined> {
    for (const item of this.items) {
      charge(1);
      yield celValueOf(item);
    }
    return undefined;
  }

  [Symbol.iterator](): Generator<CelValue, undefined> {
    return this.values();
  }
}

/**
 * A list that `+` made. Lists that grow from one another share the items, so that `map` and `filter`, which append item
 * by item, take linear time.
 */
class GrownList {
  readonly [LIST] = true;

  constructor(
    private readonly items: CelValue[],
    readonly size: number,
  ) {}

  /** A list with the items of both. */
  with(more: CelList): GrownList {
    const isLongest = this.items.length === this.size;
    if (!isLongest) {
      charge(this.size);
    }
    const items = isLongest ? this.items : this.items.slice(0, this.size);
    for (const item of more) {
      charge(1);
      items.push(item);
    }
    return new GrownList(items, items.length);
  }

  get(index: number): CelValue | undefined {
    charge(1);
    return index < this.size ? this.items[index] : undefined;
  }

  *values(): Generator<CelValue, undefined> {
    for (let index = 0; index < this.size; index += 1) {
      charge(1);
      const item = this.items[index];
      if (item !== undefined) {
        yield item;
      }
    }
    return undefined;
  }

  [Symbol.iterator](): Generator<CelValue, undefined> {
    return this.values();
  }
}

/** An object as a map. `celMap` looks up keys of other types as well: an object has none. */
class JsonMap implements ReadonlyMap<string, CelValue> {
  constructor(private readonly object: JsonObject) {}

  get size(): number {
    return this.#names().length;
  }

  get(key: string): CelValue | undefined {
    charge(1);
    const value = typeof key === 'string' && Object.hasOwn(this.object, key) ? this.object[key] : undefined;
    return value === undefined ? undefined : celValueOf(value);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *keys(): Generator<string, undefined> {
    yield* this.#names();
    return undefined;
  }

  *values(): Generator<CelValue, undefined> {
    for (const [, value] of this.entries()) {
      yield value;
    }
    return undefined;
  }

  *entries(): Generator<[string, CelValue], undefined> {
    for (const key of this.#names()) {
      yield [key, celValueOf(this.object[key] ?? null)];
    }
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, CelValue], undefined> {
    return this.entries();
  }

  forEach(each: (value: CelValue, key: string, map: ReadonlyMap<string, CelValue>) => void): void {
    for (const [key, value] of this.entries()) {
      each(value, key, this);
    }
  }

  #names(): string[] {
    const names = Object.keys(this.object);
    charge(names.length * NAME_STEPS);
    return names;
  }
}
