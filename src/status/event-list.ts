import { LaterRunsReader, type LaterRunEntry } from '../dispatch/later-runs';
import { RunLogReader, type RunLogEntry } from '../dispatch/run-log';
import type { Party } from '../events/canonical-event';
import type { ListOptions } from '../inbox/archive/list-options';
import { InboxReader } from '../inbox/archive/reader';
import type { EventSummary } from '../inbox/stored-event';
import { eventStatus } from './event-status';
import { failedSteps, isStep, lastReport, type FailedStep } from './last-report';
import type { NumberFilter } from './number-filter';

/** An event in a list. The names are the JSON keys of `events list --json`. */
export interface ListedEvent {
  seq: number;
  event_id: string;
  type: string;
  declared_type: string;
  received_at: string;
  /** One of `EVENT_STATUSES`. */
  status: string;
  /** The former name of `status`, with the same value. */
  became: string;
  direction: 'inbound' | 'outbound' | null;
  /** The far end: who called or wrote; of the call that it refers to, where it refers to one. */
  peer: Party | null;
  ours: Party | null;
  /** The rules that matched when it came. */
  rules: readonly string[];
  /** The first step that failed in its last run; null for none. */
  failure: FailedStep | null;
  /** How many steps failed in its last run. */
  failures: number;
}

/** Which events are listed. */
export interface EventFilter {
  limit: number;
  /** Only events before this `seq`: the last one of the page before. */
  before?: number;
  /** Canonical types; every type when not given. */
  types?: readonly string[];
  /** Only events that came since then, and before then. */
  since?: Date;
  until?: Date;
  /** Only events with one of these statuses. */
  statuses?: ReadonlySet<string>;
  number?: NumberFilter;
  /** Only messages and transcripts with this in their text, whatever the case. */
  text?: string;
  /** Only events that this rule matched. */
  rule?: string;
  /** Only events for which a rule had this step, by its id or action; with `code`: for which this step failed. */
  step?: string;
  /** Only events with a step that failed with this code. */
  code?: string;
}

const PAGE = 500;

/** What a search found. */
export interface FoundEvents {
  /** Newest first. */
  events: ListedEvent[];
  /** Set when it ended before the oldest event, as it had looked at as many as it may: continue with `before`. */
  searched_to: { before: number; received_at: string } | null;
}

/** How far a search goes. */
interface SearchBounds {
  /** Events that one search looks through. */
  most: number;
  /** Events whose heads one statement of SQLite looks through. */
  window: number;
}

/** Some seconds, a third of a second a statement (18 microseconds an event, from a disk that is not cached). */
const BOUNDS: SearchBounds = { most: 200_000, window: 20_000 };

/**
 * The latest events of a data folder that pass the filter, newest first. It reads page by page, as far back as the
 * filter needs; the bridge may run meanwhile. SQLite judges whatever it can, so that few events are parsed.
 */
export function listEvents(dataDir: string, filter: EventFilter): ListedEvent[] {
  return searchEvents(dataDir, filter, { ...BOUNDS, most: Infinity }).events;
}

/** As {@link listEvents}, but it looks through a bounded number of events. */
export function searchEvents(dataDir: string, filter: EventFilter, bounds = BOUNDS): FoundEvents {
  const list = new EventList(dataDir, bounds);
  try {
    return { events: list.find(filter), searched_to: list.searchedTo() };
  } finally {
    list.close();
  }
}

class EventList {
  readonly #inbox: InboxReader;
  readonly #log: RunLogReader;
  readonly #laterRuns: LaterRunsReader;

  #searchedTo: number | null = null;

  constructor(
    dataDir: string,
    private readonly searchBounds: SearchBounds,
  ) {
    this.#inbox = InboxReader.open(dataDir);
    this.#log = new RunLogReader(dataDir);
    this.#laterRuns = new LaterRunsReader(dataDir);
  }

