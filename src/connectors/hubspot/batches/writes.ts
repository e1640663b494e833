import { ActionError } from '../../action-error';
import type { Answers, BatchKind } from '../../batcher';
import { checked, classified, readBatch, readRecord } from '../answers';
import { HubSpotFailure, isConflict, isForAnyValue, refusedProperties } from '../failure';
import type { HubSpotRecord, ObjectType } from '../record';
import type { HubSpotApis } from '../sdk';
import { apisOf, paced, type BatchConnection, MOST_INPUTS } from './batch-connection';

/** Of the texts of one batch; far below what any gateway refuses. */
const MOST_CHARACTERS = 500_000;

type SdkAssociations = NonNullable<Parameters<HubSpotApis['records']['create']>[1]['associations']>;

/** A record to be created. */
export interface CreateInput {
  properties: Readonly<Record<string, string>>;
  /** To a contact, made together with the record. */
  association: { contactId: string; typeId: number } | null;
  /** The value of our own property, which HubSpot keeps unique. */
  key: string;
}

/** A record to be changed. */
export interface UpdateInput {
  id: string;
  properties: Readonly<Record<string, string>>;
}

/** Creates records that have our own property as a key. Two with one key never go together. */
export function createKind(
  client: BatchConnection,
  type: ObjectType,
  keyProperty: string,
): BatchKind<CreateInput, HubSpotRecord> {
  const post = async (
    apis: HubSpotApis,
    inputs: readonly CreateInput[],
  ): Promise<Answers<CreateInput, HubSpotRecord>> => {
    const { results, errors } = await checked(
      () =>
        apis.batches.create(type, {
          // With such ids HubSpot answers for each input (207); its order of results is not that of the inputs.
          inputs: inputs.map((input, index) => ({
            properties: { ...input.properties },
            associations: associationsOf(input.association, apis),
            objectWriteTraceId: String(index),
          })),
        }),
      readBatch,
    );
    const answers = new Map<CreateInput, { result: HubSpotRecord } | { error: HubSpotFailure }>();
    const byKey = new Map(inputs.map((input) => [input.key.toLowerCase(), input]));
    for (const { record, traceId } of results) {
      const key = record.properties[keyProperty];
      const input = traceId === null ? byKey.get((key ?? '').toLowerCase()) : inputs[Number(traceId)];
      if (input !== undefined) {
        answers.set(input, { result: record });
      }
    }
    for (const { traceIds, conflict } of errors) {
      const input = inputs[Number(traceIds[0] ?? NaN)];
      if (conflict !== null && input !== undefined && traceIds.length === 1) {
        answers.set(input, { error: conflict });
      }
    }
    return answers;
  };
  // The account refuses the whole for keys that are taken. Which ones they are, one request tells.
  const afterConflict = async (
    apis: HubSpotApis,
    inputs: readonly CreateInput[],
    conflict: HubSpotFailure,
  ): Promise<Answers<CreateInput, HubSpotRecord> | 'split'> => {
    const ids = await idsByKey(apis, type, keyProperty, inputs);
    const answers = new Map<CreateInput, { result: HubSpotRecord } | { error: ActionError }>();
    for (const input of inputs) {
      const id = ids.get(input.key.toLowerCase());
      if (id !== undefined) {
        answers.set(input, { error: conflictWith(id, conflict) });
      }
    }
    const others = inputs.filter((input) => !answers.has(input));
    if (answers.size === 0 || others.length === 0) {
      return answers.size === 0 ? 'split' : answers;
    }
    try {
      return new Map([...answers, ...(await post(apis, others))]);
    } catch (error) {
      // What is refused again, each is asked for on its own.
      if (!(error instanceof ActionError) || error.errorClass !== 'permanent') {
        others.forEach((input) => answers.set(input, { error: classified(error) }));
      }
      return answers;
    }
  };
  return {
    ...paced(client),
    sendOne: (input, signal) =>
      checked(() => {
        const apis = apisOf(client, signal);
        const associations = associationsOf(input.association, apis);
        return apis.records.create(type, { properties: { ...input.properties }, associations });
      }, readRecord),
    sendMany: async (inputs, signal) => {
      const apis = apisOf(client, signal);
      try {
        return await post(apis, inputs);
      } catch (error) {
        if (!isConflict(error)) {
          throw error;
        }
        return afterConflict(apis, inputs, error);
      }
    },
    joins: (batch, next) =>
      batch.length < MOST_INPUTS &&
      !batch.some(({ key }) => key.toLowerCase() === next.key.toLowerCase()) &&
      sizeOf([...batch, next]) <= MOST_CHARACTERS,
    // Validation looks at values: an equal value is refused again.
    sharesRefusal: (refused, error, other) => {
      const names = refusedProperties(error);
      const isAny = error instanceof HubSpotFailure && isForAnyValue(error);
      const isShared = (name: string): boolean =>
        name in refused.properties &&
        (isAny ? name in other.properties : refused.properties[name] === other.properties[name]);
      return names.length > 0 && names.every(isShared);
    },
  };
}

