import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, Pool, type Dispatcher } from 'undici';
import { NotConnectedError, ProxyFailedError } from './connect-errors';
import { canonicalHost } from './host-list';
import { Proxies, type Destination, type Proxy } from './proxies';
import { openTunnel, proxyAuthorization } from './tunnel';

const CONNECT_TIMEOUT_MS = 5_000;

/** How to make an {@link outgoingAgent}. */
export interface OutgoingOptions {
  /** Connections per origin. */
  connections: number;
  connectTimeoutMs?: number;
  /** The longest answer, in bytes; longer ones end the request. */
  maxResponseSize?: number;
  /** For how long a body may pause, in milliseconds. */
  bodyTimeout?: number;
  /** 0: no connection is reused. */
  pipelining?: number;
  /** How long a connection stays open without a request at most, whatever its server proposes, in milliseconds. */
  keptForMs?: number;
  /** Decides about a connection before it is made; the lookup to connect with, or null for the usual one. May throw. */
  guard?: (host: string, proxy: Proxy | null) => LookupFunction | null;
  /** Called when a connection is established, TLS included: from then on something may have been sent. */
  onConnected?: () => void;
  /** The environment, `process.env` unless a test gives another. */
  env?: NodeJS.ProcessEnv;
}

/**
 * Makes the dispatcher that every outgoing HTTP request of the bridge goes through (undici's `fetch` and `request`, option
 * `dispatcher`). It uses the proxies of the environment, see {@link Proxies}, https through a tunnel and http as proxies
 * forward it, and connects directly where there is none.
 *
 * Guarantee: every failure to connect is a {@link NotConnectedError}, that of a proxy a {@link ProxyFailedError}; nothing
 * of the request was sent then.
 *
 * @throws InvalidProxy
 */
export function outgoingAgent(options: OutgoingOptions): Agent {
  const { guard, onConnected, env = process.env, connectTimeoutMs = CONNECT_TIMEOUT_MS, keptForMs, ...rest } = options;
  const proxies = new Proxies(env);
  const direct = buildConnector({ timeout: connectTimeoutMs });

  const connect: buildConnector.connector = (target, callback) => {
    const settle = settler(callback, onConnected);
    const proxy = proxies.proxyFor(destinationOf(target));
    try {
      const lookup = guard?.(canonicalHost(target.hostname), proxy) ?? null;
      if (proxy !== null) {
        tunnelTo(proxy, target, connectTimeoutMs, settle);
      } else {
        (lookup === null ? direct : buildConnector({ timeout: connectTimeoutMs, lookup }))(target, settle);
      }
    } catch (error) {
      settle(asError(error), null);
    }
  };

  return new Agent({
    ...rest,
    ...(keptForMs === undefined ? {} : { keepAliveTimeout: keptForMs, keepAliveMaxTimeout: keptForMs }),
    connect,
    factory: (origin, poolOptions: Pool.Options) => {
      const url = new URL(origin);
      const proxy = url.protocol === 'http:' ? proxies.proxyFor(url) : null;
      if (proxy === null) {
        return new Pool(url, poolOptions);
      }
      const pool = new Pool(proxy.url.origin, {
        ...poolOptions,
        connect: connectToProxy(proxy, connectTimeoutMs, onConnected),
      });
      return pool.compose(forwarded(url, proxy, () => guard?.(canonicalHost(url.hostname), proxy)));
    },
  });
}

/** Sends requests to the proxy with the whole URL as their target (RFC 9112 3.2.2). @param check throws to refuse. */
function forwarded(origin: URL, proxy: Proxy, check: () => unknown): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (request, handler) => {
    check();
    const own = { host: origin.host, ...proxyAuthorization(proxy) };
    return dispatch(
      {
        ...request,
        origin: proxy.url.origin,
        path: `${origin.origin}${request.path}`,
        headers: [...flatHeaders(request.headers), ...Object.entries(own).flat()],
      },
      {
        onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
        onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
        onResponseStart: (controller, status, ...answer) => {
          if (status === 407) {
            throw new ProxyFailedError(proxy.shown, status);
          }
          handler.onResponseStart?.(controller, status, ...answer);
        },
        onResponseData: (...args) => handler.onResponseData?.(...args),
        onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
        onResponseError: (...args) => handler.onResponseError?.(...args),
      },
    );
  };
}

/** Headers as a list of names and values, which undici's fetch gives; its request gives what the caller gave. */
function flatHeaders(headers: Dispatcher.DispatchOptions['headers']): string[] {
  if (headers === undefined || headers === null) {
    return [];
  }
  if (Array.isArray(headers)) {
    return headers;
  }
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => [value ?? []].flat().flatMap((each) => [name, each]));
}

function connectToProxy(proxy: Proxy, timeoutMs: number, onConnected?: () => void): buildConnector.connector {
  const direct = buildConnector({ timeout: timeoutMs });
  return (target, callback) =>
    direct(target, (...[error, socket]) => {
      if (error === null) {
        onConnected?.();
        callback(null, socket);
      } else {
        callback(new ProxyFailedError(proxy.shown, null, { cause: error }), null);
      }
    });
}

function tunnelTo(
  proxy: Proxy,
  target: buildConnector.Options,
  timeoutMs: number,
  settle: buildConnector.Callback,
): void {
  const host = canonicalHost(target.hostname);
  const port = target.port === '' ? 443 : Number(target.port);
  const withTls = buildConnector({ timeout: timeoutMs, ...(isIP(host) === 0 ? { servername: host } : {}) });
  openTunnel(proxy, host, port, timeoutMs).then(
    (httpSocket) => withTls({ ...target, httpSocket }, settle),
    (error: unknown) => settle(asError(error), null),
  );
}

/** The callback of a connect attempt: counts a connection, and makes every failure a {@link NotConnectedError}. */
function settler(callback: buildConnector.Callback, onConnected?: () => void): buildConnector.Callback {
  return (...[error, socket]) => {
    if (error === null) {
      onConnected?.();
      callback(null, socket);
    } else {
      callback(
        error instanceof NotConnectedError ? error : new NotConnectedError('no connection', { cause: error }),
        null,
      );
    }
  };
}

function destinationOf({ protocol, hostname, port }: buildConnector.Options): Destination {
  return { protocol, hostname, port };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('unknown', { cause: error });
}
