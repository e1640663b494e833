import { ActionError } from '../action-error';
import { RateLimiter } from '../rate-limit';
import type { HubSpotSettings } from './settings';

/**
 * Well within the 10 s of a first, local attempt (workflows/run-step.ts), so that a full queue is reported as such and not
 * as a time-out.
 */
const MAX_SEARCH_WAIT_MS = 4_000;
/** An attempt makes about five requests. */
const MAX_REQUEST_WAIT_MS = 2_000;
/** The windows of the account or the app, which hold for every request. */
const WINDOWS_OF_ALL = new Set(['TEN_SECONDLY_ROLLING', 'DAILY']);

/**
 * This worker's share of an account's rate limits, and what HubSpot itself says about them. Other workers and programs
 * share the limits: each worker has a budget of its own in its settings, and all of its requests wait when HubSpot says
 * that the account has none left.
 */
export class AccountLimits {
  readonly searches: RateLimiter;
  /** For all requests, searches included. */
  readonly requests: RateLimiter;
  /** The rate of {@link requests}. */
  readonly requestsPerSecond: number;

  constructor(settings: HubSpotSettings) {
    this.searches = new RateLimiter({
      connection: 'hubspot',
      what: 'searches',
      fullCode: 'search_pace',
      perSecond: settings.searches_per_second,
      maxWaitMs: MAX_SEARCH_WAIT_MS,
    });
    this.requestsPerSecond = settings.requests_per_second ?? defaultRate(settings);
    this.requests = new RateLimiter({
      connection: 'hubspot',
      what: 'requests',
      fullCode: 'request_pace',
      perSecond: this.requestsPerSecond,
      // 9 a second and a burst of 9 stay below HubSpot's 100 in any ten seconds.
      burst: Math.max(1, Math.floor(this.requestsPerSecond)),
      maxWaitMs: MAX_REQUEST_WAIT_MS,
    });
  }

  /**
   * Reads what an answer tells of the limit of the app. When nothing is left, others used it too: requests wait for a
   * tenth of the window, which is rolling. HubSpot's searches do not tell.
   */
  read(headers: Pick<Headers, 'get'>): void {
    const remaining = headers.get('x-hubspot-ratelimit-remaining');
    const windowMs = Number(headers.get('x-hubspot-ratelimit-interval-milliseconds') ?? NaN);
    if (remaining === '0' && Number.isFinite(windowMs)) {
      this.requests.pauseFor(windowMs / 10);
    }
  }

  /** Holds back the requests that a 429 is about, until its window opens again. */
  obey(error: unknown): void {
    if (!(error instanceof ActionError)) {
      return;
    }
    const { code, retryAfterMs = 0 } = error.detail;
    if (WINDOWS_OF_ALL.has(code)) {
      this.requests.pauseFor(retryAfterMs);
    } else if (code === 'SECONDLY') {
      this.searches.pauseFor(retryAfterMs);
    }
  }
}

/** HubSpot's limit holds at HubSpot; what stands at another address (a stand-in) has its own. */
function defaultRate({ base_url }: HubSpotSettings): number {
  return new URL(base_url).hostname.endsWith('.hubapi.com') ? 9 : 10_000;
}
