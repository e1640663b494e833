import { createHash } from 'node:crypto';
import type { ConflictRounds } from './conflict-rounds';
import type { FoundContact } from './contact';
import { contactById } from './contacts';
import { hiddenConflict, HubSpotFailure, isConflict, isForAnyValue, refusedProperties, withSearchLag } from './failure';
import { ensureKeyProperty, keyPropertyName, keyUniquenessAfterRefusal, recordByKey } from './key-property';
import { equal, type HubSpotRecord, type KeyUniqueness, type SearchFilter } from './record';
import type { HubSpotSession } from './session';

/** A record to be made once per action key, and the contact it belongs to. */
export interface OnceRequest {
  type: 'calls' | 'tasks';
  /** The action key. */
  key: string;
  /** Whether this is the step's first attempt: nothing is there then, unless an earlier run of the event made it. */
  isFirstAttempt: boolean;
  rounds: ConflictRounds;
  /** The properties for a contact, without our own key. */
  properties(contact: FoundContact): Promise<Record<string, string>>;
  /** Finds or creates the contact; null when there is none and the step must be skipped. */
  contact(): Promise<FoundContact | null>;
  /** Drops a contact that HubSpot no longer has. */
  forgetContact(id: string): void;
  /** HubSpot's association type from this record to a contact. */
  associationTypeId: number;
  /** What the record is searched by when our own property is not there. */
  searchBy(properties: Readonly<Record<string, string>>): SearchFilter[];
  /**
   * What properties get instead when the account refuses their value or does not have them; null leaves one out.
   */
  instead: Readonly<Record<string, string | null>>;
}

/** What {@link createOnce} made or found. */
export interface OnceResult {
  record: HubSpotRecord;
  contact: FoundContact;
}

/**
 * Makes a record exactly once per action key, however often and by however many workers it is tried (reference
 * connectors.md 1.2): from the second attempt on it looks for the key, else it creates with the key, and when HubSpot
 * says that the key is taken, looks for the record that has it.
 *
 * Guaranteed where HubSpot keeps our property unique and finds records by it: one record per action key, associated with
 * the contact once this returns. Not guaranteed where it does not: two workers at the same moment, or a retry on another
 * worker within the seconds by which HubSpot's search lags, can make two. A record that HubSpot says exists, and shows
 * nowhere for two rounds, is made again without the key, with a warning.
 *
 * @returns null when there is no contact.
 */
export async function createOnce(session: HubSpotSession, request: OnceRequest): Promise<OnceResult | null> {
  let uniqueness = await ensureKeyProperty(session, request.type);
  for (let refusals = 0; ; refusals += 1) {
    try {
      return await lookAndCreate(session, request, uniqueness, refusals > 0);
    } catch (error) {
      const isAboutKey =
        error instanceof LookUpRefused || refusedProperties(error).includes(keyPropertyName(request.type));
      if (!isAboutKey || uniqueness === 'none') {
        throw error;
      }
      // Somebody deleted our property: it is created again where it may be. At the latest refusal it is left out.
      uniqueness = refusals < 2 ? await keyUniquenessAfterRefusal(session, request.type) : 'none';
    }
  }
}

/** HubSpot does not find records by our property, although its definition says so. */
class LookUpRefused extends Error {
  override readonly name = 'LookUpRefused';
}

/**
 * The value of our key property: a hash, because action keys hold `/` and `#`, which proxies change in paths, and
 * because HubSpot compares without regard to case.
 */
export function keyValueOf(actionKey: string): string {
  return createHash('sha256').update(actionKey).digest('hex').slice(0, 40);
}

/**
 * One try with what is known about our property.
 *
 * @param isDoubtful whether the property was refused a moment ago: an earlier attempt may have made the record under one
 *   that is gone, so it is searched for by its other properties as well.
 */
