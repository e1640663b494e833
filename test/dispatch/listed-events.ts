import type { PendingEvent, PendingEvents } from '../../src/dispatch/pending-events';

/** An inbox in memory that a test fills. */
export class ListedEvents implements PendingEvents {
  events: PendingEvent[] = [];
  /** `seq` of events that cannot be read. */
  unreadable = new Set<number>();
  /** How often a page was read. */
  reads = 0;

  pendingAfter(...[seq, limit, onUnreadable]: Parameters<PendingEvents['pendingAfter']>): PendingEvent[] {
    this.reads += 1;
    const page = this.events.filter((event) => event.seq > seq).slice(0, limit);
    page
      .filter((event) => this.unreadable.has(event.seq))
      .forEach((event) => onUnreadable({ seq: event.seq, event_id: event.event.event_id }));
    return page.filter((event) => !this.unreadable.has(event.seq));
  }

  dispatchedThrough(): number {
    return 0;
  }
}
