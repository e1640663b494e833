import { celMap, isCelUint, type CelUint, type CelValue } from '@bufbuild/cel';
import { compareNumbers } from '../../events/exact-number';
import { charge, CHARS_PER_STEP } from './budget';
import { asCelList, celValueOf, JsonList } from './cel-values';
import { windowStates, type NamedValues, type Single } from './named-values';
import { comparableNumber } from './operators';

/**
 * Reading a phone number takes 5 to 10 µs, and up to 50 µs for the longest texts of digits and marks that may be one
 * (measured): as long as so many steps, and one more for each character.
 */
const NUMBER_STEPS = 60;
/** No phone number or address is longer. */
const MAX_NUMBER_CHARS = 250;

/** What the named values of a rule are evaluated with. */
export interface NamesScope {
  /** When the event happened, in milliseconds UTC. */
  at: number;
  /** Country of phone numbers without a country code; null when the rule file names none. */
  country: string | null;
}

/**
 * The variables `lists`, `maps` and `windows` of a condition. Phone numbers are found in any format: `peer.number in
 * lists.vip`, `maps.managers[ours.number]`. A map has null for what it has no entry for, as for an absent field.
 */
export function celNames({ lists, maps, windows }: NamedValues, { at, country }: NamesScope): Record<string, CelValue> {
  const group = <Item>(items: Readonly<Record<string, Item>>, valueOf: (item: Item) => CelValue): CelValue =>
    celMap(new Map(Object.entries(items).map(([name, item]) => [name, valueOf(item)])));
  return {
    ...(lists === undefined ? {} : { lists: group(lists, (list) => asCelList(new NamedList(list, country))) }),
    ...(maps === undefined ? {} : { maps: group(maps, (map) => celMap(new NamedMap(map, country))) }),
    ...(windows === undefined ? {} : { windows: celValueOf(windowStates(windows, at)) }),
  };
}

/** The items of a list in the form in which they are compared, by country. Rules that use one list share them. */
const comparableLists = new WeakMap<readonly Single[], Map<string | null, ComparableList>>();

interface ComparableList {
  items: readonly Single[];
  set: ReadonlySet<Single>;
}

function comparableList(list: readonly Single[], country: string | null): ComparableList {
  const known = comparableLists.get(list)?.get(country);
  if (known !== undefined) {
    return known;
  }
  const items = list.map((item) => (typeof item === 'string' ? comparableNumber(item, country) : item));
  const made = { items, set: new Set([...list, ...items]) };
  comparableLists.set(list, new Map([...(comparableLists.get(list) ?? []), [country, made]]));
  return made;
}

/** A list of a rule file: its numbers are in E.164, and `in` finds a number in any format. */
export class NamedList extends JsonList {
  readonly #list: ComparableList;
  readonly #country: string | null;

  constructor(list: readonly Single[], country: string | null) {
    // The same steps whether the list was read before or not: the outcome must not depend on it.
    charge(list.length);
    const comparable = comparableList(list, country);
    super(comparable.items);
    this.#list = comparable;
    this.#country = country;
  }

  /** Whether it has an item that equals the value. A number of an event equals the text that spells it, as in `when`. */
  has(value: CelValue): boolean {
    if (typeof value === 'string') {
      return this.#list.set.has(value) || this.#list.set.has(numberOf(value, this.#country));
    }
    if (typeof value === 'boolean') {
      return this.#list.set.has(value);
    }
    const digits = digitsOf(value);
    charge(this.size);
    return (
      digits !== null &&
      this.#list.items.some((item) => typeof item !== 'boolean' && compareNumbers(String(item), digits) === 0)
    );
  }
}

type Key = string | bigint | boolean | CelUint;

/** A map of a rule file. `get` of an unknown key is null. */
class NamedMap implements ReadonlyMap<Key, CelValue> {
  readonly #entries: Readonly<Record<string, Single>>;
  readonly #country: string | null;

  constructor(entries: Readonly<Record<string, Single>>, country: string | null) {
    this.#entries = entries;
    this.#country = country;
  }

  get size(): number {
    return this.#names().length;
  }

  get(key: Key): CelValue {
    const name = typeof key === 'string' ? numberOf(key, this.#country) : digitsOf(key);
    return name !== null && Object.hasOwn(this.#entries, name) ? (this.#entries[name] ?? null) : null;
  }

  has(key: Key): boolean {
    return this.get(key) !== null;
  }

  *keys(): Generator<Key, undefined> {
    yield* this.#names();
    return undefined;
  }

  *values(): Generator<CelValue, undefined> {
    for (const [, value] of this.entries()) {
      yield value;
    }
    return undefined;
  }

  *entries(): Generator<[Key, CelValue], undefined> {
    for (const name of this.#names()) {
      yield [name, this.#entries[name] ?? null];
    }
    return undefined;
  }

  [Symbol.iterator](): Generator<[Key, CelValue], undefined> {
    return this.entries();
  }

  forEach(each: (value: CelValue, key: Key, map: ReadonlyMap<Key, CelValue>) => void): void {
    for (const [key, value] of this.entries()) {
      each(value, key, this);
    }
  }

  #names(): string[] {
    const names = Object.keys(this.#entries);
    charge(names.length);
    return names;
  }
}

/** A text in the form in which numbers are compared. */
function numberOf(text: string, country: string | null): string {
  charge(text.length / CHARS_PER_STEP);
  if (text.length > MAX_NUMBER_CHARS) {
    return text;
  }
  charge(NUMBER_STEPS + text.length);
  return comparableNumber(text, country);
}

/** The digits of a number; null for other values. */
function digitsOf(value: CelValue): string | null {
  if (isCelUint(value)) {
    return String(value.value);
  }
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}
