import { fetch } from 'undici';
import type { JsonObject } from '../../events/json';
import { readAnswerText } from '../../net/answer-text';
import { outgoingAgent } from '../../net/outgoing-agent';
import type { Secret } from '../../settings/secret';
import { ActionError } from '../action-error';
import { networkFailure } from '../network-failure';
import { RateLimiter, type RateLimits } from '../rate-limit';
import { apiFailure } from './api-failure';

const CONNECTION = 'voipbin';
const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024;
const READ_TIMEOUT_MS = 8_000;
/** Below the account's 16.7 a second, so that others may share the account. */
const REQUEST_LIMITS: RateLimits = {
  connection: CONNECTION,
  what: 'requests',
  fullCode: 'queue_full',
  perSecond: 15,
  burst: 15,
  maxWaitMs: 5_000,
};

/** One request to the API. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the API's version: `/messages`. */
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: JsonObject;
  /** 8 s by default. */
  timeoutMs?: number;
}

/** Its answer, of whatever status. */
export interface ApiAnswer {
  status: number;
  headers: Response['headers'];
  body: string;
}

/**
 * The HTTP requests to VoIPBIN's API.
 *
 * Guarantees: the access key travels in a cookie to the API's own origin and nowhere else; redirects are not followed;
 * every request ends within its time-out; requests stay below the account's rate limit.
 */
export class Transport {
  /** With its version and without a slash at the end: `https://api.voipbin.net/v1.0`. */
  readonly baseUrl: string;
  readonly #accessKey: Secret;
  readonly #agent = outgoingAgent({ connections: 8 });
  readonly #limiter = new RateLimiter(REQUEST_LIMITS);

  constructor(apiUrl: string, accessKey: Secret) {
    this.baseUrl = apiUrl.replace(/\/+$/, '');
    this.#accessKey = accessKey;
  }

  /** Sends a request when its slot comes. @throws ActionError when no answer came. */
  async request(asked: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    await this.waitForSlot(signal);
    try {
      return await this.exchange(asked, signal);
    } catch (error) {
      throw requestFailure(error, signal);
    }
  }

  /** See {@link RateLimiter.waitForSlot}. */
  waitForSlot(signal: AbortSignal): Promise<void> {
    return this.#limiter.waitForSlot(signal);
  }

  /** Sends a request at once. @throws what `fetch` threw: {@link requestFailure} classifies it. */
  async exchange(asked: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const url = new URL(this.baseUrl + asked.path);
    url.search = new URLSearchParams(asked.query).toString();
    const response = await fetch(url, {
      method: asked.method,
      headers: {
        // An access key as a bearer token is taken for a JWT and refused; in a query it would end up in logs (reference
        // voipbin.md 5).
        cookie: `accesskey=${this.#accessKey.reveal()}`,
        accept: 'application/json',
        ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(asked.timeoutMs ?? READ_TIMEOUT_MS)]),
      dispatcher: this.#agent,
    });
    return {
      status: response.status,
      headers: response.headers,
      body: await readAnswerText(response, LARGEST_ANSWER_BYTES),
    };
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** Classifies an answer that is not a success. */
export function answerFailure({ status, headers, body }: ApiAnswer): ActionError {
  return apiFailure({ status, retryAfter: headers.get('retry-after'), body });
}

/** Temporary failures (a proxy's page, a cut answer) look like this too, so it is `transient`. */
export function unexpectedAnswer(): ActionError {
  return new ActionError('transient', 'the answer of voipbin has an unknown form', {
    connection: CONNECTION,
    code: 'unexpected_answer',
    remedy: 'Check that VOIPBIN_API_URL points at VoIPBIN and ends in /v1.0.',
  });
}

/** Classifies what ended a request without an answer. */
export function requestFailure(error: unknown, signal: AbortSignal): ActionError {
  if (error instanceof ActionError) {
    return error;
  }
  if (signal.aborted) {
    return new ActionError('transient', 'the request to voipbin was cancelled', {
      connection: CONNECTION,
      code: 'cancelled',
    });
  }
  return networkFailure(error, CONNECTION);
}
