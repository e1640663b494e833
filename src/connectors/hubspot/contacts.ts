import { personName } from '../../events/person-name';
import type { HubSpotClient } from './client';
import type { ConflictRounds } from './conflict-rounds';
import type { Contact, FoundContact, PeerPhone, UnknownContact } from './contact';
import { hiddenConflict, isConflict, refusedProperties, withSearchLag } from './failure';
import { ensureKeyProperty, keyPropertyName, keyUniquenessAfterRefusal, recordByKey } from './key-property';
import { isSamePhone, phoneForms, type PhoneForms } from './phone-forms';
import { equal, type HubSpotRecord, type KeyUniqueness } from './record';
import type { HubSpotSession } from './session';
import { fitText } from './texts';

const CONTACT_PROPERTIES = ['firstname', 'lastname', 'email', 'hubspot_owner_id', 'phone', 'mobilephone'];

/** How a contact is looked for. */
export interface ContactOptions {
  country: string | null;
  unknown: UnknownContact;
  rounds: ConflictRounds;
}

/**
 * The contact with this phone number; null when there is none and none may be created.
 *
 * Guaranteed: a contact that this bridge creates for a number is created once, also by racing workers, where HubSpot
 * keeps `voipbin_phone` unique. Not guaranteed: that a contact which a person entered seconds ago is found, for
 * HubSpot's search lags behind; nor that no second one is made within these seconds while a deleted one holds the number.
 */
async function findContact(
  session: HubSpotSession,
  phone: PeerPhone,
  options: ContactOptions,
): Promise<FoundContact | null> {
  const { client } = session;
  const forms = phoneForms(phone.e164);
  const key = cacheKey(forms, options.country);
  const known = client.contacts.get(key);
  if (known !== undefined) {
    return known;
  }
  const found =
    (await joined(client, key, () => searchByPhone(session, forms, options.country))) ??
    // Another step may have created it meanwhile; the search does not show it yet.
    client.contacts.get(key) ??
    (await joined(client, `${key} ${options.unknown}`, () => ownContact(session, phone, forms, options)));
  if (found !== null) {
    client.contacts.set(key, { ...found, created: false });
  }
  return found;
}

/** How a step finds its contact, by number or by id. */
export interface ContactLookUp {
  /** Null when there is none and none may be created. */
  find(): Promise<FoundContact | null>;
  /** Drops the contact with this id from what is known, so that the next `find` asks HubSpot. */
  forget(id: string): void;
  /** Why a step is skipped when `find` finds none. */
  none: string;
}

/** @param options of a look-up by number. A contact with an id is never created. */
export function contactLookUp(
  session: HubSpotSession,
  wanted: { phone: PeerPhone } | { id: string },
  options: ContactOptions,
): ContactLookUp {
  if ('phone' in wanted) {
    return {
      find: () => findContact(session, wanted.phone, options),
      forget: (id) => forgetContact(session.client, wanted.phone, options.country, id),
      none: 'no contact with this number',
    };
  }
  return {
    find: async () => {
      const contact = await contactById(session, wanted.id);
      return contact === null ? null : { contact, created: false, matches: 1 };
    },
    forget: () => undefined,
    none: 'no contact with this id',
  };
}

/**
 * Drops a contact that HubSpot no longer has, because it was deleted or merged. HubSpot's search still shows it for some
 * seconds.
 */
function forgetContact(client: HubSpotClient, phone: PeerPhone, country: string | null, id: string): void {
  client.contacts.delete(cacheKey(phoneForms(phone.e164), country));
  client.goneContacts.set(id, true);
}

function cacheKey({ person }: PhoneForms, country: string | null): string {
  return `${person} ${country ?? ''}`;
}

/** A contact by HubSpot's id; null when it is gone. */
export async function contactById(session: HubSpotSession, id: string): Promise<Contact | null> {
  const record = await session.get('contacts', id, { properties: CONTACT_PROPERTIES });
  return record === null ? null : contactOf(record);
}

