import { RunLogReader } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import type { EventSummary } from '../inbox/stored-event';
import { became } from './event-status';

/** One line of `events list`. */
export interface ListedEvent {
  seq: number;
  event_id: string;
  type: string;
  declared_type: string;
  received_at: string;
  /** A word of `BECAME`. */
  became: string;
}

/** Which events are listed. */
export interface ListedEvents {
  limit: number;
  /** Canonical types; every type when not given. */
  types?: readonly string[];
  since?: Date;
  /** Words of `BECAME`; whatever became of them when not given. */
  became?: ReadonlySet<string>;
}

const PAGE = 500;

/** The latest events of a data folder that are asked for, newest first. Reads in pages, as far back as it takes. */
export function listEvents(dataDir: string, { limit, types, since, became: words }: ListedEvents): ListedEvent[] {
  const reader = InboxReader.open(dataDir);
  const log = new RunLogReader(dataDir);
  try {
    const startedThrough = Math.max(log.watermark(), reader.dispatchedThrough());
    const listed = ({ seq, event, outcome }: EventSummary): ListedEvent => ({
      seq,
      event_id: event.event_id,
      type: event.type,
      declared_type: event.declared_type,
      received_at: event.received_at,
      became: became({
        isIgnored: outcome === 'ignored',
        isStarted: seq <= startedThrough,
        dispatched: log.get(event.event_id),
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
      found.push(...page.map(listed).filter((event) => words === undefined || words.has(event.became)));
      if (page.length < PAGE) {
        break;
      }
      before = page.at(-1)?.seq;
    }
    return found.slice(0, limit);
  } finally {
    log.close();
    reader.close();
  }
}
