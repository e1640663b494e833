import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';

/** An event that matched a rule and has no run yet. */
export interface PendingEvent {
  /** Position in the inbox: 1, 2, 3, ... in the order of arrival. */
  seq: number;
  event: CanonicalEvent;
  plan: Plan;
}

/** A pending event that cannot be read, except its position and id: the inbox was damaged. */
export interface UnreadableEvent {
  seq: number;
  event_id: string;
}

/** The pending events, as the inbox has them. */
export interface PendingEvents {
  /**
   * The oldest pending events after `seq`, oldest first. @param onUnreadable called for those that cannot be read, which
   * are left out.
   */
  pendingAfter(seq: number, limit: number, onUnreadable: (unreadable: UnreadableEvent) => void): PendingEvent[];
  /** Every event up to this `seq` was started, even if the run log does not have it. */
  dispatchedThrough(): number;
}
