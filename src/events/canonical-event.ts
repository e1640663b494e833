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
  /** The far end: the caller of an inbound call, the sender of an inbound message. */
  peer: Party | null;
  /** Our end. */
  ours: Party | null;
  /**
   * Whether the call was picked up; null while unknown, and for events that are not about a call. Of a queue call:
   * whether an agent took it.
   */
  answered: boolean | null;
  /** From creation to progressing, or to hang-up when never answered. Of a queue call: how long it waited. */
  ring_s: number | null;
  /**
   * From progressing to hang-up; 0 when never answered; null while unknown. Of a queue call: how long the agent had it.
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
  /** The payload as received. */
  data: JsonObject;
  /**
   * Only in the input of a run: paths of the parts that are missing in it, because the event is larger than a run's
   * input may be (`data.text`, `peer.name`, `data`). See `guardLeftOut`.
   */
  left_out?: readonly string[];
}
