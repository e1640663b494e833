import { LRUCache } from 'lru-cache';
import type { ActionLog } from '../connector';
import { durationMs } from '../../yaml/duration';
import { RateLimiter } from '../rate-limit';
import type { FoundContact } from './contact';
import type { KeyUniqueness, PropertyDefinition } from './record';
import type { HubSpotSettings } from './settings';

/**
 * Well within the 10 s of a first, local attempt (workflows/run-step.ts), so that a busy pace is told as such and not
 * as a time-out.
 */
const MAX_SEARCH_WAIT_MS = 4_000;

/**
 * This worker's connection to one HubSpot account: what is shared by all steps, which are the settings, the pace of
 * searches and what is known about the account. Every cache is bounded and short-lived; none is needed for correctness.
 */
export class HubSpotClient {
  readonly searchLimiter: RateLimiter;
  /** Contacts by phone number, so that several steps about one caller cost one search. Misses are not kept. */
  readonly contacts = new LRUCache<string, FoundContact>({ max: 5_000, ttl: durationMs('1m') });
  /**
   * Searches and creations under way, by phone number: rules run side by side, and ask for the same caller at the same
   * moment.
   */
  readonly contactsUnderWay = new Map<string, Promise<FoundContact | null>>();
  readonly definitions = new LRUCache<string, PropertyDefinition>({ max: 1_000, ttl: durationMs('10m') });
  readonly ownerIds = new LRUCache<string, string>({ max: 1_000, ttl: durationMs('10m') });
  /** How records of an object type are told apart by our own property; a promise, so that it is found out once. */
  readonly keyUniqueness = new LRUCache<string, Promise<KeyUniqueness>>({ max: 10, ttl: durationMs('1h') });
  /**
   * Records that this process made, by action key: bridges the lag of HubSpot's search where there is no unique
   * property.
   */
  readonly createdIds = new LRUCache<string, string>({ max: 5_000, ttl: durationMs('1h') });
  readonly #warned = new Set<string>();

  constructor(readonly settings: HubSpotSettings) {
    this.searchLimiter = new RateLimiter({
      connection: 'hubspot',
      what: 'searches',
      fullCode: 'search_pace',
      perSecond: settings.searches_per_second,
      maxWaitMs: MAX_SEARCH_WAIT_MS,
    });
  }

  /** Says a thing in the log once per process. The subjects are a few constants, hence bounded. */
  warnOnce(log: ActionLog, subject: string, fields: Record<string, unknown>, message: string): void {
    if (!this.#warned.has(subject)) {
      this.#warned.add(subject);
      log.warn({ connection: 'hubspot', ...fields }, message);
    }
  }
}