  find(filter: EventFilter): ListedEvent[] {
    const { limit, statuses, number, text, code } = filter;
    const startedThrough = Math.max(this.#log.watermark(), this.#inbox.dispatchedThrough());
    const wanted = text?.toLowerCase();
    const found: ListedEvent[] = [];
    for (const page of code === undefined ? this.#pages(filter) : this.#failedPages(filter)) {
      for (const summary of page) {
        const { event } = summary;
        if (
          (number === undefined || number.matches(event)) &&
          (wanted === undefined || (event.text ?? '').toLowerCase().includes(wanted))
        ) {
          const listed = this.#listed(summary, startedThrough);
          if (statuses === undefined || statuses.has(listed.status)) {
            found.push(listed);
          }
        }
      }
      if (found.length >= limit) {
        break;
      }
    }
    return found.slice(0, limit);
  }

  close(): void {
    this.#laterRuns.close();
    this.#log.close();
    this.#inbox.close();
  }

  /** Set when the search ended early. */
  searchedTo(): FoundEvents['searched_to'] {
    const before = this.#searchedTo;
    const [last] = before === null ? [] : this.#inbox.list({ before: before + 1, limit: 1 });
    return before === null || last === undefined ? null : { before, received_at: last.event.received_at };
  }

  *#pages(filter: EventFilter): Generator<EventSummary[]> {
    const options = this.#optionsOf(filter);
    const bounds = this.#inbox.seqsBetween(filter);
    // Without an index for them, SQLite would look through all events before it answers.
    const looksThroughHeads = filter.number !== undefined || filter.text !== undefined;
    const start = Math.min(filter.before ?? Infinity, bounds.before);
    for (let before = start; before > bounds.from;) {
      const from = looksThroughHeads ? Math.max(bounds.from, before - this.searchBounds.window) : bounds.from;
      const page = this.#inbox.list({ ...options, limit: PAGE, before, from });
      yield page;
      before = page.length < PAGE ? from : (page.at(-1)?.seq ?? from);
      if (start - before >= this.searchBounds.most && before > bounds.from) {
        this.#searchedTo = before;
        return;
      }
    }
  }

  /** Events with a step that failed as wanted: the run log knows them, and has an index of what failed. */
  *#failedPages(filter: EventFilter): Generator<EventSummary[]> {
    const options = this.#optionsOf(filter);
    const retried = this.#laterRuns.failedEvents().flatMap((id) => this.#inbox.seqOf(id) ?? []);
    for (let before = filter.before; ;) {
      const failed = this.#log.failed(PAGE, before);
      const last = failed.length < PAGE ? 0 : (failed.at(-1)?.seq ?? 0);
      const seqs = new Set(failed.map(({ seq }) => seq));
      retried.filter((seq) => seq >= last && seq < (before ?? Infinity)).forEach((seq) => seqs.add(seq));
      yield this.#inbox
        .list({ ...options, limit: seqs.size, seqs: [...seqs] })
        .filter(({ event }) => this.#failedAs(event.event_id, filter));
      if (last === 0) {
        return;
      }
      before = last;
    }
  }

  #failedAs(eventId: string, { rule, step, code }: EventFilter): boolean {
    const report = lastReport(this.#log.get(eventId), this.#laterRuns.last(eventId));
    return failedSteps(report).some(
      (failed) =>
        failed.code === code &&
        (rule === undefined || failed.rule === rule) &&
        (step === undefined || isStep(failed, step)),
    );
  }

  #optionsOf({ types, since, until, number, text, rule, step, code }: EventFilter): Omit<ListOptions, 'limit'> {
    const byPlan = code === undefined && (rule !== undefined || step !== undefined);
    return {
      ...(types === undefined ? {} : { types }),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(number === undefined ? {} : { headContains: number.headContains }),
      ...(text === undefined ? {} : { text }),
      ...(byPlan
        ? {
            plans: this.#inbox.plansWhere(({ rules }) =>
              rules.some(
                ({ name, steps }) =>
                  (rule === undefined || name === rule) &&
                  (step === undefined || steps.some(({ id, action }) => isStep({ step: id, action }, step))),
              ),
            ),
          }
        : {}),
    };
  }

  #listed({ seq, event, outcome, rules }: EventSummary, startedThrough: number): ListedEvent {
    const dispatched: RunLogEntry | null = this.#log.get(event.event_id);
    const later: LaterRunEntry | null = this.#laterRuns.last(event.event_id);
    const failed = failedSteps(lastReport(dispatched, later));
    const status = eventStatus({
      isIgnored: outcome === 'ignored',
      isStarted: seq <= startedThrough,
      dispatched,
      later,
    });
    return {
      seq,
      event_id: event.event_id,
      type: event.type,
      declared_type: event.declared_type,
      received_at: event.received_at,
      status,
      became: status,
      direction: event.direction,
      peer: event.peer ?? event.call?.peer ?? null,
      ours: event.ours ?? event.call?.ours ?? null,
      rules,
      failure: failed[0] ?? null,
      failures: failed.length,
    };
  }
}