/**
 * Waits for another step of this process that looks for the same number. Calls `make` itself when there is none, or when
 * that one failed. A contact that the other step created does not count as created by this one.
 */
async function joined(
  client: HubSpotClient,
  what: string,
  make: () => Promise<FoundContact | null>,
): Promise<FoundContact | null> {
  for (;;) {
    const other = client.contactsUnderWay.get(what);
    if (other === undefined) {
      break;
    }
    // After a failure the first one that wakes up tries itself, and the others wait for it.
    const found = await other.catch(() => undefined);
    if (found !== undefined) {
      return found === null ? null : { ...found, created: false };
    }
  }
  const own = make();
  client.contactsUnderWay.set(what, own);
  try {
    return await own;
  } finally {
    if (client.contactsUnderWay.get(what) === own) {
      client.contactsUnderWay.delete(what);
    }
  }
}

/**
 * Searches for the number in whatever format it is stored. The results are compared here, because one national number
 * exists in many countries. Of several, the one changed last; of equals, the lowest id.
 */
async function searchByPhone(
  session: HubSpotSession,
  forms: PhoneForms,
  country: string | null,
): Promise<FoundContact | null> {
  const hits = await session.contactsByPhone(forms, CONTACT_PROPERTIES);
  const matching = hits.filter(
    ({ id, properties }) =>
      !session.client.goneContacts.has(id) &&
      [properties['phone'], properties['mobilephone']].some((stored) => isSamePhone(stored, forms, country)),
  );
  const [best] = matching.sort((a, b) => b.updatedAt - a.updatedAt || compareIds(a.id, b.id));
  if (best === undefined) {
    return null;
  }
  if (matching.length > 1) {
    session.log.info(
      { connection: 'hubspot', matches: matching.length },
      'several contacts have this number; using the one changed last',
    );
  }
  return { contact: contactOf(best), created: false, matches: matching.length };
}

/**
 * Our own contact for a number that the search does not know, perhaps because it was created a moment ago; else a new
 * one. A step that never creates contacts does not create our property for them either: it only uses one that is known
 * to be there.
 */
async function ownContact(
  session: HubSpotSession,
  phone: PeerPhone,
  forms: PhoneForms,
  options: ContactOptions,
): Promise<FoundContact | null> {
  if (options.unknown === 'skip') {
    const known = await session.client.keyUniqueness.get('contacts');
    const record = known === 'unique' ? await recordByKey(session, 'contacts', forms.person, SHOWN) : null;
    return record === null || record === 'refused' ? null : existing(record);
  }
  let uniqueness = await ensureKeyProperty(session, 'contacts');
  for (let refusals = 0; ; refusals += 1) {
    try {
      return await ownOrNew(session, phone, forms, uniqueness, options.rounds);
    } catch (error) {
      if (uniqueness === 'none' || !refusedProperties(error).includes(keyPropertyName('contacts'))) {
        throw error;
      }
      // Somebody deleted our property: it is created again where it may be. At the second refusal it is left out.
      uniqueness = refusals === 0 ? await keyUniquenessAfterRefusal(session, 'contacts') : 'none';
    }
  }
}

/**
 * Creates the contact. Where HubSpot keeps our property unique, the conflict tells of one that exists: looking first would
 * find nothing nearly always, which HubSpot counts as an error.
 */
async function ownOrNew(
  session: HubSpotSession,
  phone: PeerPhone,
  forms: PhoneForms,
  uniqueness: KeyUniqueness,
  rounds: ConflictRounds,
): Promise<FoundContact | null> {
  const found = uniqueness === 'searchable' ? await searchByKey(session, forms) : null;
  if (found !== null) {
    return existing(found);
  }
  const properties = { phone: phone.e164, firstname: personName(fitText(phone.name ?? '')) ?? phone.e164 };
  const key = uniqueness === 'none' ? {} : { [keyPropertyName('contacts')]: forms.person };
  try {
    return await createContact(session, { ...properties, ...key }, uniqueness);
  } catch (error) {
    if (!isConflict(error)) {
      throw uniqueness === 'unique' ? error : withSearchLag(error);
    }
    const taken = await contactOfConflict(session, forms, uniqueness, error.answer.existingId);
    if (taken !== null && taken !== 'deleted') {
      return existing(taken);
    }
    if (taken === null) {
      rounds.waitForRecord('the contact');
    }
    session.log.warn(
      { connection: 'hubspot', object_type: 'contacts', deleted: taken === 'deleted' },
      'HubSpot keeps the number for a contact that it does not show; making one without our own property',
    );
  }
  try {
    return await createContact(session, properties, 'none');
  } catch (error) {
    throw isConflict(error) ? hiddenConflict(error) : withSearchLag(error);
  }
}