async function lookAndCreate(
  session: HubSpotSession,
  request: OnceRequest,
  uniqueness: KeyUniqueness,
  isDoubtful: boolean,
): Promise<OnceResult | null> {
  const existing = await existingRecord(session, request, uniqueness);
  if (existing !== null) {
    return complete(session, request, existing);
  }
  const contact = await request.contact();
  if (contact === null) {
    return null;
  }
  const properties = await request.properties(contact);
  const searches: KeyUniqueness[] = [
    ...(uniqueness === 'unique' ? [] : [uniqueness]),
    ...(isDoubtful && !request.isFirstAttempt && uniqueness !== 'none' ? (['none'] as const) : []),
  ];
  for (const how of searches) {
    const found = await bySearch(session, request, how, properties);
    if (found !== null) {
      return complete(session, request, found);
    }
  }
  const key = uniqueness === 'none' ? {} : { [keyPropertyName(request.type)]: keyValueOf(request.key) };
  try {
    return await createFor(session, request, { ...properties, ...key }, contact, uniqueness);
  } catch (error) {
    if (!isConflict(error)) {
      throw uniqueness === 'unique' ? error : withSearchLag(error);
    }
    const taken = await recordOfConflict(session, request, uniqueness, properties, error.answer.existingId);
    if (taken !== null) {
      return taken.isDeleted ? { record: taken.record, contact } : complete(session, request, taken.record);
    }
  }
  return createDespiteConflict(session, request, properties, contact);
}

/** The record that an earlier attempt made; null when there is none, or when only a search can tell. */
async function existingRecord(
  session: HubSpotSession,
  request: OnceRequest,
  uniqueness: KeyUniqueness,
): Promise<HubSpotRecord | null> {
  const madeHere = session.client.createdIds.get(request.key);
  if (madeHere !== undefined) {
    return session.get(request.type, madeHere, { associated: true });
  }
  // The first attempt creates at once: with a unique property a conflict says what a look-up would, and HubSpot counts
  // each look-up that finds nothing as an error (its usage guidelines ask to keep those below five percent).
  return uniqueness === 'unique' && !request.isFirstAttempt ? byKey(session, request) : null;
}

async function byKey(session: HubSpotSession, request: OnceRequest, archived = false): Promise<HubSpotRecord | null> {
  const found = await recordByKey(session, request.type, keyValueOf(request.key), { associated: true, archived });
  if (found === 'refused') {
    throw new LookUpRefused();
  }
  return found;
}

/**
 * The record that has our key, by every way in which HubSpot may show it; null when it shows none. One that a person
 * deleted counts: what was asked for has been done.
 */
async function recordOfConflict(
  session: HubSpotSession,
  request: OnceRequest,
  uniqueness: KeyUniqueness,
  properties: Readonly<Record<string, string>>,
  existingId: string | null,
): Promise<{ record: HubSpotRecord; isDeleted: boolean } | null> {
  const ways: (() => Promise<HubSpotRecord | null>)[] = [];
  for (const archived of [false, true]) {
    if (existingId !== null) {
      ways.push(() => session.get(request.type, existingId, { associated: true, archived }));
    }
    if (uniqueness === 'unique') {
      ways.push(() => byKey(session, request, archived));
    }
  }
  const archivedFrom = ways.length / 2;
  for (const [index, look] of ways.entries()) {
    const record = await look().catch((error: unknown) => {
      // Deleted records are looked for on the chance; an account that refuses that has none to show.
      if (index >= archivedFrom && error instanceof HubSpotFailure && error.errorClass === 'permanent') {
        return null;
      }
      throw error;
    });
    if (record !== null) {
      return { record, isDeleted: index >= archivedFrom };
    }
  }
  const found = await bySearch(session, request, uniqueness === 'none' ? 'none' : 'searchable', properties);
  return found === null ? null : { record: found, isDeleted: false };
}

/** Makes the record without our key, after two rounds in which HubSpot showed nothing that has it. */
async function createDespiteConflict(
  session: HubSpotSession,
  request: OnceRequest,
  properties: Readonly<Record<string, string>>,
  contact: FoundContact,
): Promise<OnceResult | null> {
  request.rounds.waitForRecord('this record');
  const found = await bySearch(session, request, 'none', properties);
  if (found !== null) {
    return complete(session, request, found);
  }
  session.log.warn(
    { connection: 'hubspot', object_type: request.type },
    'HubSpot says that this record exists already, and shows it nowhere; making it without our own property',
  );
  try {
    return await createFor(session, request, properties, contact, 'none');
  } catch (error) {
    throw isConflict(error) ? hiddenConflict(error) : withSearchLag(error);
  }
}

