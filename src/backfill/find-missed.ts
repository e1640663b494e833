import { setTimeout as delay } from 'node:timers/promises';
import type { OwnNumbers } from '../events/own-numbers';
import type { InboxReader } from '../inbox/archive/reader';
import { matchEvent, type EventRules, type MatchedEvent } from '../ingest/match-event';
import { TrustedBody } from '../ingest/trusted-body';
import { readListedPage, type VoipbinLists } from './listed-page';
import { PASS_LIMITS } from './pass';
import { RESOURCES } from './resource-event';

/** Pages read of one list at most: a hundred thousand resources. */
const MAX_PAGES = 1_000;

/** What {@link findMissed} needs. */
export interface FindMissedOptions {
  client: VoipbinLists;
  reader: Pick<InboxReader, 'has'>;
  /** Events before this are ignored. */
  since: Date;
  /** Decide which rules would match. */
  rules: EventRules;
  ownNumbers: OwnNumbers;
  now: () => Date;
  signal: AbortSignal;
}

/** What one page of a list holds. */
export interface MissedPage {
  /** Events that the inbox does not have, oldest first. */
  missed: MatchedEvent[];
  /** How many events the inbox has. */
  present: number;
  /** Resources that are not events. */
  unreadable: number;
  /** True on the last page of a list that is longer than {@link MAX_PAGES}. */
  isTruncated: boolean;
}

/**
 * Reads VoIPBIN's lists back to `since` and compares them with the inbox. Changes nothing. What counts is when a call
 * or recording ended, so the lists are read some hours further back.
 * @throws ActionError when VoIPBIN's API fails.
 */
export async function* findMissed(options: FindMissedOptions): AsyncGenerator<MissedPage> {
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
      const isTruncated = token !== null && pages >= MAX_PAGES;
      yield { missed, present: events.length - missed.length, unreadable: bodies.length - events.length, isTruncated };
      if (token === null || isTruncated) {
        break;
      }
      await delay(PASS_LIMITS.pagePauseMs, undefined, { signal });
    }
  }
}

function matchedEvent(body: Buffer, { rules, ownNumbers, now }: FindMissedOptions): MatchedEvent | null {
  const result = matchEvent(TrustedBody.fromBackfill(body, now()), ownNumbers, rules);
  return result.ok ? result.matched : null;
}
