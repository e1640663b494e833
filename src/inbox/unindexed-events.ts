import type { Plan } from '../rules/plan';
import type { InboxUnavailable } from './inbox-unavailable';
import { TWIN_TYPES } from './archive/statements';
import { isBefore, type JournalPosition } from './journal/frame';
import type { InboxEntry } from './stored-event';

/** An event that was taken and is not in `inbox.db` yet. */
export interface UnindexedEvent {
  event_id: string;
  /** The message that it and its twin tell of; null where the type has no twin. */
  twin: { id: string; rules: readonly string[] } | null;
  /** Whether there is something to do. */
  isToDo: boolean;
  /** RFC 3339. */
  received_at: string;
  /** Whether it is on the disk. */
  isKept: boolean;
  /** Whether the disk has not answered in time; then nobody waits for it. */
  isLate: boolean;
  /** Those who sent it again before that was known. */
  duplicates: { resolve: () => void; reject: (error: InboxUnavailable) => void }[];
}

/** What `inbox.db` has, for events that were indexed. */
export interface Indexed {
  /** Names of the rules that a message or its twin fired. */
  firedBy(twin: string): string[];
}

/** Events that came together, and the place in the journal behind them. */
interface Group {
  events: readonly UnindexedEvent[];
  end: JournalPosition;
}

/**
 * The events that the journal has and `inbox.db` has not yet: with them and what `inbox.db` has, every new event can be
 * judged.
 */
export class Unindexed {
  readonly #byId = new Map<string, UnindexedEvent>();
  readonly #byTwin = new Map<string, Set<UnindexedEvent>>();
  /** In the order of the journal. */
  readonly #groups: Group[] = [];
  #kept = 0;

  constructor(private readonly indexed: Indexed) {}

  /** How many of them are on the disk. */
  get kept(): number {
    return this.#kept;
  }

  get(eventId: string): UnindexedEvent | undefined {
    return this.#byId.get(eventId);
  }

  /** How many have something to do, and when the oldest of them was received. */
  toDo(): { count: number; oldestAt: string | null } {
    let count = 0;
    let oldestAt: string | null = null;
    for (const { isToDo, received_at } of this.#byId.values()) {
      if (isToDo) {
        count += 1;
        oldestAt ??= received_at;
      }
    }
    return { count, oldestAt };
  }

  /** What is left of an event's plan: rules that its twin fired are left out. Null when there is nothing to do. */
  planOf({ event, plan }: Pick<InboxEntry, 'event' | 'plan'>): Plan | null {
    if (plan === null || plan.rules.length === 0) {
      return null;
    }
    if (!TWIN_TYPES.has(event.type)) {
      return plan;
    }
    const fired = new Set([
      ...this.indexed.firedBy(event.id),
      ...[...(this.#byTwin.get(event.id) ?? [])].flatMap(({ twin }) => twin?.rules ?? []),
    ]);
    const rules = plan.rules.filter(({ name }) => !fired.has(name));
    if (rules.length === plan.rules.length) {
      return plan;
    }
    return rules.length === 0 ? null : { ...plan, rules };
  }

  add(event: UnindexedEvent): void {
    this.#byId.set(event.event_id, event);
    if (event.twin !== null) {
      const twins = this.#byTwin.get(event.twin.id);
      if (twins === undefined) {
        this.#byTwin.set(event.twin.id, new Set([event]));
      } else {
        twins.add(event);
      }
    }
  }

  /** These are on the disk, before a place in the journal. */
  keep(events: readonly UnindexedEvent[], end: JournalPosition): void {
    this.#kept += events.length;
    for (const event of events) {
      event.isKept = true;
      event.duplicates.splice(0).forEach(({ resolve }) => resolve());
    }
    this.#groups.push({ events, end });
  }

  /** These could not be kept: they never came. */
  refused(events: readonly UnindexedEvent[], error: InboxUnavailable): void {
    for (const event of events) {
      this.#remove(event);
    }
    this.late(events, error);
  }

  /** Nobody is to wait for these any more; whether they are kept is not known yet. */
  late(events: readonly UnindexedEvent[], error: InboxUnavailable): void {
    for (const event of events) {
      event.isLate = true;
      event.duplicates.splice(0).forEach(({ reject }) => reject(error));
    }
  }

  /** `inbox.db` has all that the journal has before a place. */
  indexedThrough(through: JournalPosition): void {
    let done = 0;
    while (done < this.#groups.length && !isBefore(through, this.#groups[done]?.end ?? through)) {
      const events = this.#groups[done]?.events ?? [];
      this.#kept -= events.length;
      events.forEach((event) => this.#remove(event));
      done += 1;
    }
    this.#groups.splice(0, done);
  }

  #remove(event: UnindexedEvent): void {
    // The same id may have come again, after it was refused.
    if (this.#byId.get(event.event_id) === event) {
      this.#byId.delete(event.event_id);
    }
    if (event.twin !== null) {
      const twins = this.#byTwin.get(event.twin.id);
      twins?.delete(event);
      if (twins?.size === 0) {
        this.#byTwin.delete(event.twin.id);
      }
    }
  }
}
