import { createHash } from 'node:crypto';
import type { ActionError } from '../action-error';
import type { HubSpotClient } from './client';
import type { FoundContact } from './contact';
import { contactById } from './contacts';
import { HubSpotFailure, isConflict, transientFailure } from './failure';
import { ensureKeyProperty, forgetKeyProperty, keyPropertyName } from './key-property';
import { equal, type HubSpotRecord, type KeyUniqueness, type SearchFilter } from './record';
import type { HubSpotSession } from './session';

/** A record to be made once per action key, and the contact it belongs to. */
export interface OnceRequest {
  type: 'calls' | 'tasks';
  /** The action key. */
  key: string;
  /** The properties for a contact, without our own key. */
  properties(contact: FoundContact): Promise<Record<string, string>>;
  /** Finds or creates the contact; null when there is none and the step must be skipped. */
  contact(): Promise<FoundContact | null>;
  /** Drops the cached contact, because HubSpot no longer has it. */
  forgetContact(): void;
  /** HubSpot's association type from this record to a contact. */
  associationTypeId: number;
  /** What the record is searched by when our own property is not there. */
  searchBy(properties: Readonly<Record<string, string>>): SearchFilter[];
  /** Properties that are dropped, and the record made without them, when the account refuses their value. */
  optional: readonly string[];
}

/** What {@link createOnce} made or found. */
export interface OnceResult {
  record: HubSpotRecord;
  contact: FoundContact;
}

/**
 * Makes a record exactly once per action key, however often and by however many workers it is tried (reference
 * connectors.md 1.2): look for the key, else create with the key, and when HubSpot says that the key is taken, look
 * again.
 *
 * Guaranteed where HubSpot keeps our property unique: one record per action key, associated with the contact once this
 * returns. Not guaranteed where it does not (`search`): two workers at the same moment, or a retry on another worker
 * within the seconds by which HubSpot's search lags, can make two.
 *
 * @returns null when there is no contact.
 */
export async function createOnce(session: HubSpotSession, request: OnceRequest): Promise<OnceResult | null> {
  const { client } = session;
  const uniqueness = await ensureKeyProperty(session, request.type);
  const keyValue = keyValueOf(request.key);
  const madeHere = client.createdIds.get(request.key);
  const existing =
    uniqueness === 'unique'
      ? await byKey(session, request, keyValue)
      : madeHere === undefined
        ? null
        : await session.get(request.type, madeHere, { associated: true });
  if (existing !== null) {
    return complete(session, request, existing);
  }
  const contact = await request.contact();
  if (contact === null) {
    return null;
  }
  const properties = await request.properties(contact);
  if (uniqueness !== 'unique') {
    const found = await bySearch(session, request, uniqueness, keyValue, properties);
    if (found !== null) {
      return complete(session, request, found);
    }
  }
  const withKey = uniqueness === 'none' ? properties : { ...properties, [keyPropertyName(request.type)]: keyValue };
  try {
    const made = await createFor(session, request, withKey, contact);
    if (made !== null) {
      client.createdIds.set(request.key, made.record.id);
    }
    return made;
  } catch (error) {
    if (isConflict(error) && uniqueness === 'unique') {
      return completeWinner(session, request, keyValue);
    }
    if (
      error instanceof HubSpotFailure &&
      error.errorClass === 'permanent' &&
      error.answer.properties.includes(keyPropertyName(request.type))
    ) {
      throw keyPropertyGone(client, request, error);
    }
    throw error;
  }
}

/**
 * The value of our key property: a hash, because action keys hold `/` and `#`, which proxies change in paths, and
 * because HubSpot compares without regard to case.
 */
export function keyValueOf(actionKey: string): string {
  return createHash('sha256').update(actionKey).digest('hex').slice(0, 40);
}

async function byKey(session: HubSpotSession, request: OnceRequest, keyValue: string): Promise<HubSpotRecord | null> {
  try {
    return await session.get(request.type, keyValue, { idProperty: keyPropertyName(request.type), associated: true });
  } catch (error) {
    if (error instanceof HubSpotFailure && error.errorClass === 'permanent') {
      // Our own look-up is never wrong by itself.
      throw keyPropertyGone(session.client, request, error);
    }
    throw error;
  }
}

/** Somebody deleted our property: the next attempt finds out, and creates it again where it may. */
function keyPropertyGone(client: HubSpotClient, request: OnceRequest, error: HubSpotFailure): ActionError {
  forgetKeyProperty(client, request.type);
  return transientFailure('HubSpot no longer knows our own property', error.detail.code, { retryAfterMs: 5_000 });
}

/** Another attempt or worker has made it. */
async function completeWinner(
  session: HubSpotSession,
  request: OnceRequest,
  keyValue: string,
): Promise<OnceResult | null> {
  const winner = await byKey(session, request, keyValue);
  if (winner === null) {
    throw transientFailure('HubSpot says that this was logged already, but does not show it yet', 'conflict', {
      retryAfterMs: 5_000,
    });
  }
  return complete(session, request, winner);
}

async function bySearch(
  session: HubSpotSession,
  request: OnceRequest,
  uniqueness: KeyUniqueness,
  keyValue: string,
  properties: Readonly<Record<string, string>>,
): Promise<HubSpotRecord | null> {
  const filters: SearchFilter[] =
    uniqueness === 'searchable' ? [equal(keyPropertyName(request.type), keyValue)] : request.searchBy(properties);
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

/** Creates; when the account refuses only properties that can be done without, creates without them. */
async function createLeniently(
  session: HubSpotSession,
  request: OnceRequest,
  properties: Readonly<Record<string, string>>,
  contact: FoundContact,
): Promise<HubSpotRecord> {
  const association = { contactId: contact.contact.id, typeId: request.associationTypeId };
  try {
    return await session.create(request.type, properties, association);
  } catch (error) {
    const refused =
      error instanceof HubSpotFailure && error.errorClass === 'permanent' && !error.answer.conflict
        ? error.answer.properties
        : [];
    if (refused.length === 0 || !refused.every((name) => request.optional.includes(name))) {
      throw error;
    }
    session.client.warnOnce(
      session.log,
      `refused/${refused.join()}`,
      { object_type: request.type, properties: refused },
      'HubSpot refuses our value of these properties; going on without them',
    );
    return session.create(
      request.type,
      Object.fromEntries(Object.entries(properties).filter(([name]) => !refused.includes(name))),
      association,
    );
  }
}

/**
 * Creates for a contact; once more for a contact looked up anew, for a cached one may have been deleted or merged
 * meanwhile.
 */
async function createFor(
  session: HubSpotSession,
  request: OnceRequest,
  properties: Readonly<Record<string, string>>,
  contact: FoundContact,
): Promise<OnceResult | null> {
  try {
    return { record: await createLeniently(session, request, properties, contact), contact };
  } catch (error) {
    if (
      !(error instanceof HubSpotFailure) ||
      error.errorClass !== 'permanent' ||
      error.answer.conflict ||
      error.answer.properties.length > 0
    ) {
      throw error;
    }
  }
  request.forgetContact();
  const again = await request.contact();
  return again === null ? null : { record: await createLeniently(session, request, properties, again), contact: again };
}