const SHOWN = { properties: CONTACT_PROPERTIES };

/**
 * The contact that has our key, by every way in which HubSpot may show it: `deleted` when it is in the recycle bin, null
 * when HubSpot shows none.
 */
async function contactOfConflict(
  session: HubSpotSession,
  forms: PhoneForms,
  uniqueness: KeyUniqueness,
  existingId: string | null,
): Promise<HubSpotRecord | 'deleted' | null> {
  const byKey = uniqueness === 'unique' ? await recordByKey(session, 'contacts', forms.person, SHOWN) : null;
  if (byKey !== null && byKey !== 'refused') {
    return byKey;
  }
  const named = existingId === null ? null : await session.get('contacts', existingId, SHOWN);
  if (named !== null) {
    return named;
  }
  const deleted =
    uniqueness === 'unique' ? await recordByKey(session, 'contacts', forms.person, { ...SHOWN, archived: true }) : null;
  if (deleted !== null && deleted !== 'refused') {
    return 'deleted';
  }
  return uniqueness === 'none' ? null : searchByKey(session, forms);
}

async function searchByKey(session: HubSpotSession, { person }: PhoneForms): Promise<HubSpotRecord | null> {
  const hits = await session.search('contacts', [[equal(keyPropertyName('contacts'), person)]], CONTACT_PROPERTIES);
  return hits.find(({ id }) => !session.client.goneContacts.has(id)) ?? null;
}

/**
 * @param uniqueness how the contact is found by our own property, `none` when it has none. Only one that has it is created
 *   without the phone when the account's validation refuses that: HubSpot's own check knows fewer numbers than the
 *   networks do.
 */
async function createContact(
  session: HubSpotSession,
  properties: { phone: string; firstname: string },
  uniqueness: KeyUniqueness,
): Promise<FoundContact> {
  const create = async (values: Record<string, string>): Promise<FoundContact> => {
    const created = await session.create(
      'contacts',
      values,
      uniqueness === 'unique' ? { keyProperty: keyPropertyName('contacts') } : {},
    );
    return {
      contact: contactOf({ ...created, properties: { ...values, ...created.properties } }),
      created: true,
      matches: 1,
    };
  };
  try {
    return await create(properties);
  } catch (error) {
    const refused = refusedProperties(error);
    if (uniqueness === 'none' || refused.length !== 1 || refused[0] !== 'phone') {
      throw error;
    }
  }
  session.client.warnOnce(
    session.log,
    'refused/phone',
    { object_type: 'contacts', properties: ['phone'] },
    'HubSpot refuses the number as a phone; the contact gets it as its name and in our own property',
  );
  const { phone: _refused, ...others } = properties;
  return create(others);
}

function existing(record: HubSpotRecord): FoundContact {
  return { contact: contactOf(record), created: false, matches: 1 };
}

function contactOf(record: HubSpotRecord): Contact {
  const { firstname, lastname, email, hubspot_owner_id: owner } = record.properties;
  // A contact that the bridge, a form or a telephone system made may have its number for a first or last name.
  const isNamed = personName(`${firstname ?? ''} ${lastname ?? ''}`) !== null;
  const name = isNamed ? [firstname, lastname].flatMap((part) => personName(part) ?? []).join(' ') : '';
  return { id: record.id, name: orNull(name), email: orNull(email), owner_id: orNull(owner) };
}

function orNull(value: string | null | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}

/** Ids are numbers too long for a number. */
function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
