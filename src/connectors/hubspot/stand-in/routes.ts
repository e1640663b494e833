import type { FastifyInstance } from 'fastify';
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { BatchAnswers } from './account-options';
import type { StandInProperty } from './properties';
import type { StandInAccount, StandInOwner } from './records';
import { addBatchRoutes } from './batches';
import { Refusal } from './refusal';
import { searchRecords } from './search';
import { flatAssociations, recordBody, refuse, shown, typeParams } from './shown';

/** What the routes need to know of the stand-in's account. */
export interface RouteOptions {
  account: StandInAccount;
  owners: readonly StandInOwner[];
  /** Whether an address that is not among `owners` is a user's too. */
  knowsEveryOwner: boolean;
  batches: BatchAnswers;
  /** Whether the results of a batch creation carry `objectWriteTraceId` back. */
  resultsCarryTraceIds: boolean;
  /** False when a search comes too fast. */
  searchAllowed(): boolean;
}

const recordParams = typeParams.extend({ id: z.string() });
const list = z.union([z.string(), z.array(z.string())]).default([]);
const recordQuery = z.object({
  properties: list,
  associations: list,
  idProperty: z.string().optional(),
  archived: z.enum(['true', 'false']).default('false'),
});
const propertyBody = z.object({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  label: z.string(),
  groupName: z.string(),
  type: z.enum(['string', 'number', 'date', 'datetime', 'enumeration', 'bool']),
  fieldType: z.string(),
  description: z.string().default(''),
  hasUniqueValue: z.boolean().default(false),
});

/** HubSpot's paths, as @hubspot/api-client 14 calls them. */
export function addRoutes(app: FastifyInstance, options: RouteOptions): void {
  addRecordRoutes(app, options);
  addBatchRoutes(app, options);
  addPropertyRoutes(app, options);
  app.get('/crm/v3/owners', (request) => {
    const { email, limit } = z
      .object({ email: z.string().optional(), limit: z.coerce.number().default(100) })
      .parse(request.query);
    const known = options.owners.filter(
      (owner) => email === undefined || owner.email.toLowerCase() === email.toLowerCase(),
    );
    const found = known.length === 0 && email !== undefined && options.knowsEveryOwner ? [ownerWith(email)] : known;
    return {
      results: found
        .slice(0, limit)
        .map((owner) => ({ ...owner, type: 'PERSON', archived: false, createdAt: EPOCH, updatedAt: EPOCH })),
    };
  });
}

/** The user with an address: always the same id, so that nothing has to be kept. */
function ownerWith(address: string): StandInOwner {
  const email = address.toLowerCase();
  const id = String(createHash('sha256').update(email).digest().readUInt32BE());
  return { id, email, firstName: email.split('@')[0] ?? email, lastName: 'Owner' };
}

const EPOCH = new Date(0).toISOString();

function addRecordRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { account } = options;
  app.get('/crm/v3/objects/:type', (request) => {
    const { type } = typeParams.parse(request.params);
    const { limit } = z.object({ limit: z.coerce.number().int().min(1).max(100).default(10) }).parse(request.query);
    return {
      results: account
        .list(type)
        .slice(0, limit)
        .map((record) => shown(type, record, [])),
    };
  });
  app.post('/crm/v3/objects/:type', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const { properties, associations } = recordBody.parse(request.body);
    const made = account.create(type, properties, flatAssociations(associations));
    return made instanceof Refusal
      ? refuse(reply, made)
      : reply.code(201).send(shown(type, made, Object.keys(properties)));
  });
  app.get('/crm/v3/objects/:type/:id', (request, reply) => {
    const { type, id } = recordParams.parse(request.params);
    const { properties, associations, idProperty, archived } = recordQuery.parse(request.query);
    const found = account.get(type, id, idProperty, archived === 'true');
    return found instanceof Refusal
      ? refuse(reply, found)
      : reply.send(shown(type, found, [properties].flat(), [associations].flat().includes('contacts')));
  });
  app.patch('/crm/v3/objects/:type/:id', (request, reply) => {
    const { type, id } = recordParams.parse(request.params);
    const { properties } = recordBody.parse(request.body);
    const updated = account.update(type, id, properties, recordQuery.parse(request.query).idProperty);
    return updated instanceof Refusal
      ? refuse(reply, updated)
      : reply.send(shown(type, updated, Object.keys(properties)));
  });
  app.delete('/crm/v3/objects/:type/:id', (request, reply) => {
    const { type, id } = recordParams.parse(request.params);
    account.remove(type, id);
    return reply.code(204).send();
  });
  app.post('/crm/v3/objects/:type/search', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    if (!options.searchAllowed()) {
      const message = 'You have reached your secondly limit.';
      return reply.code(429).send({
        status: 'error',
        message,
        errorType: 'RATE_LIMIT',
        policyName: 'SECONDLY',
        correlationId: randomUUID(),
      });
    }
    const answer = searchRecords(account, type, request.body);
    if (answer instanceof Refusal) {
      return refuse(reply, answer);
    }
    const results = answer.results.map((record) => shown(type, record, answer.properties));
    return reply.send({
      total: answer.total,
      results,
      ...(answer.after === null ? {} : { paging: { next: { after: answer.after } } }),
    });
  });
  app.put('/crm/v4/objects/:type/:id/associations/default/:to/:toId', (request, reply) => {
    const { type, id, toId } = recordParams
      .extend({ to: z.literal('contacts'), toId: z.string() })
      .parse(request.params);
    const associated = account.associate(type, id, toId);
    if (associated instanceof Refusal) {
      return refuse(reply, associated);
    }
    const times = { startedAt: new Date().toISOString(), completedAt: new Date().toISOString() };
    return reply.send({
      status: 'COMPLETE',
      results: [
        {
          from: { id },
          to: { id: toId },
          associationSpec: { associationCategory: 'HUBSPOT_DEFINED', associationTypeId: type === 'calls' ? 194 : 204 },
        },
      ],
      ...times,
    });
  });
}

function addPropertyRoutes(app: FastifyInstance, { account }: RouteOptions): void {
  app.get('/crm/v3/properties/:type', (request) => ({
    results: account.properties(typeParams.parse(request.params).type),
  }));
  app.get('/crm/v3/properties/:type/:id', (request, reply) => {
    const { type, id } = recordParams.parse(request.params);
    const found = account.property(type, id);
    return found === undefined
      ? refuse(reply, new Refusal(404, 'OBJECT_NOT_FOUND', `Property ${id} does not exist`))
      : reply.send(found);
  });
  app.delete('/crm/v3/properties/:type/:id', (request, reply) => {
    const { type, id } = recordParams.parse(request.params);
    if (account.property(type, id) === undefined) {
      return refuse(reply, new Refusal(404, 'OBJECT_NOT_FOUND', `Property ${id} does not exist`));
    }
    account.removeProperty(type, id);
    return reply.code(204).send();
  });
  app.post('/crm/v3/properties/:type', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const given: StandInProperty = {
      ...propertyBody.parse(request.body),
      hubspotDefined: false,
      calculated: false,
      options: [],
    };
    const added = account.addProperty(type, given);
    return added instanceof Refusal ? refuse(reply, added) : reply.code(201).send(added);
  });
}
