import { z } from 'zod';
import type { ActionLog } from '../action-log';
import { checked, classified, readRecord, readSearch } from './answers';
import { LATER_REQUEST_WAIT_MS } from './batches/batch-connection';
import type { ReadBy } from './batches/reads';
import { associationsOf } from './batches/writes';
import type { HubSpotClient } from './client';
import { answered } from './failure';
import type { PhoneForms } from './phone-forms';
import type { HubSpotRecord, ObjectType, PropertyDefinition, SearchFilter } from './record';
import type { HubSpotApis } from './sdk';

const definition = z.object({
  name: z.string(),
  type: z.string(),
  groupName: z.string().default(''),
  hasUniqueValue: z.boolean().default(false),
  calculated: z.boolean().nullish(),
  modificationMetadata: z.object({ readOnlyValue: z.boolean().nullish() }).nullish(),
  externalOptions: z.boolean().nullish(),
  options: z.array(z.object({ value: z.string() })).nullish(),
});
/** HubSpot counts record ids from 1. */
const NO_RECORD = '0';
const ownersPage = z.object({ results: z.array(z.object({ id: z.string(), email: z.string().optional() })) });

/**
 * The requests of one attempt, in the bridge's own types. Every method throws only ActionError, and its answers are
 * checked: what HubSpot gives in another shape than it documents is `transient` (`invalid_answer`), never `undefined`
 * further on.
 */
export class HubSpotSession {
  readonly #apis: HubSpotApis;
  #isFirst = true;

  constructor(
    readonly client: HubSpotClient,
    readonly signal: AbortSignal,
    readonly log: ActionLog,
  ) {
    this.#apis = client.openApis(client, signal, () => client.limits.requests.waitForSlot(signal, this.#nextWait()));
  }

