import { randomUUID } from 'node:crypto';
import type { CanonicalEvent } from '../../src/events/canonical-event';

/**
 * A canonical event for tests: a `call_hangup` with a new id, unless `fields` says otherwise. What follows from the type
 * and id (the event id, a call's own call id, the payload) follows from those given. All other fields are null.
 */
export function eventOf(fields: Partial<CanonicalEvent> = {}): CanonicalEvent {
  const { type = 'call_hangup', id = randomUUID() } = fields;
  const at = '2026-03-02T01:00:00.000Z';
  const callId = type.startsWith('call_') ? id : null;
  return {
    type,
    declared_type: type,
    event_id: `${type}/${id}`,
    id,
    customer_id: null,
    occurred_at: at,
    received_at: at,
    direction: null,
    peer: null,
    ours: null,
    answered: null,
    ring_s: null,
    talk_s: null,
    duration_s: null,
    hangup_by: null,
    reason: null,
    text: null,
    status: null,
    recording_ready: null,
    call_id: callId,
    root_call_id: callId,
    data: { id },
    ...fields,
  };
}
