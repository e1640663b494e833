import { LRUCache } from 'lru-cache';
import type { ActionLog } from '../action-log';
import { durationMs } from '../../yaml/duration';
import { outgoingAgent } from '../../net/outgoing-agent';
import { AccountLimits } from './account-limits';
import { HubSpotBatches } from './batches/batches';
import type { FoundContact } from './contact';
import type { KeyUniqueness, PropertyDefinition } from './record';
import type { OpenApis } from './sdk';
import type { HubSpotSettings } from './settings';

/**
 * This worker's connection to one HubSpot account. All steps share its settings, its rate limit for searches and its
 * caches. Every cache is bounded and short-lived; none is needed for correctness.
 */
export class HubSpotClient {
  /** All requests go through it: proxies, and connections that are reused. */
  readonly agent = outgoingAgent({ connections: 16 });
  readonly limits: AccountLimits;
  readonly batches: HubSpotBatches;
  /**
   * Contacts by phone number, so that several steps about one caller cost one search. Misses are not kept; one that is
   * gone is dropped when HubSpot says so. What a person changes in HubSpot is seen after five minutes.
   */
  readonly contacts = new LRUCache<string, FoundContact>({ max: 5_000, ttl: durationMs('5m') });
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
  /**
   * What HubSpot refused, so that it is not offered again with every record: `calls/<name>/<value>`, or `calls/<name>` for a
   * property that the account does not have.
   */
  readonly refusedValues = new LRUCache<string, true>({ max: 100, ttl: durationMs('1h') });
  readonly #warned = new Set<string>();

  constructor(
    readonly settings: HubSpotSettings,
    /** The SDK's APIs for one attempt. */
    readonly openApis: OpenApis,
  ) {
    this.limits = new AccountLimits(settings);
    this.batches = new HubSpotBatches(this);
  }

  async close(): Promise<void> {
    this.batches.close();
    await this.agent.destroy();
  }

  /** Logs a warning once per process and subject. Subjects are a few constants, so their number is bounded. */
  warnOnce(log: ActionLog, subject: string, fields: Record<string, unknown>, message: string): void {
    if (!this.#warned.has(subject)) {
      this.#warned.add(subject);
      log.warn({ connection: 'hubspot', ...fields }, message);
    }
  }
}
