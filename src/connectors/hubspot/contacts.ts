import { readPhone, toE164 } from '../../events/phone';
import type { HubSpotClient } from './client';
import type { Contact, FoundContact, PeerPhone, UnknownContact } from './contact';
import { isConflict, transientFailure } from './failure';
import { ensureKeyProperty, keyPropertyName } from './key-property';
import { equal, hasToken, type HubSpotRecord } from './record';
import type { HubSpotSession } from './session';

const CONTACT_PROPERTIES = ['firstname', 'lastname', 'email', 'hubspot_owner_id', 'phone', 'mobilephone'];

/**
 * The contact with this phone number; null when there is none and none may be created.
 *
 * Guaranteed: a contact that this bridge creates for a number is created once, also by racing workers, where HubSpot
 * keeps `voipbin_phone` unique. Not guaranteed: that a contact which a person entered seconds ago is found, for
 * HubSpot's search lags behind.
 */
export async function findContact(
  session: HubSpotSession,
  phone: PeerPhone,
  options: { country: string | null; unknown: UnknownContact },
): Promise<FoundContact | null> {
  const { client } = session;
  const key = `${phone.e164} ${options.country ?? ''}`;
  const known = client.contacts.get(key);
  if (known !== undefined) {
    return known;
  }
  const found =
    (await joined(client, key, () => searchByPhone(session, phone.e164, options.country))) ??
    (await joined(client, `${key} ${options.unknown}`, () => ownContact(session, phone, options.unknown)));
  if (found !== null) {
    client.contacts.set(key, { ...found, created: false });
  }
  return found;
}

/** Drops a cached contact that HubSpot no longer has: it was deleted or merged. */
export function forgetContact(client: HubSpotClient, phone: PeerPhone, country: string | null): void {
  client.contacts.delete(`${phone.e164} ${country ?? ''}`);
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
  const underWay = await client.contactsUnderWay.get(what)?.catch(() => undefined);
  if (underWay !== undefined) {
    return underWay === null ? null : { ...underWay, created: false };
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
 * One search that finds too many rather than too few, in whatever format the number is stored (reference
 * connectors.md 1.1). The results are compared here, because one national number exists in many countries. Of
 * several, the one changed last; of equals, the lowest id.
 */
async function searchByPhone(
  session: HubSpotSession,
  e164: string,
  country: string | null,
): Promise<FoundContact | null> {
  const national: string = readPhone(e164, null)?.nationalNumber ?? e164.slice(1);
  const anyOf = [
    [equal('hs_searchable_calculated_phone_number', national)],
    [equal('hs_searchable_calculated_mobile_number', national)],
    [equal('phone', e164)],
    [equal('mobilephone', e164)],
    [hasToken('phone', `*${national}`)],
  ];
  const hits = await session.search('contacts', anyOf, CONTACT_PROPERTIES);
  const matching = hits.filter((hit) =>
    [hit.properties['phone'], hit.properties['mobilephone']].some((stored) =>
      isSameNumber(stored, e164, national, country),
    ),
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
 * Returns whether a number as a person typed it is the wanted one. One that cannot be read in the rule's country (or where the
 * rule names none) is compared digit by digit, without leading zeros, with the wanted number's national and
 * international digits.
 */
export function isSameNumber(
  stored: string | null | undefined,
  e164: string,
  national: string,
  country: string | null,
): boolean {
  if (stored === null || stored === undefined || stored === '') {
    return false;
  }
  const read = toE164(stored, country);
  if (read !== null) {
    return read === e164;
  }
  const digits = (stored.split(/[a-z;#,]/i)[0] ?? '').replace(/\D/g, '').replace(/^0+/, '');
  return (
    digits.length >= 7 &&
    !stored.trim().startsWith('+') &&
    (digits === national.replace(/^0+/, '') || digits === e164.slice(1))
  );
}

/**
 * Our own contact for a number that the search does not know, perhaps because it was created a moment ago; else a new
 * one. A step that never creates contacts does not create our property for them either: it only uses one that is known
 * to be there.
 */
async function ownContact(
  session: HubSpotSession,
  phone: PeerPhone,
  unknown: UnknownContact,
): Promise<FoundContact | null> {
  const idProperty = keyPropertyName('contacts');
  const uniqueness =
    unknown === 'skip'
      ? await session.client.keyUniqueness.get('contacts')
      : await ensureKeyProperty(session, 'contacts');
  const find = (): Promise<HubSpotRecord | null> =>
    session.get('contacts', phone.e164, { idProperty, properties: CONTACT_PROPERTIES });
  const existing = uniqueness === 'unique' ? await find() : null;
  if (existing !== null) {
    return { contact: contactOf(existing), created: false, matches: 1 };
  }
  if (unknown === 'skip') {
    return null;
  }
  const properties = {
    phone: phone.e164,
    firstname: phone.name ?? phone.e164,
    ...(uniqueness === 'none' ? {} : { [idProperty]: phone.e164 }),
  };
  try {
    const created = await session.create('contacts', properties);
    return {
      contact: contactOf({ ...created, properties: { ...properties, ...created.properties } }),
      created: true,
      matches: 1,
    };
  } catch (error) {
    if (!isConflict(error)) {
      throw error;
    }
    const winner = await find();
    if (winner === null) {
      throw transientFailure('HubSpot says that the contact exists, but does not show it yet', 'conflict', {
        retryAfterMs: 5_000,
      });
    }
    return { contact: contactOf(winner), created: false, matches: 1 };
  }
}

function contactOf(record: HubSpotRecord): Contact {
  const { firstname, lastname, email, hubspot_owner_id: owner } = record.properties;
  const name = [firstname, lastname].filter((part) => part !== null && part !== undefined && part !== '').join(' ');
  return { id: record.id, name: orNull(name), email: orNull(email), owner_id: orNull(owner) };
}

function orNull(value: string | null | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}

/** Ids are numbers too long for a number. */
function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
