import { LRUCache } from 'lru-cache';
import type { ActionLog } from '../action-log';
import { durationMs } from '../../yaml/duration';
import { outgoingAgent } from '../../net/outgoing-agent';
import { RateLimiter } from '../rate-limit';
import type { FoundContact } from './contact';
import type { KeyUniqueness, PropertyDefinition } from './record';
import type { OpenApis } from './sdk';
import type { HubSpotSettings } from './settings';

/**
 * Well within the 10 s of a first, local attempt (workflows/run-step.ts), so that a full queue is reported as such and not
 * as a time-out.
 */
const MAX_SEARCH_WAIT_MS = 4_000;
/** An attempt makes about five requests. */
const MAX_REQUEST_WAIT_MS = 2_000;

/**
 * This worker's connection to one HubSpot account. All steps share its settings, its rate limit for searches and its
 * caches. Every cache is bounded and short-lived; none is needed for correctness.
 */
export class HubSpotClient {
  /** All requests go through it: proxies, and connections that are reused. */
  readonly agent = outgoingAgent({ connections: 16 });
  readonly searchLimiter: RateLimiter;
  /** The rate of {@link requestLimiter}. */
  readonly requestsPerSecond: number;
  /** For all requests, searches included. */
  readonly requestLimiter: RateLimiter;
  /** Contacts by phone number, so that several steps about one caller cost one search. Misses are not kept. */
  readonly contacts = new LRUCache<string, FoundContact>({ max: 5_000, ttl: durationMs('1m') });
  /** Contacts that are gone, by id: HubSpot's search shows them for some seconds more. */
  readonly goneContacts = new LRUCache<string, true>({ max: 5_000, ttl: durationMs('10m') });
  /**
   * Pending searches and creations, by phone number: rules run side by side, and look for the same caller at the same
   * moment.
   */
  readonly contactsUnderWay = new Map<string, Promise<FoundContact | null>>();
  readonly definitions = new LRUCache<string, PropertyDefinition>({ max: 1_000, ttl: durationMs('10m') });
  readonly ownerIds = new LRUCache<string, string>({ max: 1_000, ttl: durationMs('10m') });
  /** How HubSpot keeps our own property of an object type unique; a promise, so that concurrent steps ask once. */
  readonly keyUniqueness = new LRUCache<string, Promise<KeyUniqueness>>({ max: 10, ttl: durationMs('1h') });
  /**
   * The ids of records that this process created, by action key. HubSpot's search lags behind, and without a unique
   * property there is no other way to find them.
   */
  readonly createdIds = new LRUCache<string, string>({ max: 5_000, ttl: durationMs('1h') });
  /** Values that HubSpot refused, so that they are not offered again with every record: `calls/<name>/<value>`. */
  readonly refusedValues = new LRUCache<string, true>({ max: 100, ttl: durationMs('1h') });
  readonly #warned = new Set<string>();

  constructor(
    readonly settings: HubSpotSettings,
    /** The SDK's APIs for one attempt. */
    readonly openApis: OpenApis,
  ) {
    this.searchLimiter = new RateLimiter({
      connection: 'hubspot',
      what: 'searches',
      fullCode: 'search_pace',
      perSecond: settings.searches_per_second,
      maxWaitMs: MAX_SEARCH_WAIT_MS,
    });
    this.requestsPerSecond = settings.requests_per_second ?? defaultRate(settings);
    this.requestLimiter = new RateLimiter({
      connection: 'hubspot',
      what: 'requests',
      fullCode: 'request_pace',
      perSecond: this.requestsPerSecond,
      // 9 a second and a burst of 9 stay below HubSpot's 100 in any ten seconds.
      burst: Math.max(1, Math.floor(this.requestsPerSecond)),
      maxWaitMs: MAX_REQUEST_WAIT_MS,
    });
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  /** Logs a warning once per process and subject. Subjects are a few constants, so their number is bounded. */
  warnOnce(log: ActionLog, subject: string, fields: Record<string, unknown>, message: string): void {
    if (!this.#warned.has(subject)) {
      this.#warned.add(subject);
      log.warn({ connection: 'hubspot', ...fields }, message);
    }
  }
}

/** HubSpot's limit holds at HubSpot; what stands at another address (a stand-in) has its own. */
function defaultRate({ base_url }: HubSpotSettings): number {
  return new URL(base_url).hostname.endsWith('.hubapi.com') ? 9 : 10_000;
}
