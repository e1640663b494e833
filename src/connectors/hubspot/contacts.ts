import { z } from 'zod';
import { readPhone, toE164 } from '../../events/phone';
import type { CanonicalEvent } from '../../events/canonical-event';
import type { HubSpotClient } from './client';
import { isConflict, transientFailure } from './failure';
import { keyingOf, keyPropertyOf } from './key-property';
import { equal, hasToken, type HubSpotRecord, type HubSpotSession } from './session';

/** A contact as later steps see it (`steps.<id>.contact.name`). */
export const contactOutput = z.object({
  id: z.string().describe("HubSpot's id of the contact"),
  name: z.string().nullable().describe('First and last name; null when it has neither'),
  email: z.string().nullable().describe('Its e-mail address; null when it has none'),
  owner_id: z.string().nullable().describe("HubSpot's id of its owner; null when it has none"),
});
export type Contact = z.output<typeof contactOutput>;

/** What to do about a number that no contact has. */
export const unknownContactInput = z
  .enum(['skip', 'create'])
  .default('skip')
  .describe('What to do when no contact has this number: skip the step, or create a contact with the number');
export type UnknownContact = z.output<typeof unknownContactInput>;

/** The contact of a number. */
export type FoundContact = {
  contact: Contact;
  /** Whether this very attempt created it. */
  created: boolean;
  /** How many contacts have the number; 1 for one that was created. */
  matches: number;
};

/** The far end of an event, as a phone number. */
export interface PeerPhone {
  e164: string;
  name: string | null;
}

const CONTACT_PROPERTIES = ['firstname', 'lastname', 'email', 'hubspot_owner_id', 'phone', 'mobilephone'];
const PHONE_TYPES = new Set(['tel', 'whatsapp']);

/**
 * The peer's phone number, or why there is none. Decided by the address' type: an extension or agent that looks like a
 * number is none (reference connectors.md 4).
 */
export function peerPhone(event: CanonicalEvent, country: string | null): PeerPhone | { none: string } {
  const { peer } = event;
  if (peer === null || peer.number === null) {
    return { none: 'the event names no far end' };
  }
  if (!PHONE_TYPES.has(peer.type)) {
    return {
      none: `the far end is no phone (its address type is ${/^[a-z_]{1,20}$/.test(peer.type) ? peer.type : 'unknown'})`,
    };
  }
  const e164 = toE164(peer.number, country);
  return e164 === null ? { none: 'the far end gave no phone number' } : { e164, name: peer.name };
}

/**
 * The contact with this phone number; null when there is none and none is to be created.
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

/** Forgets a contact that HubSpot no longer knows: it was deleted or merged. */
export function forgetContact(client: HubSpotClient, phone: PeerPhone, country: string | null): void {
  client.contacts.delete(`${phone.e164} ${country ?? ''}`);
}

/** A contact by HubSpot's id; null when it is gone. */
export async function contactById(session: HubSpotSession, id: string): Promise<Contact | null> {
  const record = await session.get('contacts', id, { properties: CONTACT_PROPERTIES });
  return record === null ? null : contactOf(record);
}

/**
 * Joins what another step of this process is doing about the same number; does it itself when there is none, or when
 * that one failed. What is joined was created by the other.
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
 * One search that finds too much rather than too little, in whatever format the number is stored (reference
 * connectors.md 1.1); what is found is then compared here, since one national number exists in many countries. Of
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
      'several contacts have this number; took the one changed last',
    );
  }
  return { contact: contactOf(best), created: false, matches: matching.length };
}

/**
 * Whether a number as somebody typed it is the one wanted. One that cannot be read in the rule's country (or where the
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
  const idProperty = keyPropertyOf('contacts');
  const keying =
    unknown === 'skip' ? await session.client.keyings.get('contacts') : await keyingOf(session, 'contacts');
  const find = (): Promise<HubSpotRecord | null> =>
    session.get('contacts', phone.e164, { idProperty, properties: CONTACT_PROPERTIES });
  const existing = keying === 'unique' ? await find() : null;
  if (existing !== null) {
    return { contact: contactOf(existing), created: false, matches: 1 };
  }
  if (unknown === 'skip') {
    return null;
  }
  const properties = {
    phone: phone.e164,
    firstname: phone.name ?? phone.e164,
    ...(keying === 'none' ? {} : { [idProperty]: phone.e164 }),
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
