import type { JsonObject } from './json';

/** Who initiated the call or message, as seen from our account. */
export type Direction = 'inbound' | 'outbound';

/**
 * One end of a call or message. `type` is VoIPBIN's address type (`tel`, `sip`, `agent`, `email`, ...; `""` when it
 * sent none); `number` is the address' target as received (E.164 for `tel`), null when empty; `name` is the display
 * name, null when empty.
 */
export interface Party {
  type: string;
  number: string | null;
  name: string | null;
}

/**
 * What an event itself does not say, and VoIPBIN's API still may: `call`: everything about the call that it refers to
 * (its parties too); `answered`: whether a person answered; `leg`; `agent`: the agent's name.
 */
export const EVENT_PARTS = ['call', 'answered', 'leg', 'agent'] as const;
export type EventPart = (typeof EVENT_PARTS)[number];

/**
 * Which leg of a conversation a call is. `customer`: the one to the person outside; `internal`: its far end is ours (an
 * agent, an extension, one of our numbers); `further`: one more leg to somebody outside, such as a transfer.
 */
export const LEGS = ['customer', 'internal', 'further'] as const;
export type Leg = (typeof LEGS)[number];

/** An agent of the account. `name` and `username` are null while unknown. */
export interface Agent {
  id: string;
  name: string | null;
  username: string | null;
}

/** The call that a queue call, recording or transcript refers to. */
export interface CallSummary {
  direction: Direction | null;
  peer: Party | null;
  ours: Party | null;
  answered: boolean | null;
  talk_s: number | null;
  duration_s: number | null;
  reason: string | null;
}

/**
 * A VoIPBIN event in the one form that rules, templates and actions see, whichever dialect it arrived in (DESIGN
 * "Canonical event"). Field names are the contract of rule files, hence snake_case. A field that a type does not have
 * is null.
 *
 * Times are RFC 3339 in UTC. Durations are seconds, with fractions.
 */
export interface CanonicalEvent {
  /**
   * The live sender's name for the type (`call_hangup`), or the declared name where there is no live one. `unknown`
   * when the declared type is not a valid name.
   */
  type: string;
  /** The type exactly as received (`call_hungup`). */
  declared_type: string;
  /**
   * `<type>/<id>` or `<type>/<id>/<16 hex>`; the workflow id and the start of every action key. Never personal data.
   */
  event_id: string;
  /** `data.id`, or a hash that replaces one that is missing or unfit (see `event-id.ts`). */
  id: string;
  customer_id: string | null;
  /**
   * When it happened at VoIPBIN, by the latest time that the payload gives for this type; the receipt time when it
   * gives none.
   */
  occurred_at: string;
  received_at: string;
  direction: Direction | null;
  /**
   * The far end: the caller of an inbound call, the sender of an inbound message. Of an event that refers to a call: the
   * call's.
   */
  peer: Party | null;
  /** Our end. */
  ours: Party | null;
  /**
   * Whether a person answered; null while unknown, and for events that are not about a call. A menu, a queue, a voicemail
   * or an AI that picks up an inbound call is no person. Of a queue call: whether an agent took it.
   */
  answered: boolean | null;
  /** Whether anything picked up the call: a person, a menu, a voicemail. Absent in events of earlier versions. */
  picked_up?: boolean | null | undefined;
  /** From creation to the pick-up, or to hang-up when never picked up. Of a queue call: how long it waited. */
  ring_s: number | null;
  /**
   * From the pick-up to hang-up, with a menu too; 0 when nothing picked up; null while unknown. Of a queue call: how long
   * the agent had it.
   */
  talk_s: number | null;
  /** From creation to hang-up. Of a queue call: to its end; of a recording: its length. */
  duration_s: number | null;
  hangup_by: string | null;
  /** Why the call ended (`hangup_reason`). */
  reason: string | null;
  /** The text of a message or transcript. */
  text: string | null;
  /** The resource's status as received, but `ended` for a recording's `done`. */
  status: string | null;
  /**
   * True once VoIPBIN reports that a recording has ended. The file may not be in storage yet. Null for events that are
   * not about a recording.
   */
  recording_ready: boolean | null;
  /** The call this event is about: its own id for calls, `reference_id` for what refers to a call. */
  call_id: string | null;
  /** The first leg of the call (`master_call_id`, or `call_id` when it has none). */
  root_call_id: string | null;
  /** Which leg of a conversation a call is. Absent in events of earlier versions. */
  leg?: Leg | null | undefined;
  /** The agent who talked, where VoIPBIN says it. */
  agent?: Agent | null | undefined;
  /** The call that the event refers to; absent for calls themselves, and while it is unknown. */
  call?: CallSummary | null | undefined;
  /** The parts that are unknown so far: a run that needs one looks it up. Absent when there are none. */
  pending?: readonly EventPart[] | undefined;
  /** The payload as received. */
  data: JsonObject;
  /**
   * Only in the input of a run: paths of the parts that are missing in it, because the event is larger than a run's
   * input may be (`data.text`, `peer.name`, `data`). See `guardLeftOut`.
   */
  left_out?: readonly string[];
}
