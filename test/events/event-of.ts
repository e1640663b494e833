import { randomUUID } from 'node:crypto';
import { bareEvent } from '../../src/events/bare-event';
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
    ...bareEvent({ type, id, event_id: `${type}/${id}`, at, data: { id } }),
    call_id: callId,
    root_call_id: callId,
    ...fields,
  };
}
