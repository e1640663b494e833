import { LaterRunsReader } from '../dispatch/later-runs';
import { RunLogReader } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import type { EventSummary } from '../inbox/stored-event';
import { eventStatus } from './event-status';

/** An event in a list. The names are the JSON keys of `events list --json`. */
export interface ListedEvent {
  seq: number;
  event_id: string;
  type: string;
  declared_type: string;
  received_at: string;
  /** Its status, as in `EVENT_STATUSES`. */
  became: string;
}

/** Which events are listed. */
export interface EventFilter {
  limit: number;
  /** Canonical types; every type when not given. */
  types?: readonly string[];
  /** Only events that came since then. */
  since?: Date;
  /** Only events with one of these statuses. */
  statuses?: ReadonlySet<string>;
}

const PAGE = 500;

/**
 * The latest events of a data folder that pass the filter, newest first. It reads page by page, as far back as the
 * filter needs; the bridge may run meanwhile.
 */
export function listEvents(dataDir: string, { limit, types, since, statuses }: EventFilter): ListedEvent[] {
  const reader = InboxReader.open(dataDir);
  const log = new RunLogReader(dataDir);
  const laterRuns = new LaterRunsReader(dataDir);
  try {
    const startedThrough = Math.max(log.watermark(), reader.dispatchedThrough());
    const listed = ({ seq, event, outcome }: EventSummary): ListedEvent => ({
      seq,
      event_id: event.event_id,
      type: event.type,
      declared_type: event.declared_type,
      received_at: event.received_at,
      became: eventStatus({
        isIgnored: outcome === 'ignored',
        isStarted: seq <= startedThrough,
        dispatched: log.get(event.event_id),
        later: laterRuns.last(event.event_id),
      }),
    });
    const found: ListedEvent[] = [];
    for (let before: number | undefined; found.length < limit;) {
      const page = reader.list({
        limit: PAGE,
        ...(before === undefined ? {} : { before }),
        ...(types === undefined ? {} : { types }),
        ...(since === undefined ? {} : { since }),
      });
      found.push(...page.map(listed).filter((event) => statuses === undefined || statuses.has(event.became)));
      if (page.length < PAGE) {
        break;
      }
      before = page.at(-1)?.seq;
    }
    return found.slice(0, limit);
  } finally {
    laterRuns.close();
    log.close();
    reader.close();
  }
}
