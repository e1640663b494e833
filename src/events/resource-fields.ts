import type { CanonicalEvent } from './canonical-event';

/** The fields that a kind of resource adds to those of every event. A missing field is null. */
export type ResourceFields = Partial<
  Pick<
    CanonicalEvent,
    | 'direction'
    | 'peer'
    | 'ours'
    | 'answered'
    | 'picked_up'
    | 'ring_s'
    | 'talk_s'
    | 'duration_s'
    | 'hangup_by'
    | 'reason'
    | 'text'
    | 'status'
    | 'recording_ready'
    | 'call_id'
    | 'root_call_id'
  >
>;
