import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../../../events/json';
import { formatInstant, parseInstant } from '../../../events/time';

const MOST_KEPT = 1_000;

/** An item of a list. */
export interface Listed {
  createdAt: Date;
  item: JsonObject;
}

/** VoIPBIN's clock. Each time that it stamps is later than the one before, to the microsecond. */
export class StandInClock {
  aheadMs = 0;
  #last = 0;
  #micros = 0;

  now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }

  /** `2026-08-22T15:11:05.235717Z` */
  stamp(): { createdAt: Date; text: string } {
    const createdAt = this.now();
    this.#micros = createdAt.getTime() === this.#last ? Math.min(this.#micros + 1, 999) : 0;
    this.#last = createdAt.getTime();
    return { createdAt, text: createdAt.toISOString().replace('Z', `${String(this.#micros).padStart(3, '0')}Z`) };
  }
}

/** Adds an item to a list that is newest first. Missing fields get invented values. */
export function addTo(list: Listed[], given: JsonObject, clock: StandInClock): JsonObject {
  const { createdAt, text } = clock.stamp();
  const item: JsonObject = { id: randomUUID(), tm_create: text, tm_update: null, tm_delete: null, ...given };
  const micros = parseInstant(item['tm_create']);
  list.unshift({ createdAt: micros === null ? createdAt : new Date(micros / 1_000), item });
  list.sort((a, b) => microsOf(b) - microsOf(a));
  list.splice(MOST_KEPT);
  return item;
}

const paging = z.object({
  page_size: z.coerce.number().int().min(1).max(1_000).default(100),
  page_token: z.string().default(''),
});

/**
 * A page of a list, as VoIPBIN's database gives it: items older than the token, which is the `tm_create` of the last
 * item seen. The token is also set on the last page, and items with exactly the token's time are passed over.
 */
export function pageOf(newestFirst: readonly Listed[], query: unknown): JsonObject {
  const { page_size, page_token } = paging.parse(query);
  const before = page_token === '' ? Number.POSITIVE_INFINITY : (parseInstant(page_token) ?? 0);
  const items = newestFirst
    .filter((listed) => microsOf(listed) < before)
    .slice(0, Math.min(page_size, LARGEST_PAGE))
    .map(({ item }) => item);
  const last = items.at(-1)?.['tm_create'];
  return { result: items, next_page_token: typeof last === 'string' ? last : '' };
}

/**
 * Items of a list that is newest first, with times that differ: VoIPBIN stamps to the microsecond, and no two items of
 * one account have the same time in practice.
 */
export function withDistinctTimes(newestFirst: readonly Listed[]): Listed[] {
  let last = Number.POSITIVE_INFINITY;
  return newestFirst.map((listed) => {
    last = Math.min(microsOf(listed), last - 1);
    return { createdAt: listed.createdAt, item: { ...listed.item, tm_create: formatInstant(last) } };
  });
}

/** VoIPBIN gives at most this many items, whatever is asked for. */
const LARGEST_PAGE = 100;

function microsOf({ createdAt, item }: Listed): number {
  return parseInstant(item['tm_create']) ?? createdAt.getTime() * 1_000;
}

/** Adds an item to a bounded list that is oldest first. */
export function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MOST_KEPT) {
    list.shift();
  }
}
