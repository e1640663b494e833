import type { CanonicalEvent } from '../../events/canonical-event';

/** How a call ended, as the rule file names it. */
export const CALL_OUTCOMES = ['completed', 'missed', 'no_answer', 'busy', 'failed', 'canceled', 'voicemail'] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

const DISPOSITIONS = {
  busy: '9d9162e7-6cf3-4944-bf63-4dff82258764',
  connected: 'f240bbac-87c9-4f6e-bf70-924b57d47db7',
  leftVoicemail: 'b2cf5968-551e-4856-9783-52b3da59a7d0',
  noAnswer: '73a0d17f-1163-4015-bdd5-ec830791da20',
} as const;

/**
 * HubSpot's status and its outcome (disposition, ids that every account starts with; reference connectors.md 1.1).
 * `MISSED` is among the options of Call status in HubSpot's knowledge base; the developers' page names it for calling
 * extensions only, so an account may refuse it. "Left voicemail" is for a representative who left one: a caller's own
 * message is `hs_call_has_voicemail`.
 */
const IN_HUBSPOT: Readonly<Record<CallOutcome, { status: string; disposition: string | null }>> = {
  completed: { status: 'COMPLETED', disposition: DISPOSITIONS.connected },
  missed: { status: 'MISSED', disposition: DISPOSITIONS.noAnswer },
  no_answer: { status: 'NO_ANSWER', disposition: DISPOSITIONS.noAnswer },
  busy: { status: 'BUSY', disposition: DISPOSITIONS.busy },
  failed: { status: 'FAILED', disposition: null },
  canceled: { status: 'CANCELED', disposition: null },
  voicemail: { status: 'COMPLETED', disposition: DISPOSITIONS.leftVoicemail },
};

/**
 * How a call ended, by its event (reference peers.md A2, voipbin.md 4). Answered by a person: completed; also what was
 * picked up without anybody knowing by whom (a conference). Not answered, though a menu may have picked up: busy and
 * failed as VoIPBIN says; a caller who gave up has left an incoming call missed, an outgoing one canceled; else nobody
 * answered.
 */
export function outcomeOf(event: Pick<CanonicalEvent, 'answered' | 'picked_up' | 'direction' | 'reason'>): CallOutcome {
  if (event.answered ?? event.picked_up === true) {
    return 'completed';
  }
  if (event.reason === 'busy' || event.reason === 'failed') {
    return event.reason;
  }
  if (event.direction === 'inbound') {
    return 'missed';
  }
  return event.reason === 'cancel' ? 'canceled' : 'no_answer';
}

/** The default title of a call: its direction, outcome, peer and our number. @param peerNumber null when it has none. */
export function titleOf(
  event: Pick<CanonicalEvent, 'direction' | 'ours'>,
  outcome: CallOutcome,
  peerNumber: string | null,
): string {
  const ours = event.ours?.number ?? null;
  const [from, to] = peerNumber === null ? ['', ''] : [` from ${peerNumber}`, ` to ${peerNumber}`];
  if (event.direction === 'inbound') {
    const on = ours === null ? '' : ` on ${ours}`;
    return outcome === 'missed' || outcome === 'no_answer'
      ? `Missed call${from}${on}`
      : `Inbound ${WORDS[outcome]} call${from}${on}`;
  }
  const kind =
    event.direction === 'outbound'
      ? `Outbound ${WORDS[outcome]}`
      : WORDS[outcome].charAt(0).toUpperCase() + WORDS[outcome].slice(1);
  return `${kind} call${to}${ours === null ? '' : ` from ${ours}`}`;
}

const WORDS: Readonly<Record<CallOutcome, string>> = {
  completed: 'answered',
  missed: 'missed',
  no_answer: 'unanswered',
  busy: 'busy',
  failed: 'failed',
  canceled: 'canceled',
  voicemail: 'voicemail',
};

/**
 * The properties of a call engagement (HubSpot "Activities | Calls", reference connectors.md 1.1). All values are text;
 * what the event does not know is left out. A call without a direction is taken as one to its peer, as the peer was
 * chosen (DESIGN "Canonical event").
 */
export function callProperties(
  event: CanonicalEvent,
  peerNumber: string | null,
  given: { outcome: CallOutcome; title: string; body: string | undefined; key: string },
): Record<string, string> {
  const ours = event.ours?.number ?? null;
  const [from, to] = event.direction === 'inbound' ? [peerNumber, ours] : [ours, peerNumber];
  // What a caller spends with a menu or a voicemail is no talk.
  const talkS = event.answered === false ? 0 : event.talk_s;
  const { status, disposition } = IN_HUBSPOT[given.outcome];
  const isCallersMessage = given.outcome === 'voicemail' && event.direction === 'inbound';
  return {
    hs_timestamp: startOf(event),
    hs_call_title: given.title,
    hs_call_status: status,
    hs_call_external_id: given.key,
    ...(isCallersMessage ? { hs_call_has_voicemail: 'true' } : {}),
    ...(disposition === null || isCallersMessage ? {} : { hs_call_disposition: disposition }),
    ...(event.direction === null ? {} : { hs_call_direction: event.direction === 'inbound' ? 'INBOUND' : 'OUTBOUND' }),
    ...(talkS === null ? {} : { hs_call_duration: String(Math.round(talkS * 1_000)) }),
    ...(from === null ? {} : { hs_call_from_number: from }),
    ...(to === null ? {} : { hs_call_to_number: to }),
    ...(given.body === undefined || given.body === '' ? {} : { hs_call_body: given.body }),
  };
}

/** When the call was created: a hang-up happens `duration_s` after that. */
function startOf(event: CanonicalEvent): string {
  return new Date(Date.parse(event.occurred_at) - Math.round((event.duration_s ?? 0) * 1_000)).toISOString();
}
