import { z } from 'zod';
import { farEndNumber, whyNoPhone } from '../../events/phone';
import type { ActionContext } from '../connector';

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

const PHONE_TYPES = new Set(['tel', 'whatsapp']);

/**
 * The peer's phone number, or why there is none. The type of the address decides: an extension or agent that looks like a
 * number is not a phone (reference connectors.md 4). A number of our own is nobody's either: a call between two of our
 * lines has no contact.
 */
export function peerPhone({
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
