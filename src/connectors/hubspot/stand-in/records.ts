import type { ObjectType } from '../record';
import { acceptValues } from './accepted-values';
import type { AccountOptions } from './account-options';
import { defaultProperties, GROUPS, searchableDigits, type StandInProperty } from './properties';
import { Refusal } from './refusal';

/** A record in the stand-in's account. */
export interface StandInRecord {
  id: string;
  /** As HubSpot keeps them, derived ones included. */
  properties: Record<string, string>;
  createdAt: string;
  updatedAt: string;
  /** The contacts that a call or task is associated with. */
  contactIds: string[];
}

/** A user who can own records. */
export interface StandInOwner {
  id: string;
  email: string;
  firstName: string;
  lastName: string;
}

interface Kept {
  record: StandInRecord;
  /** What searches still see of it, until `visibleAt`; null when they do not see it at all. */
  before: Record<string, string> | null;
  visibleAt: number;
}

/** HubSpot keeps deleted records for 90 days; the stand-in keeps the last ones. */
const REMOVED_KEPT = 1_000;
const ASSOCIATION_TYPES: Readonly<Record<number, ObjectType>> = { 194: 'calls', 204: 'tasks' };

/** One account's records and property definitions, with HubSpot's rules on what may be written. */
export class StandInAccount {
  readonly #records: Readonly<Record<ObjectType, Map<string, Kept>>> = {
    contacts: new Map(),
    calls: new Map(),
    tasks: new Map(),
  };
  readonly #properties: Readonly<Record<ObjectType, Map<string, StandInProperty>>> = {
    contacts: defaultProperties('contacts'),
    calls: defaultProperties('calls'),
    tasks: defaultProperties('tasks'),
  };
  /** The recycle bin. */
  readonly #removed: Readonly<Record<ObjectType, Map<string, StandInRecord>>> = {
    contacts: new Map(),
    calls: new Map(),
    tasks: new Map(),
  };
  /** What searches still see of deleted records. */
  readonly #ghosts: Record<ObjectType, { record: StandInRecord; until: number }[]> = {
    contacts: [],
    calls: [],
    tasks: [],
  };
  #lastId = 100_000;
  #lastWrite = 0;

  constructor(private readonly options: AccountOptions) {}

  /** All records of a type, oldest first; copies. */
  list(type: ObjectType): StandInRecord[] {
    return [...this.#records[type].values()].map(({ record }) => structuredClone(record));
  }

  /** What a search sees now. */
  searchable(type: ObjectType): StandInRecord[] {
    const now = Date.now();
    const seen = [...this.#records[type].values()].flatMap(({ record, before, visibleAt }) => {
      const properties = visibleAt <= now ? record.properties : before;
      return properties === null ? [] : [{ ...record, properties }];
    });
    return [...seen, ...this.#ghosts[type].filter(({ until }) => until > now).map(({ record }) => record)];
  }

  /** Whether searches find records by the values of a property. */
  isSearchable(type: ObjectType, name: string): boolean {
    return !this.#isCustomUnique(type, name) || this.options.uniqueProperties[type] !== 'not_found';
  }

  #isCustomUnique(type: ObjectType, name: string): boolean {
    const property = this.#properties[type].get(name);
    return property?.hasUniqueValue === true && !property.hubspotDefined;
  }

  property(type: ObjectType, name: string): StandInProperty | undefined {
    return this.#properties[type].get(name);
  }

  properties(type: ObjectType): StandInProperty[] {
    return [...this.#properties[type].values()];
  }

  addProperty(type: ObjectType, property: StandInProperty): StandInProperty | Refusal {
    if (this.#properties[type].has(property.name)) {
      return new Refusal(409, 'OBJECT_ALREADY_EXISTS', `A property named '${property.name}' already exists.`);
    }
    if (!GROUPS[type].includes(property.groupName)) {
      return new Refusal(400, 'VALIDATION_ERROR', `The property group '${property.groupName}' does not exist.`);
    }
    const mode = property.hasUniqueValue ? (this.options.uniqueProperties[type] ?? 'honoured') : 'honoured';
    if (mode === 'refused') {
      return new Refusal(400, 'VALIDATION_ERROR', 'Properties of this object type cannot have unique values.');
    }
    const made = mode === 'not_unique' ? { ...property, hasUniqueValue: false } : property;
    this.#properties[type].set(property.name, made);
    return made;
  }

  /** What an administrator can do in HubSpot's settings; values stay, as they do there until purged. */
  removeProperty(type: ObjectType, name: string): void {
    this.#properties[type].delete(name);
  }

  get(type: ObjectType, id: string, idProperty?: string, archived = false): StandInRecord | Refusal {
    const notFound = new Refusal(404, 'OBJECT_NOT_FOUND', `Object not found.  objectId are usually numeric.`);
    if (idProperty === undefined) {
      return (archived ? this.#removed[type].get(id) : this.#records[type].get(id)?.record) ?? notFound;
    }
    const mode = this.#isCustomUnique(type, idProperty) ? this.options.uniqueProperties[type] : undefined;
    if (this.#properties[type].get(idProperty)?.hasUniqueValue !== true || mode === 'look_up_refused') {
      return this.#noIdProperty(idProperty) ?? notFound;
    }
    return (mode === 'not_found' ? undefined : this.#withValue(type, idProperty, id, archived)) ?? notFound;
  }

  /** Null for an account that answers 404. */
  #noIdProperty(idProperty: string): Refusal | null {
    if (this.options.noIdProperty === 404) {
      return null;
    }
    const message = `Unable to perform update/upsert by non-unique property "${idProperty}"`;
    return this.options.noIdProperty === 'bare'
      ? new Refusal(400, '', message)
      : new Refusal(400, 'VALIDATION_ERROR', message, {
          errors: [
            { code: 'PROPERTY_DOESNT_EXIST', message: 'not usable as an id', context: { propertyName: [idProperty] } },
          ],
        });
  }

  create(
    type: ObjectType,
    input: Readonly<Record<string, unknown>>,
    associations: readonly { to: string; typeId: number }[] = [],
  ): StandInRecord | Refusal {
    const missing =
      type === 'contacts'
        ? !['email', 'firstname', 'lastname'].some((name) => name in input)
        : !('hs_timestamp' in input);
    if (missing) {
      const names = type === 'contacts' ? 'email, firstname, lastname' : 'hs_timestamp';
      return new Refusal(400, 'VALIDATION_ERROR', `Error creating ${type}. Some required properties were not set.`, {
        errors: [{ code: 'REQUIRED_FIELD', message: 'required', context: { propertyName: names.split(', ') } }],
      });
    }
    const values = this.#accept(type, input, null);
    if (values instanceof Refusal) {
      return values;
    }
    for (const { to, typeId } of associations) {
      if (ASSOCIATION_TYPES[typeId] !== type || !this.#records.contacts.has(to)) {
        return new Refusal(
          400,
          'VALIDATION_ERROR',
          `One or more associations are not valid: no ${typeId} from ${type}`,
          { subCategory: 'crm.associations.INVALID' },
        );
      }
    }
    this.#lastId += 1;
    const id = String(this.#lastId);
    const now = this.#writeTime();
    const record: StandInRecord = {
      id,
      properties: {},
      createdAt: now,
      updatedAt: now,
      contactIds: associations.map(({ to }) => to),
    };
    this.#records[type].set(id, { record, before: null, visibleAt: Date.now() + this.options.indexDelayMs });
    this.#apply(type, record, values, now);
    this.#bound(type);
    return record;
  }

  update(
    type: ObjectType,
    id: string,
    input: Readonly<Record<string, unknown>>,
    idProperty?: string,
  ): StandInRecord | Refusal {
    const record = this.get(type, id, idProperty);
    if (record instanceof Refusal) {
      return record;
    }
    const values = this.#accept(type, input, record.id);
    const kept = this.#records[type].get(record.id);
    if (values instanceof Refusal || kept === undefined) {
      return values instanceof Refusal ? values : record;
    }
    if (kept.visibleAt <= Date.now()) {
      kept.before = { ...record.properties };
    }
    kept.visibleAt = Date.now() + this.options.indexDelayMs;
    this.#apply(type, record, values, this.#writeTime());
    return record;
  }

  associate(type: ObjectType, id: string, contactId: string): StandInRecord | Refusal {
    const record = this.#records[type].get(id)?.record;
    if (record === undefined || !this.#records.contacts.has(contactId)) {
      return new Refusal(404, 'OBJECT_NOT_FOUND', 'One of the objects to associate does not exist');
    }
    record.contactIds = [...new Set([...record.contactIds, contactId])];
    return record;
  }

  /** Makes all that was written visible to searches now, and all that was deleted invisible. */
  settle(): void {
    for (const ghosts of Object.values(this.#ghosts)) {
      ghosts.length = 0;
    }
    for (const kept of Object.values(this.#records).flatMap((records) => [...records.values()])) {
      kept.visibleAt = 0;
    }
  }

  /** Takes all associations of a record away, as a person can. */
  dissociate(type: ObjectType, id: string): void {
    const record = this.#records[type].get(id)?.record;
    if (record !== undefined) {
      record.contactIds = [];
    }
  }

  /** Deletes, as a person can, with its associations. Searches show the record as long as they lag. */
  remove(type: ObjectType, id: string): void {
    const kept = this.#records[type].get(id);
    if (kept === undefined) {
      return;
    }
    this.#records[type].delete(id);
    this.#removed[type].set(id, kept.record);
    const [oldest] = this.#removed[type].keys();
    if (this.#removed[type].size > REMOVED_KEPT && oldest !== undefined) {
      this.#removed[type].delete(oldest);
    }
    const seen = kept.visibleAt <= Date.now() ? kept.record.properties : kept.before;
    if (seen !== null && this.options.indexDelayMs > 0) {
      this.#ghosts[type] = [
        ...this.#ghosts[type].filter(({ until }) => until > Date.now()),
        { record: { ...kept.record, properties: seen }, until: Date.now() + this.options.indexDelayMs },
      ];
    }
    if (type === 'contacts') {
      for (const { record } of [...this.#records.calls.values(), ...this.#records.tasks.values()]) {
        record.contactIds = record.contactIds.filter((contactId) => contactId !== id);
      }
    }
  }

  /** Takes back a creation that was not to be, as if it had never been. */
  forget(type: ObjectType, id: string): void {
    this.#records[type].delete(id);
  }

  /** @param self the record that is written, whose own values do not conflict. */
  #accept(
    type: ObjectType,
    input: Readonly<Record<string, unknown>>,
    self: string | null,
  ): Record<string, string> | Refusal {
    return acceptValues(type, input, {
      property: (name) => this.#properties[type].get(name),
      holder: (name, value) => {
        const holder =
          this.#withValue(type, name, value) ??
          (this.options.removedKeepsValue ? this.#withValue(type, name, value, true) : undefined);
        return holder?.id === self ? undefined : holder;
      },
      options: this.options,
    });
  }

  #withValue(type: ObjectType, name: string, value: string, archived = false): StandInRecord | undefined {
    const wanted = value.toLowerCase();
    const records = archived ? this.#removed[type].values() : this.#live(type);
    for (const record of records) {
      if (record.properties[name]?.toLowerCase() === wanted) {
        return record;
      }
    }
    return undefined;
  }

  *#live(type: ObjectType): Iterable<StandInRecord> {
    for (const { record } of this.#records[type].values()) {
      yield record;
    }
  }

  #apply(type: ObjectType, record: StandInRecord, values: Readonly<Record<string, string>>, now: string): void {
    Object.assign(record.properties, values);
    record.updatedAt = now;
    record.properties['hs_object_id'] = record.id;
    record.properties[type === 'contacts' ? 'createdate' : 'hs_createdate'] = record.createdAt;
    record.properties[type === 'contacts' ? 'lastmodifieddate' : 'hs_lastmodifieddate'] = now;
    if (type === 'contacts') {
      const phone = searchableDigits(record.properties['phone'], this.options);
      const mobile = searchableDigits(record.properties['mobilephone'], this.options);
      record.properties['hs_searchable_calculated_phone_number'] = phone.national;
      record.properties['hs_searchable_calculated_mobile_number'] = mobile.national;
      record.properties['hs_searchable_calculated_international_phone_number'] = phone.international;
      record.properties['hs_searchable_calculated_international_mobile_number'] = mobile.international;
    }
  }

  /** Later than every write before, so that "changed last" is never a tie by chance. */
  #writeTime(): string {
    this.#lastWrite = Math.max(Date.now(), this.#lastWrite + 1);
    return new Date(this.#lastWrite).toISOString();
  }

  #bound(type: ObjectType): void {
    for (const oldest of this.#records[type].keys()) {
      if (this.#records[type].size <= this.options.capacity) {
        return;
      }
      this.#records[type].delete(oldest);
    }
  }
}
