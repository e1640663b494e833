import type { BatchKind } from '../../batcher';
import { checked, readAssociations, readBatch, readRecord, readSearch } from '../answers';
import { contactQuery, fitsOneSearch, mayHavePhone } from '../contact-query';
import { answered, HubSpotFailure } from '../failure';
import type { PhoneForms } from '../phone-forms';
import type { HubSpotRecord, ObjectType } from '../record';
import type { HubSpotApis } from '../sdk';
import { apisOf, paced, type BatchConnection, LATER_REQUEST_WAIT_MS, MOST_INPUTS } from './batch-connection';

/** One number takes about 110 of the 3,000 characters of a search. */
const NUMBERS_OF_A_SEARCH = 20;

/** How records of one kind are read: all requests of a kind ask for the same. */
export interface ReadBy {
  idProperty?: string;
  properties?: readonly string[];
  /** Whether to give `contactIds`. */
  associated?: boolean;
  /** Whether to look among the deleted records, instead of the others. */
  archived?: boolean;
}

/** Searches for the contacts of a number. The results are too many rather than too few. */
export function searchKind(
  client: BatchConnection,
  properties: readonly string[],
): BatchKind<PhoneForms, HubSpotRecord[]> {
  const { limits, settings } = client;
  const ask = (
    numbers: readonly PhoneForms[],
    signal: AbortSignal,
  ): Promise<{ hits: HubSpotRecord[]; isCut: boolean }> =>
    checked(() => {
      const apis = apisOf(client, signal);
      const { operators } = apis.enums;
      return apis.search.doSearch(
        'contacts',
        contactQuery(numbers, properties, (operator) => operators[operator]),
      );
    }, readSearch);
  return {
    assertRoom: (ahead, maxWaitMs) => {
      const batches = Math.floor(ahead / NUMBERS_OF_A_SEARCH);
      limits.searches.assertRoom(undefined, (batches * 1_000) / settings.searches_per_second);
      limits.requests.assertRoom(maxWaitMs);
    },
    admit: async (signal) => {
      // The searches last: their limit is the narrower one, and a wait between would bring them closer together.
      await limits.requests.waitForSlot(signal, LATER_REQUEST_WAIT_MS);
      await limits.searches.waitForSlot(signal, LATER_REQUEST_WAIT_MS);
    },
    sendOne: async (number, signal) => (await ask([number], signal)).hits,
    sendMany: async (numbers, signal) => {
      const { hits, isCut } = await ask(numbers, signal);
      return isCut
        ? 'split'
        : new Map(numbers.map((number) => [number, { result: hits.filter((hit) => mayHavePhone(hit, number)) }]));
    },
    joins: (batch, next) => fitsOneSearch([...batch, next], properties),
    sharesRefusal: () => false,
  };
}

/** Reads records by id, or by a unique property; null for those that are not there. */
export function readKind(
  client: BatchConnection,
  type: ObjectType,
  by: ReadBy,
): BatchKind<string, HubSpotRecord | null> {
  const { idProperty, properties = [], archived = false } = by;
  return {
    ...paced(client),
    sendOne: async (id, signal) => {
      const associations = by.associated === true ? ['contacts'] : undefined;
      try {
        return await checked(
          () =>
            apisOf(client, signal).records.getById(
              type,
              id,
              by.properties?.slice(),
              undefined,
              associations,
              archived,
              idProperty,
            ),
          readRecord,
        );
      } catch (error) {
        if (answered(error, 404)) {
          return null;
        }
        throw error;
      }
    },
    sendMany: async (ids, signal) => {
      const apis = apisOf(client, signal);
      const asked = idProperty === undefined ? [...properties] : [...properties, idProperty];
      const { results, errors } = await checked(
        () =>
          apis.batches.read(
            type,
            {
              inputs: ids.map((id) => ({ id })),
              properties: asked,
              propertiesWithHistory: [],
              ...(idProperty === undefined ? {} : { idProperty }),
            },
            archived,
          ),
        readBatch,
      );
      const found = new Map(
        results.map(({ record }) => [
          (idProperty === undefined ? record.id : (record.properties[idProperty] ?? '')).toLowerCase(),
          record,
        ]),
      );
      const contactIds =
        by.associated === true && found.size > 0
          ? await contactIdsOf(apis, type, [...found.values()])
          : new Map<string, string[]>();
      // A merged record comes under another id than was asked for: then what is not there, each is asked for on its own.
      const asking = new Set(ids.map((id) => id.toLowerCase()));
      const isWhole = errors.every(({ isMissing }) => isMissing) && [...found.keys()].every((id) => asking.has(id));
      const answers = new Map<string, { result: HubSpotRecord | null }>();
      for (const id of ids) {
        const record = found.get(id.toLowerCase());
        if (record === undefined) {
          if (isWhole) {
            answers.set(id, { result: null });
          }
        } else if (by.associated !== true) {
          answers.set(id, { result: record });
        } else {
          const ownIds = contactIds?.get(record.id);
          if (ownIds !== undefined) {
            answers.set(id, { result: { ...record, contactIds: ownIds } });
          }
        }
      }
      return answers;
    },
    joins: (batch, next) => batch.length < MOST_INPUTS && !batch.includes(next),
    // A property that is no id is none for every record.
    sharesRefusal: () => idProperty !== undefined,
  };
}

/** The contacts of records; null when the account does not tell them for many at once. */
async function contactIdsOf(
  { associationBatches }: HubSpotApis,
  type: ObjectType,
  records: readonly HubSpotRecord[],
): Promise<Map<string, string[]> | null> {
  try {
    return await checked(
      () => associationBatches.getPage(type, 'contacts', { inputs: records.map(({ id }) => ({ id })) }),
      readAssociations,
    );
  } catch (error) {
    if (error instanceof HubSpotFailure && error.errorClass !== 'transient') {
      return null;
    }
    throw error;
  }
}
