import type { VoipbinClient } from '../connectors/voipbin/client';
import { createdAt, resourceState, type Resource, type ResourceEvent } from './resource-event';

/** The part of VoIPBIN's API that backfill reads. */
export type VoipbinLists = Pick<VoipbinClient, 'list'>;

/** Which page to read. Times are epoch milliseconds. */
export interface PageRequest {
  resource: Resource;
  /** From the page before; null for the newest. */
  token: string | null;
  /** Resources created before this are ignored. */
  until: number;
  /** An event after this may still come by webhook: its resource counts as open. */
  settledBefore: number;
}

/** One page of a list, as events. Times are epoch milliseconds. */
export interface ListedPage {
  /** Oldest first. */
  events: ResourceEvent[];
  /** Creation of the newest resource; null when there is none. */
  newest: number | null;
  /** Creation of the oldest open resource; null when there is none. */
  oldestOpen: number | null;
  /** For the next page; null when there is nothing older, or it is not needed. */
  nextToken: string | null;
}

/**
 * Reads one page of a list. VoIPBIN sorts lists by creation, newest first.
 * @throws ActionError, as the client does.
 */
export async function readListedPage(
  client: VoipbinLists,
  request: PageRequest,
  signal: AbortSignal,
): Promise<ListedPage> {
  const read = await client.list(request.resource, { pageToken: request.token }, signal);
  const page: ListedPage = { events: [], newest: null, oldestOpen: null, nextToken: read.nextToken };
  for (const item of read.items) {
    const created = createdAt(item);
    if (created !== null && created < request.until) {
      page.nextToken = null;
      continue;
    }
    page.newest = later(page.newest, created);
    const found = resourceState(request.resource, item);
    if (found.state === 'ended' && found.event.occurredAt <= request.settledBefore) {
      page.events.unshift(found.event);
    } else if (found.state !== 'none') {
      page.oldestOpen = earlier(page.oldestOpen, created);
    }
  }
  return page;
}

/** The later of two times; null is unknown. */
export function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

/** The earlier of two times; null is unknown. */
export function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
