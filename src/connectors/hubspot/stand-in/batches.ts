import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { ObjectType } from '../record';
import type { BatchAnswers } from './account-options';
import type { StandInAccount } from './records';
import { Refusal } from './refusal';
import { flatAssociations, recordBody, refuse, shown, typeParams } from './shown';

/** What the batch routes need to know of the stand-in's account. */
export interface BatchRouteOptions {
  account: StandInAccount;
  batches: BatchAnswers;
  resultsCarryTraceIds: boolean;
}

/** HubSpot's limit of a batch. */
const MOST_INPUTS = 100;

const traceId = z.string().min(1).optional();
const inputsOf = <Input extends z.ZodType>(input: Input): z.ZodObject<{ inputs: z.ZodArray<Input> }> =>
  z.object({ inputs: z.array(input) });
const createBody = inputsOf(recordBody.extend({ objectWriteTraceId: traceId }));
const changes = z.object({
  id: z.string(),
  idProperty: z.string().optional(),
  properties: z.record(z.string(), z.unknown()),
  objectWriteTraceId: traceId,
});
const changeBody = inputsOf(changes);
const readBody = inputsOf(z.object({ id: z.string() })).extend({
  idProperty: z.string().optional(),
  properties: z.array(z.string()).default([]),
});
const archivedQuery = z.object({ archived: z.enum(['true', 'false']).default('false') });
const fetchBody = inputsOf(z.object({ id: z.string() }));

/** One input's result, or why it is refused, with what tells the input in the answer. */
interface InputOutcome {
  outcome: Record<string, unknown> | Refusal;
  context: Record<string, string[]>;
}

/** HubSpot's batch paths, as @hubspot/api-client 14 calls them. The order of results is not that of the inputs. */
export function addBatchRoutes(app: FastifyInstance, options: BatchRouteOptions): void {
  const { account } = options;
  const trace = (id: string | undefined): Record<string, string> =>
    id === undefined || !options.resultsCarryTraceIds ? {} : { objectWriteTraceId: id };

  app.post('/crm/v3/objects/:type/batch/create', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const { inputs } = createBody.parse(request.body);
    const tasks = inputs.map(({ properties, associations, objectWriteTraceId }) => ({
      id: objectWriteTraceId,
      write: (): Record<string, unknown> | Refusal => {
        const made = account.create(type, properties, flatAssociations(associations));
        return made instanceof Refusal
          ? made
          : { ...shown(type, made, Object.keys(properties)), ...trace(objectWriteTraceId) };
      },
      undo: (made: Record<string, unknown>) => account.forget(type, String(made['id'])),
    }));
    return write(reply, 201, tasks, options.batches);
  });

  app.post('/crm/v3/objects/:type/batch/update', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const { inputs } = changeBody.parse(request.body);
    const ids = inputs.map(({ id }) => id);
    if (new Set(ids).size < ids.length) {
      return refuse(reply, new Refusal(400, 'VALIDATION_ERROR', 'Duplicate IDs found in batch input'));
    }
    const missing = inputs.some(({ id, idProperty }) => account.get(type, id, idProperty) instanceof Refusal);
    if (missing && options.batches !== 'each') {
      return refuse(reply, new Refusal(404, 'OBJECT_NOT_FOUND', 'Could not find some of the objects'));
    }
    const tasks = inputs.map(({ id, idProperty, properties, objectWriteTraceId }) => ({
      id: objectWriteTraceId,
      write: (): Record<string, unknown> | Refusal => {
        const written = account.update(type, id, properties, idProperty);
        return written instanceof Refusal
          ? written
          : { ...shown(type, written, Object.keys(properties)), ...trace(objectWriteTraceId) };
      },
      undo: () => undefined,
    }));
    return write(reply, 200, tasks, options.batches);
  });

  app.post('/crm/v3/objects/:type/batch/upsert', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const { inputs } = changeBody.parse(request.body);
    const outcomes = inputs.map((input) => ({ outcome: upsert(account, type, input), context: {} }));
    return answer(reply, 200, outcomes);
  });

  app.post('/crm/v3/objects/:type/batch/read', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const { inputs, idProperty, properties } = readBody.parse(request.body);
    const archived = archivedQuery.parse(request.query).archived === 'true';
    const found = inputs.map(({ id }) => ({ id, record: account.get(type, id, idProperty, archived) }));
    const refusal = found.find(({ record }) => record instanceof Refusal && record.status !== 404)?.record;
    if (refusal instanceof Refusal) {
      return refuse(reply, refusal);
    }
    const missing = found.filter(({ record }) => record instanceof Refusal).map(({ id }) => id);
    const about = idProperty === undefined ? [] : [idProperty];
    const results = found.flatMap(({ record }) =>
      record instanceof Refusal ? [] : [{ outcome: shown(type, record, [...properties, ...about]), context: {} }],
    );
    const message = `Could not get some ${type} objects, they may be deleted or not exist. Check that ids are valid.`;
    const errors =
      missing.length === 0
        ? []
        : [{ outcome: new Refusal(404, 'OBJECT_NOT_FOUND', message), context: { ids: missing } }];
    return answer(reply, 200, [...results, ...errors], inputs.length);
  });

  app.post('/crm/v4/associations/:type/contacts/batch/read', (request, reply) => {
    const { type } = typeParams.parse(request.params);
    const { inputs } = fetchBody.parse(request.body);
    const typeId = type === 'calls' ? 194 : 204;
    const spec = { category: 'HUBSPOT_DEFINED', typeId, label: null };
    const outcomes = inputs.map(({ id }): InputOutcome => {
      const record = account.get(type, id);
      if (record instanceof Refusal || record.contactIds.length === 0) {
        const message = `No contact is associated with ${type} ${id}.`;
        return { outcome: new Refusal(404, 'OBJECT_NOT_FOUND', message), context: { fromObjectId: [id] } };
      }
      const to = record.contactIds.map((contactId) => ({
        toObjectId: Number(contactId),
        associationTypes: [spec],
      }));
      return { outcome: { from: { id }, to }, context: {} };
    });
    return answer(reply, 200, outcomes);
  });
}

