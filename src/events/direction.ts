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
 * The direction that the payload states; null when it states none (or another word: a transcript's `in` is a side, not
 * a direction).
 */
export function declaredDirection(data: JsonObject): Direction | null {
  return WORDS.get(data['direction']) ?? null;
}

/** Who knows our numbers (`OwnNumbers`). */
export interface KnowsOurs {
  /** @param number in any common format. */
  has(number: string): boolean;
}

/** Who is at which end. */
export interface Ends {
  direction: Direction | null;
  peer: Party | null;
  ours: Party | null;
}

/**
 * Tells the two ends of a call or message apart. Where the payload states no direction (the page's samples), a number
 * of ours decides, the source's first: what we may have sent ourselves must never look like something to answer. Where
 * neither is known to be ours, a message is inbound, as what the webhook tells of without our doing; a call keeps no
 * direction, and its destination is the peer, as the page has it.
 */
export function tellEnds(
  kind: 'call' | 'message',
  data: JsonObject,
  source: Party | null,
  destination: Party | null,
  ours: KnowsOurs,
): Ends {
  const direction =
    declaredDirection(data) ?? inferred(source, destination, ours) ?? (kind === 'message' ? 'inbound' : null);
  return direction === 'inbound'
    ? { direction, peer: source, ours: destination }
    : { direction, peer: destination, ours: source };
}

function inferred(source: Party | null, destination: Party | null, ours: KnowsOurs): Direction | null {
  if (isOurs(source, ours)) {
    return 'outbound';
  }
  return isOurs(destination, ours) ? 'inbound' : null;
}

function isOurs(party: Party | null, ours: KnowsOurs): boolean {
  return party !== null && party.type === 'tel' && party.number !== null && ours.has(party.number);
}
