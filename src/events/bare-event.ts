import type { CanonicalEvent } from './canonical-event';

/** What makes an event the one it is; `data` is its payload. */
export type EventIdentity = Pick<CanonicalEvent, 'type' | 'id' | 'event_id' | 'data'> & {
  /** When it happened and was received (RFC 3339 in UTC). */
  at: string;
};

/** An event of which nothing but its identity is known: every other field is null. A new object at every call. */
export function bareEvent({ type, id, event_id, data, at }: EventIdentity): CanonicalEvent {
  return {
    type,
    declared_type: type,
    event_id,
    id,
    customer_id: null,
    occurred_at: at,
    received_at: at,
    direction: null,
    peer: null,
    ours: null,
    answered: null,
    picked_up: null,
    ring_s: null,
    talk_s: null,
    duration_s: null,
    hangup_by: null,
    reason: null,
    text: null,
    status: null,
    recording_ready: null,
    call_id: null,
    root_call_id: null,
    leg: null,
    agent: null,
    call: null,
    data,
  };
}
