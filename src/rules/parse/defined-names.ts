import type { NamedValues } from '../language/named-values';
import { comparableNumber } from '../language/operators';
import type { Findings, Position } from '../../yaml/finding';
import type { Names } from './field-test';
import { MAX_ENTRIES } from './maps';

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

/** Reports lists that are too long to travel with each run; maps have the same limit everywhere. */
export function checkCarried(findings: Findings, { lists = {} }: NamedValues, at: Position): void {
  for (const [name, list] of Object.entries(lists)) {
    if (list.length > MAX_ENTRIES) {
      findings.error(
        at,
        'too-large',
        `the list ${name} has ${list.length} items; a list that a text or an if uses may have ${MAX_ENTRIES}`,
        { hint: `use it under when: { in: $${name} }` },
      );
    }
  }
}
