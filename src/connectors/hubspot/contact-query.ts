import type { PhoneForms } from './phone-forms';
import { hasToken, isOneOf, type HubSpotRecord, type SearchFilter } from './record';

/** HubSpot's limit is 3,000 (its page on searches). The SDK sends these fields and no others. */
export const MOST_QUERY_CHARACTERS = 2_980;
/** HubSpot's limit of an IN. */
const MOST_VALUES = 100;
/** So many digits at a number's end are the same in all its forms: they differ in prefixes. */
const COMMON_DIGITS = 6;

/** The body of a search. */
export interface ContactQuery<Operator> {
  filterGroups: { filters: (Omit<SearchFilter, 'operator'> & { operator: Operator })[] }[];
  properties: string[];
  limit: number;
}

/**
 * One search that finds too many contacts rather than too few, in whatever format their numbers are stored.
 *
 * HubSpot's searchable digits are "area code and local number" (its page on searches). Whether they keep a leading zero
 * that belongs to the number is not documented, so both are asked for. What HubSpot has not made searchable is found by
 * the number as it is: for one number, also as the end of a word; for several, as all of the property, because a filter
 * for words takes one value, and a search has five groups of filters.
 */
export function contactQuery<Operator>(
  numbers: readonly PhoneForms[],
  properties: readonly string[],
  operatorOf: (operator: SearchFilter['operator']) => Operator,
): ContactQuery<Operator> {
  const [only, ...others] = numbers;
  const searchable = unique(numbers.flatMap((number) => number.searchable));
  const e164 = unique(numbers.flatMap((number) => number.e164));
  const digits = unique(numbers.flatMap((number) => number.digits));
  const isAlone = only !== undefined && others.length === 0;
  const filters = [
    isOneOf('hs_searchable_calculated_phone_number', searchable),
    isOneOf('hs_searchable_calculated_mobile_number', searchable),
    isOneOf('phone', isAlone ? e164 : [...e164, ...digits]),
    isOneOf('mobilephone', e164),
    ...(isAlone ? [hasToken('phone', `*${only.digits[0] ?? ''}`)] : []),
  ];
  return {
    filterGroups: filters.map((filter) => ({ filters: [{ ...filter, operator: operatorOf(filter.operator) }] })),
    properties: [...properties],
    limit: isAlone ? 100 : 200,
  };
}

/** Whether these numbers fit into one search. */
export function fitsOneSearch(numbers: readonly PhoneForms[], properties: readonly string[]): boolean {
  const query = contactQuery(numbers, properties, (operator) => operator);
  return (
    JSON.stringify(query).length <= MOST_QUERY_CHARACTERS &&
    query.filterGroups.every(({ filters }) => filters.every(({ values = [] }) => values.length <= MOST_VALUES))
  );
}

/** Whether a contact that a search for several numbers found may have this one. */
export function mayHavePhone({ properties }: HubSpotRecord, { e164 }: PhoneForms): boolean {
  const end = (e164[0] ?? '').slice(-COMMON_DIGITS);
  return [properties['phone'], properties['mobilephone']].some((stored) =>
    (stored ?? '').replace(/\D/g, '').includes(end),
  );
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
