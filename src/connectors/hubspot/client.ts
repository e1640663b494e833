import type { ActionLog } from '../connector';
import { durationMs } from '../../yaml/duration';
import type { FoundContact } from './contacts';
import { ExpiringCache } from './expiring-cache';
import type { Keying } from './key-property';
import { SearchPace } from './search-pace';
import { HubSpotSession, type PropertyDefinition } from './session';
import type { HubSpotSettings } from './settings';

/**
 * Well within the 10 s of a first, local attempt (workflows/run-step.ts), so that a busy pace is told as such and not
 * as a time-out.
 */
const LONGEST_SEARCH_WAIT_MS = 4_000;

/**
 * This worker's connection to one HubSpot account: what is shared by all steps, which are the settings, the pace of
 * searches and what is known about the account. Every cache is bounded and short-lived; none is needed for correctness.
 */
export class HubSpotClient {
  readonly searchPace: SearchPace;
  /** Contacts by phone number, so that several steps about one caller cost one search. Misses are not kept. */
  readonly contacts = new ExpiringCache<FoundContact>({ entries: 5_000, ttlMs: durationMs('1m') });
  /**
   * Searches and creations under way, by phone number: rules run side by side, and ask for the same caller at the same
   * moment.
   */
  readonly contactsUnderWay = new Map<string, Promise<FoundContact | null>>();
  readonly definitions = new ExpiringCache<PropertyDefinition>({ entries: 1_000, ttlMs: durationMs('10m') });
  readonly ownerIds = new ExpiringCache<string>({ entries: 1_000, ttlMs: durationMs('10m') });
  /** How records of an object type are told apart by our own property; a promise, so that it is found out once. */
  readonly keyings = new ExpiringCache<Promise<Keying>>({ entries: 10, ttlMs: durationMs('1h') });
  /**
   * Records that this process made, by action key: bridges the lag of HubSpot's search where there is no unique
   * property.
   */
  readonly made = new ExpiringCache<string>({ entries: 5_000, ttlMs: durationMs('1h') });
  readonly #warned = new Set<string>();

  constructor(readonly settings: HubSpotSettings) {
    this.searchPace = new SearchPace(settings.searches_per_second, LONGEST_SEARCH_WAIT_MS);
  }

  /** The requests of one attempt: they end when `signal` does. */
  session(signal: AbortSignal, log: ActionLog): HubSpotSession {
    return new HubSpotSession(this, signal, log);
  }

  /** Says a thing in the log once per process. The subjects are a few constants, hence bounded. */
  warnOnce(log: ActionLog, subject: string, fields: Record<string, unknown>, message: string): void {
    if (!this.#warned.has(subject)) {
      this.#warned.add(subject);
      log.warn({ connection: 'hubspot', ...fields }, message);
    }
  }
}
