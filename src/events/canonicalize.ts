import { readParty } from './address';
import type { CanonicalEvent, Party } from './canonical-event';
import { readGroupcall } from './call-fields';
import { judgeCall } from './call-legs';
import { canonicalType, resourceOf } from './catalogue';
import { completeEvent, withJudgement } from './complete-event';
import { resolveParties, declaredDirection, type NumberLookup } from './direction';
import type { Envelope } from './envelope';
import { eventIdentity, safeTypeName } from './event-id';
import type { JsonObject } from './json';
import { NOTHING_KNOWN, type KnownCalls } from './known-calls';
import { objectsAt, referenceAt, textAt } from './payload';
import { readQueuecall } from './queuecall-fields';
import type { ResourceFields } from './resource-fields';
import { formatInstant, parseInstant, secondsBetween } from './time';

/** The field with the time of an event, by the ending of its type. */
const TIME_BY_ENDING: readonly (readonly [string, string])[] = [
  ['_hangup', 'tm_hangup'],
  ['_progressing', 'tm_progressing'],
  ['_ringing', 'tm_ringing'],
  ['_serviced', 'tm_service'],
  ['_started', 'tm_start'],
  ['_finished', 'tm_end'],
  ['_deleted', 'tm_delete'],
  ['_created', 'tm_create'],
];
/** Fields of any type with a time, the best one first. */
const TIMES = ['tm_update', 'tm_event', 'tm_transcript', 'tm_create'] as const;

/**
 * Converts an event of either dialect into the canonical form (DESIGN "Canonical event").
 *
 * Total: any `data` gives an event; a field that cannot be read is null. Pure: the same arguments give the same event.
 * `data` is passed on, not copied.
 *
 * @param rawBody the request's body as received; the event id may contain its hash.
 * @param known what is known of calls besides: an event mostly names its call, or the legs of it, by id alone.
 */
export function canonicalize(
  envelope: Envelope,
  rawBody: Buffer,
  receivedAt: Date,
  ours: NumberLookup,
  known: KnownCalls = NOTHING_KNOWN,
): CanonicalEvent {
  const { data } = envelope;
  const type = safeTypeName(canonicalType(envelope.type, data));
  const identity = eventIdentity(type, data['id'], rawBody);
  const received = receivedAt.toISOString();
  const resource = resourceOf(type);
  const judged = resource === 'call' ? judgeCall(type, data, known, ours) : null;
  const fields = judged?.fields ?? readFields(resource, type, data, ours);
  const call = referencedCall(data);
  // Written out field by field: this runs for every event, and spreading several objects is slow.
  const event: CanonicalEvent = {
    type,
    declared_type: envelope.type,
    event_id: identity.event_id,
    id: identity.id,
    customer_id: referenceAt(data, 'customer_id'),
    occurred_at: occurredAt(type, data) ?? received,
    received_at: received,
    direction: fields.direction ?? null,
    peer: fields.peer ?? null,
    ours: fields.ours ?? null,
    answered: fields.answered ?? null,
    picked_up: fields.picked_up ?? null,
    ring_s: fields.ring_s ?? null,
    talk_s: fields.talk_s ?? null,
    duration_s: fields.duration_s ?? null,
    hangup_by: fields.hangup_by ?? null,
    reason: fields.reason ?? null,
    text: fields.text ?? null,
    status: fields.status === undefined ? textAt(data, 'status') : fields.status,
    recording_ready: fields.recording_ready ?? null,
    call_id: fields.call_id === undefined ? call : fields.call_id,
    root_call_id: fields.root_call_id === undefined ? call : fields.root_call_id,
    leg: null,
    agent: null,
    call: null,
    data,
  };
  return (judged === null ? completeEvent(event, known, ours) : withJudgement(event, judged)).event;
}

function occurredAt(type: string, data: JsonObject): string | null {
  for (const [ending, name] of TIME_BY_ENDING) {
    const instant = type.endsWith(ending) ? parseInstant(data[name]) : null;
    if (instant !== null) {
      return formatInstant(instant);
    }
  }
  for (const name of TIMES) {
    const instant = parseInstant(data[name]);
    if (instant !== null) {
      return formatInstant(instant);
    }
  }
  return null;
}

/** Recordings, queue calls, transcriptions, activeflows and AI calls may refer to a call. */
function referencedCall(data: JsonObject): string | null {
  return textAt(data, 'reference_type') === 'call' ? referenceAt(data, 'reference_id') : null;
}

function readFields(resource: string | null, type: string, data: JsonObject, ours: NumberLookup): ResourceFields {
  switch (resource) {
    case 'groupcall':
      return readGroupcall(type, data, ours);
    case 'message':
    case 'conversation_message':
      return readMessage(data, ours);
    case 'webchat_message':
      return readWebchatMessage(data);
    case 'recording':
      return readRecording(type, data);
    case 'queuecall':
      return readQueuecall(type, data);
    case 'transcript':
    case 'transcribe_speech':
      return { text: textAt(data, 'message') };
    case null:
    default:
      return {};
  }
}

/**
 * Reads a text, in the form of the messages API (`targets`, each with its own status) or of conversations
 * (`destination`). Of several targets, the first that is ours counts, else the first. Our own replies have the same
 * form.
 */
function readMessage(data: JsonObject, ours: NumberLookup): ResourceFields {
  const targets = objectsAt(data, 'targets');
  const destinations = [
    readParty(data['destination']),
    ...targets.map((target) => readParty(target['destination'])),
    ...objectsAt(data, 'destinations').map(readParty),
  ].filter((party): party is Party => party !== null);
  const received = destinations.find(
    (party) => party.type === 'tel' && party.number !== null && ours.has(party.number),
  );
  return {
    ...resolveParties('message', data, readParty(data['source']), received ?? destinations[0] ?? null, ours),
    text: textAt(data, 'text'),
    status:
      textAt(data, 'status') ??
      targets.map((target) => textAt(target, 'status')).find((status) => status !== null) ??
      null,
  };
}

/** A webchat message has no addresses: only its session identifies the visitor. */
function readWebchatMessage(data: JsonObject): ResourceFields {
  const session = referenceAt(data, 'session_id');
  return {
    direction: declaredDirection(data),
    peer: session === null ? null : { type: 'web_session', number: session, name: null },
    text: textAt(data, 'text'),
  };
}

/**
 * The page says `done` where the live sender says `ended`. The file may not be in storage yet (reference
 * voipbin.md 5, "Race").
 */
function readRecording(type: string, data: JsonObject): ResourceFields {
  const received = textAt(data, 'status');
  const status = received === 'done' ? 'ended' : received;
  return {
    status,
    recording_ready: type !== 'recording_deleted' && (status === 'ended' || type === 'recording_finished'),
    duration_s: secondsBetween(parseInstant(data['tm_start']), parseInstant(data['tm_end'])),
    ...(textAt(data, 'reference_type') === null
      ? { call_id: referenceAt(data, 'reference_id'), root_call_id: referenceAt(data, 'reference_id') }
      : {}),
  };
}
