import { z } from 'zod';
import type { CanonicalEvent } from '../../events/canonical-event';
import { farEndNumber, toE164, whyNoPhone } from '../../events/phone';
import type { ActionContext } from '../action-context';
import { permanentFailure } from './failure';

/** A contact as later steps see it (`steps.<id>.contact.name`). */
export const contactOutput = z.object({
  id: z.string().describe("HubSpot's id of the contact"),
  name: z
    .string()
    .nullable()
    .describe('First and last name; null when it has neither, or only a phone number in their place'),
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

/** Inputs that name another contact than that of the far end. */
export const contactInputs = {
  number: z
    .string()
    .optional()
    .describe("Phone number of the contact, in any format; the event's peer when neither this nor contact is given"),
  contact: z
    .string()
    .optional()
    .describe("HubSpot's id of the contact, such as {{ steps.task.contact.id }}, instead of a number"),
  unknown_contact: unknownContactInput,
};
/** For `refine` of an input with {@link contactInputs}. */
export const namesOneContact = ({ number, contact }: NamedContact): boolean =>
  number === undefined || contact === undefined;
export const NAMES_TWO_CONTACTS = { error: 'give either number or contact, not both', path: ['contact'] };

/** What a rule says about which contact is meant, rendered. */
export interface NamedContact {
  number?: string | undefined;
  contact?: string | undefined;
}

/** The contact of a number, or of an id. */
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

const PHONE_TYPES = new Set(['tel', 'whatsapp']);

/**
 * Whom an action is about: a phone number or HubSpot's id of a contact, from the input, else from the event's peer; or why
 * there is nobody.
 *
 * @throws HubSpotFailure `permanent` for an id that is none.
 */
export function wantedContact(
  context: Pick<ActionContext<unknown>, 'event' | 'country' | 'isOurs'>,
  { number, contact }: NamedContact,
): { phone: PeerPhone } | { id: string } | { none: string } {
  if (contact !== undefined) {
    const id = contact.trim();
    return id === '' ? { none: 'the rendered `contact` is empty' } : { id: contactId(id) };
  }
  const phone = number === undefined ? peerPhone(context) : givenPhone(context, number.trim());
  return 'none' in phone ? phone : { phone };
}

/** What the step names, for the number of a call that is logged: the far end's where that is a phone. */
export function numberOf(event: CanonicalEvent, wanted: { phone: PeerPhone } | { id: string }): string | null {
  return 'phone' in wanted ? wanted.phone.e164 : (event.peer?.number ?? null);
}

/**
 * The checks of {@link contactInputs}, for values that are the same for every event. A number that is rendered may be
 * withheld, or a name: then the step is skipped, as for a peer.
 */
export const contactChecks = {
  number: (
    number: string | undefined,
    { country, event }: { country: string | null; event: CanonicalEvent | null },
  ) => {
    if (number !== undefined && event === null && farEndNumber(number, country) === null) {
      throw permanentFailure(
        'the rendered `number` is not a phone number',
        'invalid_number',
        'Write it in E.164, quoted ("+1555..."), or set the country of the rule file.',
      );
    }
  },
  contact: (contact: string | undefined) => {
    if (contact !== undefined && contact.trim() !== '') {
      contactId(contact.trim());
    }
  },
};

/** For `actsOn` of an action: without a contact that the rule names, only a phone at the far end has one. */
export function actsOnPhones(named: NamedContact): Readonly<Record<string, readonly string[]>> {
  return readsPeer(named).length === 0 ? {} : { 'peer.type': [...PHONE_TYPES] };
}

/** The fields of the event that say who the contact is; none where the input does. */
export function readsPeer({ number, contact }: NamedContact): readonly string[] {
  return number === undefined && contact === undefined ? ['peer'] : [];
}

function contactId(text: string): string {
  if (!/^\d{1,20}$/.test(text)) {
    throw permanentFailure(
      "the rendered `contact` is not HubSpot's id of a contact",
      'invalid_contact',
      'Give it the id that an earlier step found, {{ steps.<id>.contact.id }}, or use number.',
    );
  }
  return text;
}

function givenPhone(
  { event, country, isOurs }: Pick<ActionContext<unknown>, 'event' | 'country' | 'isOurs'>,
  number: string,
): PeerPhone | { none: string } {
  if (number === '') {
    return { none: 'the rendered `number` is empty' };
  }
  const e164 = farEndNumber(number, country);
  if (e164 === null) {
    return {
      none: whyNoPhone(number).replace('the far end gave no phone number', 'the rendered `number` is no phone number'),
    };
  }
  if (isOurs(e164)) {
    return { none: 'the rendered `number` is a number of our own' };
  }
  const isPeers = toE164(event.peer?.number ?? '', country) === e164;
  return { e164, name: isPeers ? (event.peer?.name ?? null) : null };
}

/**
 * The peer's phone number, or why there is none. The type of the address decides: an extension or agent that looks like a
 * number is not a phone (reference connectors.md 4). A number of our own is nobody's either: a call between two of our
 * lines has no contact.
 */
function peerPhone({
  event,
  country,
  isOurs,
}: Pick<ActionContext<unknown>, 'event' | 'country' | 'isOurs'>): PeerPhone | { none: string } {
  const { peer } = event;
  if (peer === null || peer.number === null) {
    return { none: 'the event has no far end' };
  }
  if (!PHONE_TYPES.has(peer.type)) {
    return {
      none: `the far end is not a phone (its address type is ${/^[a-z_]{1,20}$/.test(peer.type) ? peer.type : 'unknown'})`,
    };
  }
  const e164 = farEndNumber(peer.number, country);
  if (e164 === null) {
    return { none: whyNoPhone(peer.number) };
  }
  return isOurs(e164) ? { none: 'the far end is a number of our own' } : { e164, name: peer.name };
}
