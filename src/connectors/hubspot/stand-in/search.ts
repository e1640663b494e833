import { z } from 'zod';
import type { ObjectType } from '../record';
import type { StandInAccount, StandInRecord } from './records';
import { Refusal } from './refusal';

const filter = z.object({
  propertyName: z.string(),
  operator: z.string(),
  value: z.string().optional(),
  highValue: z.string().optional(),
  values: z.array(z.string()).optional(),
});
type Filter = z.output<typeof filter>;
const searchRequest = z.object({
  filterGroups: z
    .array(z.object({ filters: z.array(filter).max(6) }))
    .max(5)
    .default([]),
  sorts: z
    .array(z.union([z.string(), z.object({ propertyName: z.string(), direction: z.string().default('ASCENDING') })]))
    .max(1)
    .default([]),
  properties: z.array(z.string()).default([]),
  limit: z.number().int().min(1).max(200).default(10),
  after: z.string().default('0'),
});

/** A page of what matches, and how much does in all. */
export interface SearchAnswer {
  total: number;
  results: StandInRecord[];
  properties: string[];
  after: string | null;
}

/**
 * HubSpot's search (docs "Search the CRM"): groups are or, the filters of a group and; text is compared without regard
 * to case.
 */
export function searchRecords(account: StandInAccount, type: ObjectType, body: unknown): SearchAnswer | Refusal {
  const request = searchRequest.safeParse(body);
  if (!request.success) {
    return new Refusal(400, 'VALIDATION_ERROR', 'Invalid input JSON: too many filters, or a field of the wrong type');
  }
  const { filterGroups, sorts, properties, limit, after } = request.data;
  const unknown = filterGroups
    .flatMap((group) => group.filters)
    .find(
      ({ propertyName }) =>
        !propertyName.startsWith('associations.') && account.property(type, propertyName) === undefined,
    );
  if (unknown !== undefined) {
    // HubSpot answers this one without a category (reference connectors.md 1.1).
    return new Refusal(400, '', `There was a problem with the request.`);
  }
  const matching = account
    .searchable(type)
    .filter(
      (record) =>
        filterGroups.length === 0 ||
        filterGroups.some((group) =>
          group.filters.every((one) => account.isSearchable(type, one.propertyName) && holds(record, one)),
        ),
    );
  const [sort] = sorts;
  if (sort !== undefined) {
    const name = typeof sort === 'string' ? sort.replace(/^-/, '') : sort.propertyName;
    const sign = (typeof sort === 'string' ? sort.startsWith('-') : sort.direction === 'DESCENDING') ? -1 : 1;
    matching.sort((a, b) => sign * compare(a.properties[name] ?? '', b.properties[name] ?? ''));
  }
  const start = Number(after);
  const end = start + limit;
  return {
    total: matching.length,
    results: matching.slice(start, end),
    properties,
    after: end < matching.length ? String(end) : null,
  };
}

function holds(
  record: StandInRecord,
  { propertyName, operator, value = '', highValue = '', values = [] }: Filter,
): boolean {
  if (propertyName === 'associations.contact') {
    return operator === 'EQ'
      ? record.contactIds.includes(value)
      : operator === 'IN' && values.some((id) => record.contactIds.includes(id));
  }
  const own = record.properties[propertyName] ?? '';
  const has = own !== '';
  switch (operator) {
    case 'EQ':
      return has && compare(own, value) === 0;
    case 'NEQ':
      return has && compare(own, value) !== 0;
    case 'IN':
      return has && values.some((one) => compare(own, one) === 0);
    case 'NOT_IN':
      return has && values.every((one) => compare(own, one) !== 0);
    case 'HAS_PROPERTY':
      return has;
    case 'NOT_HAS_PROPERTY':
      return !has;
    case 'CONTAINS_TOKEN':
      return has && hasToken(own, value);
    case 'NOT_CONTAINS_TOKEN':
      return has && !hasToken(own, value);
    case 'LT':
      return has && compare(own, value) < 0;
    case 'LTE':
      return has && compare(own, value) <= 0;
    case 'GT':
      return has && compare(own, value) > 0;
    case 'GTE':
      return has && compare(own, value) >= 0;
    case 'BETWEEN':
      return has && compare(own, value) >= 0 && compare(own, highValue) <= 0;
    default:
      return false;
  }
}

/** Times as times (HubSpot takes epoch milliseconds too), numbers as numbers, else as text. */
function compare(a: string, b: string): number {
  const [x, y] = [comparable(a), comparable(b)];
  if (typeof x === 'number' && typeof y === 'number') {
    return x - y;
  }
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

function comparable(text: string): number | string {
  if (/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text)) {
    return Date.parse(text);
  }
  // A leading zero or plus is part of a phone number, not of a number.
  return /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : text;
}

/** A token is a run of letters and digits; `*` matches any part of one. */
function hasToken(own: string, wanted: string): boolean {
  const pattern = new RegExp(
    `^${wanted
      .toLowerCase()
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')}$`,
  );
  const whole = own.toLowerCase();
  return whole.split(/[^\p{L}\p{N}]+/u).some((token) => token !== '' && pattern.test(token));
}