/** An association in the SDK's form. */
export function associationsOf(association: CreateInput['association'], { enums }: HubSpotApis): SdkAssociations {
  return association === null
    ? []
    : [
        {
          to: { id: association.contactId },
          types: [{ associationCategory: enums.hubspotDefined, associationTypeId: association.typeId }],
        },
      ];
}

/** The ids of the records that have these keys, by key. Empty when the account does not find records by them. */
async function idsByKey(
  apis: HubSpotApis,
  type: ObjectType,
  idProperty: string,
  inputs: readonly CreateInput[],
): Promise<Map<string, string>> {
  try {
    const { results } = await checked(
      () =>
        apis.batches.read(type, {
          idProperty,
          inputs: inputs.map(({ key }) => ({ id: key })),
          properties: [idProperty],
          propertiesWithHistory: [],
        }),
      readBatch,
    );
    return new Map(results.map(({ record }) => [(record.properties[idProperty] ?? '').toLowerCase(), record.id]));
  } catch (error) {
    if (error instanceof HubSpotFailure && error.errorClass !== 'transient') {
      return new Map();
    }
    throw error;
  }
}

/** The refusal of one input, made of that of a whole batch: which names the record of any of its inputs. */
function conflictWith(id: string, { errorClass, message, detail, answer }: HubSpotFailure): HubSpotFailure {
  return new HubSpotFailure(errorClass, message, detail, { ...answer, existingId: id });
}

/** Changes records by id. Two changes of one record never go together. */
export function updateKind(client: BatchConnection, type: ObjectType): BatchKind<UpdateInput, HubSpotRecord> {
  return {
    ...paced(client),
    sendOne: ({ id, properties }, signal) =>
      checked(() => apisOf(client, signal).records.update(type, id, { properties: { ...properties } }), readRecord),
    sendMany: async (inputs, signal) => {
      const { results } = await checked(
        () =>
          apisOf(client, signal).batches.update(type, {
            inputs: inputs.map(({ id, properties }, index) => ({
              id,
              properties: { ...properties },
              objectWriteTraceId: String(index),
            })),
          }),
        readBatch,
      );
      const records = new Map(results.map(({ record }) => [record.id, record]));
      return new Map(
        inputs.flatMap((input) => {
          const record = records.get(input.id);
          return record === undefined ? [] : [[input, { result: record }] as const];
        }),
      );
    },
    joins: (batch, next) =>
      batch.length < MOST_INPUTS &&
      !batch.some(({ id }) => id === next.id) &&
      sizeOf([...batch, next]) <= MOST_CHARACTERS,
    sharesRefusal: () => false,
  };
}

function sizeOf(inputs: readonly { properties: Readonly<Record<string, string>> }[]): number {
  return inputs.reduce(
    (sum, { properties }) =>
      sum + Object.entries(properties).reduce((own, [name, value]) => own + name.length + value.length + 6, 0),
    0,
  );
}
