import type { CanonicalEvent, Party } from '../events/canonical-event';

/** Events up to this size become a run's input unchanged. Temporal refuses inputs over 2 MiB (reference temporal.md 5.7). */
const MAX_EVENT_BYTES = 512 * 1024;
/** Kept free for the list of what was left out. */
const MAX_LIST_BYTES = 8 * 1024;
const MAX_LEFT_OUT = 64;
/** Names that the list may contain. Others could be long, or personal data. */
const LISTABLE = /^[a-z_]+(\.[A-Za-z_][\w-]{0,63})?$/;

interface Part {
  path: string;
  sizeBytes: number;
}

/**
 * Reduces an event to a size that Temporal accepts as a run's input.
 *
 * Guarantees: an event up to 512 KiB is returned unchanged. A larger one loses its longest parts, as few as possible:
 * members of `data`, and texts of the canonical event. No part is shortened. `left_out` lists what is missing; it is
 * `data` as a whole when the members cannot be listed. The result is below 512 KiB. The inbox keeps the whole event.
 */
export function fitForRun(event: CanonicalEvent): CanonicalEvent {
  const sizeBytes = sizeOf(event);
  if (sizeBytes <= MAX_EVENT_BYTES) {
    return event;
  }
  let excessBytes = sizeBytes - (MAX_EVENT_BYTES - MAX_LIST_BYTES);
  const leftOut: string[] = [];
  for (const part of partsOf(event).sort((one, other) => other.sizeBytes - one.sizeBytes)) {
    if (excessBytes <= 0) {
      break;
    }
    leftOut.push(part.path);
    excessBytes -= part.sizeBytes;
  }
  const isListable = leftOut.length <= MAX_LEFT_OUT && leftOut.every((path) => LISTABLE.test(path));
  return without(event, isListable ? leftOut : ['data', ...leftOut.filter((path) => !path.startsWith('data.'))]);
}

/** The parts that can be left out. Members of `data` come first: of two that are equally long, one of them goes. */
function partsOf(event: CanonicalEvent): Part[] {
  const texts: [path: string, text: string | null | undefined][] = [
    ['declared_type', event.declared_type],
    ['customer_id', event.customer_id],
    ['peer.type', event.peer?.type],
    ['peer.number', event.peer?.number],
    ['peer.name', event.peer?.name],
    ['ours.type', event.ours?.type],
    ['ours.number', event.ours?.number],
    ['ours.name', event.ours?.name],
    ['hangup_by', event.hangup_by],
    ['reason', event.reason],
    ['text', event.text],
    ['status', event.status],
    ['call_id', event.call_id],
    ['root_call_id', event.root_call_id],
  ];
  return [
    ...Object.entries(event.data).map(([name, value]) => ({
      path: `data.${name}`,
      sizeBytes: sizeOf(name) + sizeOf(value),
    })),
    ...texts.map(([path, text]) => ({ path, sizeBytes: sizeOf(text ?? '') })),
  ];
}

function without(event: CanonicalEvent, leftOut: readonly string[]): CanonicalEvent {
  const missing = new Set(leftOut);
  const text = (path: string, value: string | null): string | null => (missing.has(path) ? null : value);
  const party = (side: string, value: Party | null): Party | null =>
    value === null
      ? null
      : {
          type: text(`${side}.type`, value.type) ?? '',
          number: text(`${side}.number`, value.number),
          name: text(`${side}.name`, value.name),
        };
  const members = missing.has('data') ? [] : Object.entries(event.data);
  return {
    ...event,
    declared_type: text('declared_type', event.declared_type) ?? '',
    customer_id: text('customer_id', event.customer_id),
    peer: party('peer', event.peer),
    ours: party('ours', event.ours),
    hangup_by: text('hangup_by', event.hangup_by),
    reason: text('reason', event.reason),
    text: text('text', event.text),
    status: text('status', event.status),
    call_id: text('call_id', event.call_id),
    root_call_id: text('root_call_id', event.root_call_id),
    data: Object.fromEntries(members.filter(([name]) => !missing.has(`data.${name}`))),
    left_out: leftOut,
  };
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
