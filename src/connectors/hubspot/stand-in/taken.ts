import type { TakenItem } from '../../mailbox';
import type { ObjectType } from '../record';
import type { StandInAccount, StandInRecord } from './records';

const TYPES: readonly [ObjectType, string][] = [
  ['contacts', 'contact'],
  ['calls', 'call'],
  ['tasks', 'task'],
];
/** HubSpot's own properties, which say nothing of what was written. */
const DERIVED = /^(?:hs_object_id|hs_createdate|hs_lastmodifieddate|createdate|lastmodifieddate|hs_searchable_)/;

/** The records that were written since the start, with their properties. */
export function takenBy(account: StandInAccount, seeds: ReadonlySet<string>): TakenItem[] {
  return TYPES.flatMap(([type, what]) =>
    account
      .list(type)
      .filter(({ id, createdAt, updatedAt }) => type !== 'contacts' || !seeds.has(id) || createdAt !== updatedAt)
      .map((record) => itemOf(what, record)),
  );
}

function itemOf(what: string, { id, updatedAt, properties, contactIds }: StandInRecord): TakenItem {
  return {
    at: updatedAt,
    what,
    to: null,
    lines: [
      `id: ${id}`,
      ...Object.entries(properties).flatMap(([name, value]) => (DERIVED.test(name) ? [] : [`${name}: ${value}`])),
      ...(contactIds.length === 0 ? [] : [`contacts: ${contactIds.join(', ')}`]),
    ],
  };
}
