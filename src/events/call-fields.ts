import { readParty } from './address';
import { resolveParties, type NumberLookup } from './direction';
import { isFitId } from './event-id';
import type { JsonObject } from './json';
import { objectsAt, referenceAt, textAt } from './payload';
import type { ResourceFields } from './resource-fields';
import { parseInstant, secondsBetween } from './time';

/**
 * A call. The sender gives no durations: they come from its times (reference voipbin.md 4, "call"). Without any times,
 * as in the page's curl sample, whether it was picked up and how long it took is unknown, hence null. Whether a person
 * answered is decided in `call-legs.ts`.
 */
export function readCall(type: string, data: JsonObject, ours: NumberLookup): ResourceFields {
  const created = parseInstant(data['tm_create']);
  const progressing = parseInstant(data['tm_progressing']);
  const hangup = parseInstant(data['tm_hangup']);
  const hungUp = hangup !== null || hasHungUp(type, data);
  const pickedUp = wasPickedUp();
  const id = data['id'];
  const callId = isFitId(id) ? id : null;
  const {
    direction,
    peer,
    ours: ourEnd,
  } = resolveParties('call', data, readParty(data['source']), readParty(data['destination']), ours);
  return {
    direction,
    peer,
    ours: ourEnd,
    // Decided by the legs. It is here so that adding it changes no shape: else V8 makes a shape for every single event, and
    // a canonical event takes half as long again (7.6 against 5.2 us).
    answered: null,
    picked_up: pickedUp,
    ring_s: secondsBetween(created, progressing ?? (pickedUp === false ? hangup : null)),
    talk_s: hungUp && pickedUp === false ? 0 : secondsBetween(progressing, hangup),
    duration_s: secondsBetween(created, hangup),
    hangup_by: textAt(data, 'hangup_by'),
    reason: textAt(data, 'hangup_reason'),
    call_id: callId,
    root_call_id: referenceAt(data, 'master_call_id') ?? callId,
  };

  function wasPickedUp(): boolean | null {
    if (progressing !== null || type === 'call_progressing') {
      return true;
    }
    return hungUp && (created !== null || hangup !== null) ? false : null;
  }
}

/** Several calls placed at once; one of them may be picked up. It has no times of its own but creation and update. */
export function readGroupcall(type: string, data: JsonObject, ours: NumberLookup): ResourceFields {
  const master = referenceAt(data, 'master_call_id');
  const answered = referenceAt(data, 'answer_call_id') !== null || type === 'groupcall_progressing';
  const pickedUp = answered ? true : hasHungUp(type, data) ? false : null;
  return {
    ...resolveParties('call', data, readParty(data['source']), readParty(objectsAt(data, 'destinations')[0]), ours),
    answered: pickedUp,
    picked_up: pickedUp,
    call_id: master,
    root_call_id: master,
  };
}

/** Whether the call or group call has ended. */
export function hasHungUp(type: string, data: JsonObject): boolean {
  return type.endsWith('call_hangup') || textAt(data, 'status') === 'hangup';
}
