import { z } from 'zod';
import type { ObjectType } from '../record';
import type { StandInAccount, StandInRecord } from './records';
import { Refusal } from './refusal';

const filter = z.object({
  propertyName: z.string(),
  operator: z.string(),
  value: z.string().optional(),
  highValue: z.string().optional(),
  values: z.array(z.string()).max(100).optional(),
});
type Filter = z.output<typeof filter>;
const searchRequest = z.object({
  filterGroups: z
    .array(z.object({ filters: z.array(filter).max(6) }))
    .max(5)
    .refine((groups) => groups.flatMap(({ filters }) => filters).length <= 18)
    .default([]),
  sorts: z
    .array(z.union([z.string(), z.object({ propertyName: z.string(), direction: z.string().default('ASCENDING') })]))
    .max(1)
    .default([]),
  query: z.string().default(''),
  properties: z.array(z.string()).default([]),
  limit: z.number().int().min(1).max(200).default(10),
  after: z.string().default('0'),
});

/** Where HubSpot looks for the words of `query` (docs "Search the CRM", "Default searchable properties"). */
const QUERIED: Readonly<Record<ObjectType, readonly string[]>> = {
  contacts: [
    'firstname',
    'lastname',
    'email',
    'phone',
    'mobilephone',
    'hs_searchable_calculated_phone_number',
    'hs_searchable_calculated_mobile_number',
  ],
  calls: ['hs_call_title', 'hs_call_body'],
  tasks: ['hs_task_subject', 'hs_task_body'],
};

/** HubSpot's limit of a search's body. */
const MOST_CHARACTERS = 3_000;

/** A page of what matches, and how much does in all. */
export interface SearchAnswer {
  total: number;
  results: StandInRecord[];
  properties: string[];
  after: string | null;
}

/**
 * HubSpot's search (docs "Search the CRM"): groups are or, the filters of a group and; text is compared without regard
 * to case. With a `query`, each of its words is in a searchable property, too; numbers without their country code.
 */
export function searchRecords(account: StandInAccount, type: ObjectType, body: unknown): SearchAnswer | Refusal {
  const request = searchRequest.safeParse(body);
  if (!request.success || JSON.stringify(body).length > MOST_CHARACTERS) {
    return new Refusal(400, 'VALIDATION_ERROR', 'Invalid input JSON: too many filters, or a field of the wrong type');
  }
  const { filterGroups, query, sorts, properties, limit, after } = request.data;
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
  const groups = filterGroups.map(({ filters }) =>
    filters.map((one) => (account.isSearchable(type, one.propertyName) ? test(one) : () => false)),
  );
  const matching = account
    .searchable(type)
    .filter((record) => groups.length === 0 || groups.some((tests) => tests.every((holdsFor) => holdsFor(record))))
    .filter(queryTest(type, query));
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

function queryTest(type: ObjectType, query: string): (record: StandInRecord) => boolean {
  const words = wordsOf(query);
  if (words.length === 0) {
    return () => true;
  }
  return ({ properties }) => {
    const own = wordsOf(QUERIED[type].map((name) => properties[name] ?? '').join(' '));
    return words.every((word) => own.some((one) => one.startsWith(word)));
  };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** A filter, made ready for many records: searches for many numbers would otherwise take longer than HubSpot's. */
function test(one: Filter): (record: StandInRecord) => boolean {
  if (one.operator === 'IN' && one.propertyName !== 'associations.contact') {
    const wanted = new Set((one.values ?? []).map(plain));
    return ({ properties }) => {
      const own = properties[one.propertyName] ?? '';
      return own !== '' && wanted.has(plain(own));
    };
  }
  if (one.operator === 'CONTAINS_TOKEN') {
    const contains = tokenTest(one.value ?? '');
    return ({ properties }) => contains(properties[one.propertyName] ?? '');
  }
  return (record) => holds(record, one);
}

/** Equal for what {@link compare} takes for equal. */
function plain(text: string): string {
  return String(comparable(text)).toLowerCase();
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
    case 'NOT_IN':
      return has && values.every((one) => compare(own, one) !== 0);
    case 'HAS_PROPERTY':
      return has;
    case 'NOT_HAS_PROPERTY':
      return !has;
    case 'NOT_CONTAINS_TOKEN':
      return has && !tokenTest(value)(own);
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
function tokenTest(wanted: string): (own: string) => boolean {
  const pattern = new RegExp(
    `^${wanted
      .toLowerCase()
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')}$`,
  );
  return (own) => wordsOf(own).some((token) => pattern.test(token));
}
