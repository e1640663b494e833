import type { CanonicalEvent } from './canonical-event';
import { objectsAt, textAt } from './payload';
import { farEndNumber, toE164 } from './phone';
import { textKindOf, type TextKind } from './text-kind';

/** A text from a person's phone to one of our numbers. */
export interface InboundText {
  /** Its sender, in E.164. */
  peer: string;
  /** Our number, in E.164 where it is one; null when the event does not show it. */
  ours: string | null;
  kind: TextKind;
}

/** The events by which VoIPBIN announces a text: it sends both for each. */
const ARRIVALS: ReadonlySet<string> = new Set(['message_created', 'conversation_message_created']);

/** Reads the text that arrived with an event; null for any other event, and for texts of ours. */
export function readInboundText(event: CanonicalEvent): InboundText | null {
  const { peer, ours } = event;
  if (
    !ARRIVALS.has(event.type) ||
    event.direction !== 'inbound' ||
    peer?.type !== 'tel' ||
    peer.number === null ||
    isOnItsWayOut(event) ||
    !isPhoneConversation(event)
  ) {
    return null;
  }
  const sender = farEndNumber(peer.number, null);
  if (sender === null) {
    return null;
  }
  const number = ours?.number?.trim() ?? '';
  return {
    peer: sender,
    ours: number === '' ? null : (toE164(number, null) ?? number),
    kind: kindOfText(event, sender),
  };
}

/** What the text of a message is. A text that is too long for a run's input is no opt-out. */
export function kindOfText(event: CanonicalEvent, sender: string): TextKind {
  return event.left_out?.includes('text') === true ? 'message' : textKindOf(event.text ?? '', sender);
}

/**
 * The page's messages state no direction, and one that was inferred may be wrong. What came in is `received`; every
 * other status is that of a text of ours (reference voipbin.md 4).
 */
export function isOnItsWayOut(event: CanonicalEvent): boolean {
  return objectsAt(event.data, 'targets').some((target) => (textAt(target, 'status') ?? 'received') !== 'received');
}

/**
 * VoIPBIN says by `reference_type` where a conversation message came from; older ones by the sender's address type
 * alone.
 */
export function isPhoneConversation(event: CanonicalEvent): boolean {
  const channel = textAt(event.data, 'reference_type');
  return channel === null ? event.peer?.type === 'tel' : channel === 'message';
}
