import { isFitId } from '../events/event-id';
import { toJsonText } from '../events/exact-number';
import type { JsonObject } from '../events/json';
import { textAt } from '../events/payload';
import { parseInstant } from '../events/time';

/** The lists of VoIPBIN's API that backfill reads, the most urgent first: a text may need an answer. */
export const RESOURCES = ['messages', 'calls', 'recordings'] as const;

/** The event types that backfill makes of them. */
export const BACKFILLED_TYPES = ['message_created', 'call_hangup', 'recording_finished'] as const;

/** One of {@link RESOURCES}. */
export type Resource = (typeof RESOURCES)[number];

/** An event made of a listed resource, as VoIPBIN's live sender would have sent it. */
export interface ResourceEvent {
  type: (typeof BACKFILLED_TYPES)[number];
  /** `{type, data}` in the live dialect. */
  body: Buffer;
  /** When it happened at VoIPBIN. Epoch milliseconds. */
  occurredAt: number;
}

/** What a listed resource stands for: an event, none yet (`open`, such as a call in progress), or none ever. */
export type ResourceState = { state: 'ended'; event: ResourceEvent } | { state: 'open' } | { state: 'none' };

/**
 * Makes the event of a listed resource.
 *
 * One event per resource, the one that reports its end: `message_created`, `call_hangup`, `recording_finished`. Its
 * body is what the sender would send now. A message's status or a call's `tm_update` may have changed since; the event
 * id does not depend on them.
 *
 * Left out on purpose: `call_created`, `call_ringing`, `call_progressing` and `recording_started`. They report a moment
 * in which someone could still act; their body would show a call that is over, and the call's end has the same facts.
 * `*_updated` cannot be made: the lists do not show what changed and when, and their ids come from the bodies.
 *
 * Deleted resources have no event (VoIPBIN does not list them). Neither has one whose id cannot be part of an event id:
 * it could not be recognised as a duplicate.
 */
export function resourceState(resource: Resource, item: JsonObject): ResourceState {
  if (!isFitId(item['id']) || timeAt(item, 'tm_delete') !== null) {
    return { state: 'none' };
  }
  const created = timeAt(item, 'tm_create') ?? 0;
  switch (resource) {
    case 'messages':
      return ended('message_created', item, created);
    case 'calls': {
      const hungUp = timeAt(item, 'tm_hangup');
      const isOver = hungUp !== null || textAt(item, 'status') === 'hangup';
      return isOver ? ended('call_hangup', item, hungUp ?? timeAt(item, 'tm_update') ?? created) : { state: 'open' };
    }
    case 'recordings': {
      const end = timeAt(item, 'tm_end');
      const status = textAt(item, 'status');
      const isOver = status === null ? end !== null : status === 'ended' || status === 'done';
      return isOver
        ? ended('recording_finished', item, end ?? timeAt(item, 'tm_update') ?? created)
        : { state: 'open' };
    }
  }
}

/**
 * When a listed resource was created. VoIPBIN's lists are sorted by it. Epoch milliseconds; null when it is missing.
 */
export function createdAt(item: JsonObject): number | null {
  return timeAt(item, 'tm_create');
}

function ended(type: ResourceEvent['type'], item: JsonObject, occurredAt: number): ResourceState {
  return { state: 'ended', event: { type, body: Buffer.from(toJsonText({ type, data: item })), occurredAt } };
}

function timeAt(item: JsonObject, key: string): number | null {
  const instant = parseInstant(item[key]);
  return instant === null ? null : Math.floor(instant / 1_000);
}
