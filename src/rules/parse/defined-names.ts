import type { NamedValues } from '../language/named-values';
import { comparableNumber } from '../language/operators';
import type { Names } from './field-test';

/** Everything that is defined, in the form of the plan: keys of maps that are numbers in E.164. */
export function definedNames({ lists, maps, windows }: Names, country: string | null): Required<NamedValues> {
  return {
    lists: Object.fromEntries([...lists].map(([name, list]) => [name, list.map(({ value }) => value)])),
    maps: Object.fromEntries(
      [...maps].map(([name, map]) => [
        name,
        Object.fromEntries(map.map(({ key, value }) => [comparableNumber(key, country), value])),
      ]),
    ),
    windows: Object.fromEntries([...windows].flatMap(([name, window]) => (window === null ? [] : [[name, window]]))),
  };
}
