import type { VoipbinClient } from '../connectors/voipbin/client';
import { createdAt, resourceState, type Resource, type ResourceEvent } from './resource-event';

/** What is needed of VoIPBIN's API to read its lists. */
export type VoipbinLists = Pick<VoipbinClient, 'list'>;

/** What to read. Times are epoch milliseconds. */
export interface PageWanted {
  resource: Resource;
  /** From the page before; null for the newest. */
  token: string | null;
  /** Resources created before this are not wanted. */
  until: number;
  /** An event that happened after this may still be on its way by webhook: its resource counts as open. */
  settledBefore: number;
}

/** One page of a list, as events. Times are epoch milliseconds. */
export interface ListedPage {
  /** Oldest first. */
  events: ResourceEvent[];
  /** Creation of the newest resource that was wanted; null when none was. */
  newest: number | null;
  /** Creation of the oldest resource that has yet to give its event; null when there is none. */
  oldestOpen: number | null;
  /** For the next page; null when nothing older is wanted, or there. */
  nextToken: string | null;
}

/**
 * Reads one page of a list, which VoIPBIN gives newest first.
 * @throws ActionError as the client does.
 */
export async function readListedPage(
  client: VoipbinLists,
  wanted: PageWanted,
  signal: AbortSignal,
): Promise<ListedPage> {
  const read = await client.list(wanted.resource, { pageToken: wanted.token }, signal);
  const page: ListedPage = { events: [], newest: null, oldestOpen: null, nextToken: read.nextToken };
  for (const item of read.items) {
    const created = createdAt(item);
    if (created !== null && created < wanted.until) {
      page.nextToken = null;
      continue;
    }
    page.newest = later(page.newest, created);
    const found = resourceState(wanted.resource, item);
    if (found.state === 'ended' && found.event.occurredAt <= wanted.settledBefore) {
      page.events.unshift(found.event);
    } else if (found.state !== 'none') {
      page.oldestOpen = earlier(page.oldestOpen, created);
    }
  }
  return page;
}

/** The later of two moments, of which either may be unknown. */
export function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

/** The earlier of two moments, of which either may be unknown. */
export function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
