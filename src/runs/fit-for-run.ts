import type { CanonicalEvent, Party } from '../events/canonical-event';
import type { JsonObject } from '../events/json';

/** Longer members of an event's data (as JSON) are left out of a run's input; the inbox keeps them. */
const MAX_MEMBER_BYTES = 64 * 1024;
/** Events up to this size become a run's input unchanged. Temporal refuses inputs over 2 MiB (reference temporal.md 5.7). */
const MAX_EVENT_BYTES = 512 * 1024;
const MAX_TEXT_CHARS = 16 * 1024;
const MAX_NAME_CHARS = 1_024;

/**
 * Shortens an event to a size that Temporal accepts as a run's input.
 *
 * Guarantees: an event up to 512 KiB is returned unchanged. A larger one loses its longest data members, and its texts
 * are cut; the result is below 512 KiB. The inbox keeps the whole event.
 */
export function fitForRun(event: CanonicalEvent): CanonicalEvent {
  if (Buffer.byteLength(JSON.stringify(event)) <= MAX_EVENT_BYTES) {
    return event;
  }
  return {
    ...event,
    declared_type: event.declared_type.slice(0, MAX_NAME_CHARS),
    customer_id: cut(event.customer_id, MAX_NAME_CHARS),
    peer: fitParty(event.peer),
    ours: fitParty(event.ours),
    hangup_by: cut(event.hangup_by, MAX_TEXT_CHARS),
    reason: cut(event.reason, MAX_TEXT_CHARS),
    text: cut(event.text, MAX_TEXT_CHARS),
    status: cut(event.status, MAX_TEXT_CHARS),
    call_id: cut(event.call_id, MAX_NAME_CHARS),
    root_call_id: cut(event.root_call_id, MAX_NAME_CHARS),
    data: fitData(event.data),
  };
}

/** Keeps members in their order while they fit into half of the event's size. */
function fitData(data: JsonObject): JsonObject {
  let remainingBytes = MAX_EVENT_BYTES / 2;
  const fit: JsonObject = {};
  for (const [name, value] of Object.entries(data)) {
    const sizeBytes = Buffer.byteLength(JSON.stringify(value)) + name.length;
    if (sizeBytes <= MAX_MEMBER_BYTES && sizeBytes <= remainingBytes) {
      fit[name] = value;
      remainingBytes -= sizeBytes;
    }
  }
  return fit;
}

function fitParty(party: Party | null): Party | null {
  return party === null
    ? null
    : {
        type: party.type.slice(0, MAX_NAME_CHARS),
        number: cut(party.number, MAX_NAME_CHARS),
        name: cut(party.name, MAX_NAME_CHARS),
      };
}

function cut(text: string | null, maxChars: number): string | null {
  return text?.slice(0, maxChars) ?? null;
}
