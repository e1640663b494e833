import type { CanonicalEvent } from './canonical-event';

/** What a kind of resource adds to the fields that every event has. What it does not name is null. */
export type ResourceFields = Partial<
  Pick<
    CanonicalEvent,
    | 'direction'
    | 'peer'
    | 'ours'
    | 'answered'
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
