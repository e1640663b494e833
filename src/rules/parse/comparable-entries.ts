import { comparableNumber } from '../language/operators';
import type { NamedList } from './lists';
import type { NamedMap } from './maps';

/** By list or map, and by country: thousands of rules may use one, and reading a number takes 5 to 10 µs. */
const known = new WeakMap<NamedList | NamedMap, Map<string | null, ReadonlySet<string>>>();

/** The items of a list or the keys of a map as texts, numbers in E.164. */
export function comparableEntries(named: NamedList | NamedMap, country: string | null): ReadonlySet<string> {
  const byCountry = known.get(named) ?? new Map<string | null, ReadonlySet<string>>();
  const entries =
    byCountry.get(country) ??
    new Set(named.map((one) => comparableNumber(String('key' in one ? one.key : one.value), country)));
  known.set(named, byCountry.set(country, entries));
  return entries;
}
