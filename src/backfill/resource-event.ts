import { isFitId } from '../events/event-id';
import type { JsonObject } from '../events/json';
import { textAt } from '../events/payload';
import { parseInstant } from '../events/time';

/** The lists of VoIPBIN's API that missed events are made of, the most urgent first: a text may want an answer. */
export const RESOURCES = ['messages', 'calls', 'recordings'] as const;

/** The types of the events that are made of them. */
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

/** What a listed resource gives: an event, none yet (`open`: the call goes on), or none ever. */
export type ResourceState = { state: 'ended'; event: ResourceEvent } | { state: 'open' } | { state: 'none' };

/**
 * The event that a listed resource stands for.
 *
 * One per resource, the one that says how it ended: `message_created`, `call_hangup`, `recording_finished`. VoIPBIN
 * lists what a resource is now, so these are honest: their body is what the sender would send if it sent them now (a
 * message's status, or a call's `tm_update`, may have moved on since, which their ids do not depend on). Not made on
 * purpose: `call_created`, `call_ringing`, `call_progressing` and `recording_started`. They announce a moment in which
 * somebody could still act, their body would show a call that is long over, and what they tell stands in the call's end
 * as well. `*_updated` cannot be made at all: what was changed and when is not listed, and their ids come from bodies
 * that nobody has any more.
 *
 * Deleted resources give nothing (VoIPBIN does not list them), nor does one whose id cannot stand in an event id: it
 * could not be told from one that came.
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
 * When a listed resource was created, which is what VoIPBIN's lists are sorted by. Epoch milliseconds; null when it
 * does not tell.
 */
export function createdAt(item: JsonObject): number | null {
  return timeAt(item, 'tm_create');
}

function ended(type: ResourceEvent['type'], item: JsonObject, occurredAt: number): ResourceState {
  return { state: 'ended', event: { type, body: Buffer.from(JSON.stringify({ type, data: item })), occurredAt } };
}

function timeAt(item: JsonObject, key: string): number | null {
  const instant = parseInstant(item[key]);
  return instant === null ? null : Math.floor(instant / 1_000);
}
