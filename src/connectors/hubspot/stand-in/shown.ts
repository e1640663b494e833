import type { FastifyReply } from 'fastify';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ObjectType } from '../record';
import type { StandInRecord } from './records';
import type { Refusal } from './refusal';

export const typeParams = z.object({ type: z.enum(['contacts', 'calls', 'tasks']) });

/** A record to be made or changed, as HubSpot's API takes it. */
export const recordBody = z.object({
  properties: z.record(z.string(), z.unknown()).default({}),
  associations: z
    .array(z.object({ to: z.object({ id: z.string() }), types: z.array(z.object({ associationTypeId: z.number() })) }))
    .default([]),
});

/** The associations of a {@link recordBody}, one for each type. */
export function flatAssociations(
  associations: z.output<typeof recordBody>['associations'],
): { to: string; typeId: number }[] {
  return associations.flatMap(({ to, types }) =>
    types.map(({ associationTypeId }) => ({ to: to.id, typeId: associationTypeId })),
  );
}

/** A record as HubSpot shows it: the properties asked for and a few that it always gives, null where not set. */
export function shown(
  type: ObjectType,
  record: StandInRecord,
  asked: readonly string[],
  withContacts = false,
): Record<string, unknown> {
  const always =
    type === 'contacts'
      ? ['createdate', 'lastmodifieddate', 'hs_object_id', 'email', 'firstname', 'lastname']
      : ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id'];
  const names = [...new Set([...always, ...asked])];
  const properties = Object.fromEntries(
    names.map((name) => [
      name,
      record.properties[name] === undefined || record.properties[name] === '' ? null : record.properties[name],
    ]),
  );
  const { id, createdAt, updatedAt } = record;
  const results = record.contactIds.map((contactId) => ({
    id: contactId,
    type: type === 'calls' ? 'call_to_contact' : 'task_to_contact',
  }));
  return {
    id,
    properties,
    createdAt,
    updatedAt,
    archived: false,
    ...(withContacts && results.length > 0 ? { associations: { contacts: { results } } } : {}),
  };
}

/** Sends a refusal in HubSpot's format. */
export function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const category = refusal.category === '' ? {} : { category: refusal.category };
  return reply
    .code(refusal.status)
    .send({ status: 'error', message: refusal.message, correlationId: randomUUID(), ...category, ...refusal.more });
}