interface WriteTask {
  /** `objectWriteTraceId` of the input. */
  id: string | undefined;
  write(): Record<string, unknown> | Refusal;
  undo(made: Record<string, unknown>): void;
}

function write(reply: FastifyReply, status: number, tasks: readonly WriteTask[], how: BatchAnswers): FastifyReply {
  const ids = new Set(tasks.map(({ id }) => id).filter((id) => id !== undefined));
  const outcomes: InputOutcome[] = [];
  if (tasks.length > MOST_INPUTS) {
    return answer(reply, status, [], tasks.length);
  }
  for (const task of tasks) {
    const { id } = task;
    const outcome = task.write();
    outcomes.push({ outcome, context: id === undefined ? {} : { objectWriteTraceId: [id] } });
    if (outcome instanceof Refusal && (how !== 'each' || ids.size < tasks.length)) {
      if (how !== 'partly') {
        outcomes.forEach((done, index) => done.outcome instanceof Refusal || tasks[index]?.undo(done.outcome));
      }
      return refuse(reply, outcome);
    }
  }
  return answer(reply, status, outcomes);
}

function answer(
  reply: FastifyReply,
  status: number,
  outcomes: readonly InputOutcome[],
  inputs: number = outcomes.length,
): FastifyReply {
  if (inputs > MOST_INPUTS) {
    return refuse(reply, new Refusal(400, 'VALIDATION_ERROR', `The maximum number of inputs is ${MOST_INPUTS}`));
  }
  const errors = outcomes.flatMap(({ outcome, context }) =>
    outcome instanceof Refusal
      ? [{ status: 'error', category: outcome.category, message: outcome.message, context, ...outcome.more, links: {} }]
      : [],
  );
  const results = outcomes.flatMap(({ outcome }) => (outcome instanceof Refusal ? [] : [outcome]));
  const times = { startedAt: new Date().toISOString(), completedAt: new Date().toISOString() };
  return reply.code(errors.length === 0 ? status : 207).send({
    status: 'COMPLETE',
    results: results.reverse(),
    ...times,
    ...(errors.length === 0 ? {} : { numErrors: errors.length, errors }),
  });
}

function upsert(
  account: StandInAccount,
  type: ObjectType,
  input: z.output<typeof changes>,
): Record<string, unknown> | Refusal {
  const existing = account.get(type, input.id, input.idProperty);
  const isNew = existing instanceof Refusal && existing.status === 404 && input.idProperty !== undefined;
  const written = isNew
    ? account.create(type, { ...input.properties, [input.idProperty ?? '']: input.id })
    : account.update(type, input.id, input.properties, input.idProperty);
  return written instanceof Refusal ? written : { ...shown(type, written, Object.keys(input.properties)), new: isNew };
}
