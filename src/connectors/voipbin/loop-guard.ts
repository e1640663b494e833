import type { StepErrorCode } from '../../errors/step-errors';
import type { CanonicalEvent } from '../../events/canonical-event';
import { isOnItsWayOut, isPhoneConversation, kindOfText } from '../../events/inbound-text';
import { farEndNumber, toE164 } from '../../events/phone';
import type { TextKind } from '../../events/text-kind';
import { isWithheld } from '../../events/withheld';
import { ActionError } from '../action-error';

/** Why a text is not sent: a word for the report (`skipped: not_inbound`). */
export type GuardReason =
  /** The event is a message or conversation that did not come in from outside: answering it would answer ourselves. */
  | 'not_inbound'
  /** The call was not inbound, or nobody knows; texting its callee must be asked for with `to`. */
  | 'call_not_inbound'
  /** The recipient is one of our own numbers, or the number it would be sent from. */
  | 'own_number'
  /** The sender is not a phone: a short code, a name, an agent, a web chat. */
  | 'not_a_phone'
  /** The far end withheld its number: `anonymous`, or the digits that carriers send instead. */
  | 'withheld'
  /** A conversation on LINE, WhatsApp, mail or web chat, which a text cannot answer. */
  | 'other_channel'
  /** The text to answer is a phone's note of a tap on a message ("Liked “…”"). */
  | 'reaction'
  /** The text to answer is from a machine: an absence note, a delivery report. */
  | 'automatic';

/**
 * Whom to text from which number, both in E.164; or why not. `answers`: what the text is that would be answered; null
 * when it is no answer to the sender of a text.
 */
export type Recipient =
  | { send: true; to: string; from: string; answers: Extract<TextKind, 'stop' | 'start' | 'message'> | null }
  | { send: false; reason: GuardReason };

/** What the guard judges. */
export interface GuardedText {
  event: CanonicalEvent;
  /** As in the rule file, rendered; undefined when the rule does not set it. */
  to: string | undefined;
  from: string | undefined;
  country: string | null;
  isOurs(number: string): boolean;
}

/**
 * VoIPBIN's own form of a phone number; also its virtual numbers (+899...), which are not phone numbers elsewhere.
 */
const VOIPBIN_NUMBER = /^\+[0-9]{7,15}$/;

/**
 * Decides whether a text may go out, under every rule (reference voipbin.md 8). A text that we send comes back to us as
 * `message_*` and `conversation_*` events, so those are answered only when they certainly came in from outside, whoever
 * the rule names as recipient. Reactions and what machines write are not answered, because no person waits for the answer.
 *
 * @throws ActionError `permanent` when recipient or sender cannot be made out, which is the rule file's fault.
 */
export function guardText(text: GuardedText): Recipient {
  const { event } = text;
  const isMessage =
    event.type.startsWith('message_') || event.type.startsWith('conversation_') || event.type.startsWith('webchat_');
  if (isMessage && (event.direction !== 'inbound' || isOnItsWayOut(event))) {
    return { send: false, reason: 'not_inbound' };
  }
  const toPeer = text.to === undefined || isPeer(text.to, event);
  if (toPeer && event.type.startsWith('conversation_') && !isPhoneConversation(event)) {
    return { send: false, reason: 'other_channel' };
  }
  if (text.to === undefined && isCall(event) && event.direction !== 'inbound') {
    return { send: false, reason: 'call_not_inbound' };
  }
  if (text.to === undefined && event.peer === null && !isMessage) {
    throw mistake('no_recipient', `a ${event.type} event names nobody to text`, 'Name the recipient with `to:`.');
  }
  if (toPeer && event.peer?.type !== 'tel') {
    return { send: false, reason: 'not_a_phone' };
  }
  const peer = event.peer?.number ?? '';
  const to = toPeer ? farEndNumber(peer, text.country) : asPhone(text.to ?? '', text.country);
  if (to === null) {
    if (toPeer) {
      return { send: false, reason: peer !== '' && isWithheld(peer) ? 'withheld' : 'not_a_phone' };
    }
    throw invalidTo();
  }
  const from = sender(text);
  if (text.isOurs(to) || to === from) {
    return { send: false, reason: 'own_number' };
  }
  const answers = isMessage && to === farEndNumber(peer, text.country) ? kindOfText(event, to) : null;
  return answers === 'reaction' || answers === 'automatic'
    ? { send: false, reason: answers }
    : { send: true, to, from, answers };
}

/**
 * What events of a type must say so that {@link guardText} lets a text go out.
 * @param hasTo whether the rule names the recipient.
 */
export function textable(type: string, hasTo: boolean): Readonly<Record<string, readonly string[]>> {
  const isMessage = /^(?:message|conversation|webchat)_/.test(type);
  const isCall = /^(?:call|groupcall)_/.test(type);
  return {
    ...(isMessage || (isCall && !hasTo) ? { direction: ['inbound'] } : {}),
    // The far end of a conversation by phone has another type of address.
    ...(hasTo || /^(?:conversation|webchat)_/.test(type) ? {} : { 'peer.type': ['tel'] }),
  };
}

/** Whether a rendered recipient is the event's peer. A withheld number is absent for rules, so it is rendered as nothing. */
function isPeer(to: string, { peer }: CanonicalEvent): boolean {
  const number = peer?.number ?? '';
  return to.trim() === number || (to.trim() === '' && isWithheld(number));
}

function sender(text: GuardedText): string {
  const written = text.from ?? text.event.ours?.number ?? null;
  if (written === null || written.trim() === '') {
    throw mistake(
      'no_sender',
      `a ${text.event.type} event does not show which of our numbers to text from`,
      'Name it with `from:`.',
    );
  }
  return readSender(written, text.country);
}

/** @throws ActionError `permanent` for a recipient that is neither a phone number nor the event's peer. */
export function checkRecipient(to: string | undefined, event: CanonicalEvent | null, country: string | null): void {
  const isPeers = to !== undefined && event !== null && isPeer(to, event);
  if (to !== undefined && !isPeers && asPhone(to, country) === null) {
    throw invalidTo();
  }
}

/** @throws ActionError `permanent` for a sender that is not a phone number. */
export function checkSender(from: string | undefined, country: string | null): void {
  if (from !== undefined) {
    readSender(from, country);
  }
}

function invalidTo(): ActionError {
  return mistake(
    'invalid_to',
    'the rendered `to` is not a phone number',
    'Write `to:` in E.164, quoted ("+1555..."), or set the rule file\'s country.',
  );
}

function readSender(written: string, country: string | null): string {
  const from = asPhone(written, country) ?? (VOIPBIN_NUMBER.test(written) ? written : null);
  if (from === null) {
    throw mistake(
      'invalid_from',
      'the number to text from is not a phone number',
      'Write `from:` in E.164, quoted ("+1555...").',
    );
  }
  return from;
}

function asPhone(text: string, country: string | null): string | null {
  return toE164(text.trim(), country);
}

function isCall(event: CanonicalEvent): boolean {
  return event.type.startsWith('call_') || event.type.startsWith('groupcall_');
}

function mistake(code: StepErrorCode, message: string, remedy: string): ActionError {
  return new ActionError('permanent', message, { connection: 'voipbin', code, remedy });
}
