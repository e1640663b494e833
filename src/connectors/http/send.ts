import { request, type Agent, type Dispatcher } from 'undici';
import type { JsonValue } from '../../events/json';
import { NotConnectedError } from '../../net/connect-errors';
import { guardedDispatcher, isAddressRefused } from '../../net/guarded-dispatcher';
import type { HostList } from '../../net/host-list';
import { ActionError } from '../action-error';
import { networkFailure } from '../network-failure';
import { discard, readAnswer } from './answer';
import { ambiguous, answerFailure } from './answer-failure';
import { headersElsewhere } from './headers';
import { readRedirect } from './target';

const MOST_REDIRECTS = 3;

/** The methods that rules may use. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One request, ready for the wire. */
export interface OutgoingRequest {
  method: Method;
  url: URL;
  headers: ReadonlyMap<string, string>;
  body: string | null;
  /** For all of it: connecting, redirects, answer. */
  timeoutMs: number;
  /** Whether doing it again has the effect of doing it once. */
  repeatable: boolean;
}

/** What came back, with a status that is a success. */
export interface Answered {
  status: number;
  body: JsonValue;
}

/** The connections that one request uses. */
interface Way {
  ask(asked: Asked): Promise<Dispatcher.ResponseData>;
  /** Whether the last thing that was asked may have been sent, unless it failed with a NotConnectedError. */
  mayBeSent(): boolean;
  end(): Promise<void>;
}

/** One request on the wire. */
interface Asked {
  outgoing: OutgoingRequest;
  url: URL;
  headers: ReadonlyMap<string, string>;
  signal: AbortSignal;
}

/**
 * Sends requests. Those that are safe to repeat share connections, which stay open for some seconds: a connection costs
 * more than the request on it, with TLS many times as much. Each other request has a connection of its own, so that a
 * server that closes an idle one leaves nobody in doubt.
 */
export class Sender {
  /** Connections that stay open. */
  readonly #kept: Agent;

  constructor(private readonly allow: HostList) {
    this.#kept = guardedDispatcher({ allow, keepsOpen: true });
  }

  /**
   * Sends a request and follows at most three redirects: of a GET any, of others 307 and 308, which keep method and body
   * (303 in answer to others is a success). To another origin only harmless headers go along.
   *
   * @throws ActionError. `ambiguous` only for what is not repeatable and may have had its effect: a connection was
   *   established and no answer came, or one that leaves it open (`answer-failure.ts`). No error holds more of the URL
   *   than the host.
   */
  async send(outgoing: OutgoingRequest, cancelled: AbortSignal): Promise<Answered> {
    const { repeatable } = outgoing;
    const timeout = AbortSignal.timeout(outgoing.timeoutMs);
    const signal = AbortSignal.any([cancelled, timeout]);
    const way = repeatable ? this.#shared() : this.#own(signal);
    let { url, headers } = outgoing;
    try {
      for (let redirects = 0; ; redirects += 1) {
        const answer = await way.ask({ outgoing, url, headers, signal });
        if (!isFollowed(outgoing.method, answer.statusCode)) {
          return await conclude(outgoing, url, answer);
        }
        discard(answer);
        if (redirects === MOST_REDIRECTS) {
          throw new ActionError('permanent', `${url.hostname} redirects more than ${MOST_REDIRECTS} times`, {
            connection: 'http',
            code: 'too_many_redirects',
            remedy: 'Set `url` in the rule to the final address.',
          });
        }
        const next = readRedirect(headerOf(answer, 'location') ?? null, url);
        headers = next.origin === url.origin ? headers : headersElsewhere(headers);
        url = next;
      }
    } catch (error) {
      throw failure(error, { repeatable, host: url.hostname, mayBeSent: way.mayBeSent(), cancelled, timeout });
    } finally {
      await way.end();
    }
  }

  /** Closes the open connections, with what is under way on them. */
  async close(): Promise<void> {
    await this.#kept.destroy();
  }