async function bySearch(
  session: HubSpotSession,
  request: OnceRequest,
  how: KeyUniqueness,
  properties: Readonly<Record<string, string>>,
): Promise<HubSpotRecord | null> {
  const filters: SearchFilter[] =
    how === 'none' ? request.searchBy(properties) : [equal(keyPropertyName(request.type), keyValueOf(request.key))];
  const [hit] = await session.search(request.type, [filters], []);
  return hit === undefined ? null : session.get(request.type, hit.id, { associated: true });
}

/** Returns the contact of a record that exists already, and adds a missing association. */
async function complete(
  session: HubSpotSession,
  request: OnceRequest,
  record: HubSpotRecord,
): Promise<OnceResult | null> {
  const [contactId] = record.contactIds;
  const associated = contactId === undefined ? null : await contactById(session, contactId);
  if (associated !== null) {
    return { record, contact: { contact: associated, created: false, matches: 1 } };
  }
  const contact = await request.contact();
  if (contact === null) {
    return null;
  }
  await session.associate(request.type, record.id, contact.contact.id);
  return { record, contact };
}

/** Creates; when the account refuses only values that can be done without, creates with what they get instead. */
async function createLeniently(
  session: HubSpotSession,
  request: OnceRequest,
  properties: Readonly<Record<string, string>>,
  contact: FoundContact,
  uniqueness: KeyUniqueness,
): Promise<HubSpotRecord> {
  const { client, log } = session;
  const ofAnyValue = (name: string): string => `${request.type}/${name}`;
  const refusalOf = (name: string): string => `${ofAnyValue(name)}/${properties[name] ?? ''}`;
  const instead = (name: string): string | null => request.instead[name] ?? null;
  for (;;) {
    const values = Object.entries(properties).flatMap(([name, value]) => {
      const isRefused = client.refusedValues.has(refusalOf(name));
      const used = client.refusedValues.has(ofAnyValue(name)) ? null : isRefused ? instead(name) : value;
      return used === null ? [] : [[name, used] as const];
    });
    const sent: Readonly<Record<string, string>> = Object.fromEntries(values);
    try {
      return await session.create(request.type, sent, {
        association: { contactId: contact.contact.id, typeId: request.associationTypeId },
        ...(uniqueness === 'unique' ? { keyProperty: keyPropertyName(request.type) } : {}),
      });
    } catch (error) {
      const refused = refusedProperties(error);
      // By what was sent, not by what is known: another attempt may have learned the refusal meanwhile.
      const hasInstead = (name: string): boolean =>
        sent[name] !== undefined && name in request.instead && sent[name] !== instead(name);
      if (refused.length === 0 || !refused.every(hasInstead)) {
        throw error;
      }
      // A property that the account does not have gets no other value either; its own differs from record to record.
      const isAny = error instanceof HubSpotFailure && isForAnyValue(error);
      refused.forEach((name) => client.refusedValues.set(isAny ? ofAnyValue(name) : refusalOf(name), true));
      client.warnOnce(
        log,
        `refused/${refused.join()}`,
        { object_type: request.type, properties: refused },
        'HubSpot refuses our value of these properties; going on without them',
      );
    }
  }
}

/**
 * Creates for a contact; once more for a contact looked up anew, for a cached one, or one that HubSpot's search still
 * shows, may have been deleted or merged meanwhile.
 */
async function createFor(
  session: HubSpotSession,
  request: OnceRequest,
  properties: Readonly<Record<string, string>>,
  contact: FoundContact,
  uniqueness: KeyUniqueness,
): Promise<OnceResult | null> {
  const create = async (found: FoundContact): Promise<OnceResult> => {
    const record = await createLeniently(session, request, properties, found, uniqueness);
    session.client.createdIds.set(request.key, record.id);
    return { record, contact: found };
  };
  try {
    return await create(contact);
  } catch (error) {
    const isAboutContact =
      error instanceof HubSpotFailure &&
      error.errorClass === 'permanent' &&
      !error.answer.conflict &&
      error.answer.properties.length === 0;
    if (!isAboutContact || (await contactById(session, contact.contact.id)) !== null) {
      throw error;
    }
  }
  request.forgetContact(contact.contact.id);
  const again = await request.contact();
  return again === null ? null : create(again);
}