  /** A full queue refuses whole attempts, not their later requests: else many would begin and none would end. */
  #nextWait(): number | undefined {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return isFirst ? undefined : LATER_REQUEST_WAIT_MS;
  }

  /**
   * One record by its id, or by a unique property; null when there is none. Reads the record store, hence what was just
   * written.
   * @param by.associated whether to give `contactIds`.
   * @param by.archived whether to look among the deleted records, instead of the others.
   */
  async get(type: ObjectType, id: string, by: ReadBy = {}): Promise<HubSpotRecord | null> {
    return this.client.batches.reads(type, by).request(id, this.signal, this.#nextWait());
  }

  /** Proves that the token may read records of a type. */
  async readable(type: ObjectType): Promise<void> {
    await checked(
      () => this.#apis.records.getPage(type, 1),
      () => undefined,
    );
  }

  /** Proves that the token may write records of a type: writes nothing to a record that cannot exist. */
  async writable(type: ObjectType): Promise<void> {
    await checked(
      () => this.#apis.records.update(type, NO_RECORD, { properties: {} }),
      () => undefined,
    );
  }

  /** Proves that the token may read owners. */
  async ownersReadable(): Promise<void> {
    await checked(
      () => this.#apis.owners.getPage(undefined, undefined, 1, false),
      () => undefined,
    );
  }

  /**
   * @param more.association to a contact, made together with the record.
   * @param more.keyProperty one of the properties, which HubSpot keeps unique. Only records that have one are created
   *   together: what became of them is known by it.
   */
  async create(
    type: ObjectType,
    properties: Readonly<Record<string, string>>,
    more: { association?: { contactId: string; typeId: number }; keyProperty?: string } = {},
  ): Promise<HubSpotRecord> {
    const { association = null, keyProperty = '' } = more;
    const key = properties[keyProperty];
    if (key !== undefined) {
      const input = { properties, association, key };
      return this.client.batches.creations(type, keyProperty).request(input, this.signal, this.#nextWait());
    }
    const associations = associationsOf(association, this.#apis);
    return checked(() => this.#apis.records.create(type, { properties: { ...properties }, associations }), readRecord);
  }

  async update(type: ObjectType, id: string, properties: Readonly<Record<string, string>>): Promise<HubSpotRecord> {
    return this.client.batches.updates(type).request({ id, properties }, this.signal, this.#nextWait());
  }

  /** The contacts that may have a number: too many rather than too few. At the client's rate limit, and with its lag. */
  async contactsByPhone(number: PhoneForms, properties: readonly string[]): Promise<HubSpotRecord[]> {
    return this.client.batches.contactsByPhone(properties).request(number, this.signal, this.#nextWait());
  }

  /**
   * Searches, at the client's rate limit. Each of `anyOf` is one filter group: all its filters must hold. Sees what was
   * written with a lag of seconds, and gives at most 100.
   */
  async search(
    type: ObjectType,
    anyOf: readonly (readonly SearchFilter[])[],
    properties: readonly string[],
  ): Promise<HubSpotRecord[]> {
    await this.client.limits.searches.waitForSlot(this.signal);
    const { operators } = this.#apis.enums;
    const filterGroups = anyOf.map((filters) => ({
      filters: filters.map((filter) => ({ ...filter, operator: operators[filter.operator] })),
    }));
    return checked(
      () => this.#apis.search.doSearch(type, { filterGroups, properties: properties.slice(), limit: 100 }),
      (answer) => readSearch(answer).hits,
    );
  }

  /** Associates with the default type; no effect when they are associated already. */
  async associate(type: ObjectType, id: string, contactId: string): Promise<void> {
    await checked(
      () => this.#apis.associations.createDefault(type, id, 'contacts', contactId),
      () => undefined,
    );
  }

  /** Moves a record to the recycle bin; no effect when there is none. */
  async remove(type: ObjectType, id: string): Promise<void> {
    await withoutNotFound(() => this.#apis.records.archive(type, id));
  }

  /** Deletes a property of our own; no effect when there is none. */
  async removeProperty(type: ObjectType, name: string): Promise<void> {
    this.client.definitions.delete(`${type}/${name}`);
    await withoutNotFound(() => this.#apis.properties.archive(type, name));
  }

  /** Null when there is no such property. Kept for ten minutes once found. */
  async property(type: ObjectType, name: string): Promise<PropertyDefinition | null> {
    const known = this.client.definitions.get(`${type}/${name}`);
    if (known !== undefined) {
      return known;
    }
    try {
      const found = definition.parse(await this.#apis.properties.getByName(type, name));
      this.client.definitions.set(`${type}/${name}`, found);
      return found;
    } catch (error) {
      if (answered(error, 404)) {
        return null;
      }
      throw classified(error);
    }
  }

  /**
   * Creates a one-line text property whose values HubSpot shall keep unique among the records of its type.
   * @returns the property as HubSpot made it, which need not be unique.
   */
  async createUniqueProperty(
    type: ObjectType,
    property: { name: string; label: string; description: string; groupName: string },
  ): Promise<PropertyDefinition> {
    return checked(
      () =>
        this.#apis.properties.create(type, {
          ...property,
          type: this.#apis.enums.stringType,
          fieldType: this.#apis.enums.textField,
          hasUniqueValue: true,
          formField: false,
        }),
      (answer) => definition.parse(answer),
    );
  }

  /** The id of the owner with this e-mail, null when there is none. Kept for ten minutes once found. */
  async ownerId(email: string): Promise<string | null> {
    const wanted = email.toLowerCase();
    const known = this.client.ownerIds.get(wanted);
    if (known !== undefined) {
      return known;
    }
    const page = await checked(
      () => this.#apis.owners.getPage(email, undefined, 10, false),
      (answer) => ownersPage.parse(answer),
    );
    const owner = page.results.find((candidate) => candidate.email?.toLowerCase() === wanted);
    if (owner !== undefined) {
      this.client.ownerIds.set(wanted, owner.id);
    }
    return owner?.id ?? null;
  }
}

async function withoutNotFound(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    if (!answered(error, 404)) {
      throw classified(error);
    }
  }
}