  /** The connections of all repeatable requests. A broken one fails the attempt; the step's next attempt is made as usual. */
  #shared(): Way {
    return {
      ask: (asked) => orAborted(ask(asked, this.#kept), asked.signal),
      mayBeSent: () => true,
      end: () => Promise.resolve(),
    };
  }

  /** Connections for one request alone. */
  #own(signal: AbortSignal): Way {
    let mayBeSent = false;
    const dispatcher = guardedDispatcher({ allow: this.allow, onConnected: () => (mayBeSent = true) });
    // Otherwise undici would abort the request only once the connection is established, and nobody could know whether it
    // was sent.
    const abort = (): void => void dispatcher.destroy();
    signal.addEventListener('abort', abort, { once: true });
    return {
      ask: (asked) => {
        mayBeSent = false;
        return ask(asked, dispatcher);
      },
      mayBeSent: () => mayBeSent,
      end: async () => {
        signal.removeEventListener('abort', abort);
        await dispatcher.destroy();
      },
    };
  }
}

async function ask({ outgoing, url, headers, signal }: Asked, dispatcher: Agent): Promise<Dispatcher.ResponseData> {
  const { method, body } = outgoing;
  signal.throwIfAborted();
  return request(url, { method, headers: Object.fromEntries(headers), body, dispatcher, signal });
}

/** Waits no longer for a request than its signal permits: undici aborts one only once its connection is established. */
function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
  return Promise.race([work, aborted]);
}

function isFollowed(method: Method, status: number): boolean {
  return status === 307 || status === 308 || (method === 'GET' && (status === 301 || status === 302 || status === 303));
}

async function conclude({ repeatable }: OutgoingRequest, url: URL, answer: Dispatcher.ResponseData): Promise<Answered> {
  const { statusCode: status } = answer;
  if (status >= 200 && status < 300) {
    try {
      return { status, body: await readAnswer(answer) };
    } catch (error) {
      if (repeatable) {
        throw error;
      }
      // The status says that it was done; only the body is lost.
      return { status, body: null };
    }
  }
  discard(answer);
  if (status === 303) {
    return { status, body: null };
  }
  throw answerFailure({ status, retryAfter: headerOf(answer, 'retry-after'), host: url.hostname, repeatable });
}

function headerOf(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : undefined;
}

interface Circumstances {
  repeatable: boolean;
  host: string;
  mayBeSent: boolean;
  cancelled: AbortSignal;
  timeout: AbortSignal;
}

function failure(error: unknown, { repeatable, host, mayBeSent, cancelled, timeout }: Circumstances): ActionError {
  if (error instanceof ActionError) {
    return error;
  }
  if (isAddressRefused(error)) {
    return new ActionError('permanent', 'the host is at an address that is not public', {
      connection: 'http',
      code: 'address_refused',
      remedy: 'If requests should reach it, add the host, its address or its CIDR range to BRIDGE_HTTP_ALLOW.',
    });
  }
  const lost = mayBeSent && !(error instanceof NotConnectedError);
  // An aborted request fails in many ways; the signals say why.
  const [code, message, remedy] = cancelled.aborted
    ? (['cancelled', `the request to ${host} was cancelled`] as const)
    : timeout.aborted
      ? (['timeout', `${host} did not answer in time`] as const)
      : lost
        ? (['network', `the connection to ${host} broke before the answer`] as const)
        : notConnected(error, host);
  return lost && !repeatable
    ? ambiguous(message, code)
    : new ActionError('transient', message, {
        connection: 'http',
        code,
        ...(remedy === undefined ? {} : { remedy }),
      });
}

/** Each request may go to another host, so what ails one (its certificate, the proxy's rules) does not park the others. */
function notConnected(error: unknown, host: string): readonly ['network', string, string | undefined] {
  const { message, detail } = networkFailure(error, host);
  return ['network', message, detail.remedy];
}
