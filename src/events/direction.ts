import type { Direction, Party } from './canonical-event';
import type { JsonObject } from './json';

/** Calls and conversation messages say incoming/outgoing, texts say inbound/outbound (reference voipbin.md 4). */
const WORDS: ReadonlyMap<unknown, Direction> = new Map<unknown, Direction>([
  ['incoming', 'inbound'],
  ['inbound', 'inbound'],
  ['outgoing', 'outbound'],
  ['outbound', 'outbound'],
]);

/**
 * The direction in the payload; null when there is none. A transcript's `in` is a side of the call, not a direction.
 */
export function declaredDirection(data: JsonObject): Direction | null {
  return WORDS.get(data['direction']) ?? null;
}

/** Knows which numbers are ours ({@link OwnNumbers} implements it). */
export interface NumberLookup {
  /** @param number in any common format. */
  has(number: string): boolean;
}

/** The two parties of a call or message. */
export interface Parties {
  direction: Direction | null;
  peer: Party | null;
  ours: Party | null;
}

/**
 * Decides which party is the peer and which is ours.
 *
 * Without a direction in the payload (the page's samples), a number of ours decides; the source is checked first,
 * because a text that we may have sent must never look like one to answer. When neither number is ours, a message is
 * inbound; a call has no direction, and its destination is the peer, as on the page.
 */
export function resolveParties(
  kind: 'call' | 'message',
  data: JsonObject,
  source: Party | null,
  destination: Party | null,
  ours: NumberLookup,
): Parties {
  const direction =
    declaredDirection(data) ?? inferDirection(source, destination, ours) ?? (kind === 'message' ? 'inbound' : null);
  return direction === 'inbound'
    ? { direction, peer: source, ours: destination }
    : { direction, peer: destination, ours: source };
}

function inferDirection(source: Party | null, destination: Party | null, ours: NumberLookup): Direction | null {
  if (isOurs(source, ours)) {
    return 'outbound';
  }
  return isOurs(destination, ours) ? 'inbound' : null;
}

function isOurs(party: Party | null, ours: NumberLookup): boolean {
  return party !== null && party.type === 'tel' && party.number !== null && ours.has(party.number);
}
