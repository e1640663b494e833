import { setTimeout as delay } from 'node:timers/promises';
import type { OwnNumbers } from '../events/own-numbers';
import type { InboxReader } from '../inbox/archive/reader';
import { matchEvent, type EventRules, type MatchedEvent } from '../ingest/match-event';
import { TrustedBody } from '../ingest/trusted-body';
import { readListedPage, type VoipbinLists } from './listed-page';
import { PASS_LIMITS } from './pass';
import { RESOURCES } from './resource-event';

/** Pages of one list that are read at most: a hundred thousand resources. */
const MOST_PAGES = 1_000;

/** What {@link missedSince} needs. */
export interface ByHandOptions {
  client: VoipbinLists;
  reader: Pick<InboxReader, 'has'>;
  /** What happened before is left alone. */
  since: Date;
  /** To tell what rules would want; what they do not know they do not want. */
  rules: EventRules;
  ownNumbers: OwnNumbers;
  now: () => Date;
  signal: AbortSignal;
}

/** What one page of a list showed. */
export interface MissedPage {
  /** Events that the inbox has not got, oldest first. */
  missed: MatchedEvent[];
  /** How many it has. */
  present: number;
  /** Resources that no event can be made of. */
  unreadable: number;
  /** True on the last page of a list that was longer than is read. */
  cutShort: boolean;
}

/**
 * Reads VoIPBIN's lists back to a moment and compares them with the inbox; changes nothing. A call or recording counts
 * by when it ended, so the lists are read some hours further back than that.
 * @throws ActionError when VoIPBIN cannot be asked.
 */
export async function* missedSince(options: ByHandOptions): AsyncGenerator<MissedPage> {
  const { client, since, now, signal } = options;
  for (const resource of RESOURCES) {
    const until = since.getTime() - (resource === 'messages' ? 0 : PASS_LIMITS.openForMs);
    let token: string | null = null;
    for (let pages = 1; ; pages += 1) {
      const page = await readListedPage(client, { resource, token, until, settledBefore: now().getTime() }, signal);
      const bodies = page.events.flatMap(({ occurredAt, body }) => (occurredAt >= since.getTime() ? [body] : []));
      const events = bodies.map((body) => matchedEvent(body, options)).filter((event) => event !== null);
      const missed = events.filter(({ event }) => !options.reader.has(event.event_id));
      token = page.nextToken;
      const cutShort = token !== null && pages >= MOST_PAGES;
      yield { missed, present: events.length - missed.length, unreadable: bodies.length - events.length, cutShort };
      if (token === null || cutShort) {
        break;
      }
      await delay(PASS_LIMITS.pagePauseMs, undefined, { signal });
    }
  }
}

function matchedEvent(body: Buffer, { rules, ownNumbers, now }: ByHandOptions): MatchedEvent | null {
  const result = matchEvent(TrustedBody.fromBackfill(body, now()), ownNumbers, rules);
  return result.ok ? result.matched : null;
}
