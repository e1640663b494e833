import fastify, { type FastifyInstance } from 'fastify';
import { createServer as createHttpServer, METHODS } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerClientError } from '../net/client-error';
import { urlHost } from '../net/url-host';
import type { Secret } from '../settings/secret';
import type { Connections } from './connections';
import { refuseNotFound } from './refusals';

/** Time-outs, in milliseconds. */
export interface ReceiverTimeouts {
  /** How long an idle connection is kept: longer than VoIPBIN's own 30 s, or it would use connections just closed. */
  keepAlive: number;
  /** From the start of a connection or request to the end of the headers, and for a TLS handshake. */
  headers: number;
  /** To the end of the body. */
  request: number;
  /** How often the two above are checked. */
  check: number;
  /** How long a close waits for requests under way. */
  close: number;
}

/** What a receiver uses unless it is told otherwise. */
export const DEFAULT_TIMEOUTS: ReceiverTimeouts = {
  keepAlive: 65_000,
  headers: 15_000,
  request: 30_000,
  check: 2_000,
  close: 10_000,
};

/** How the receiver listens. */
export interface HttpServerSettings {
  host: string;
  /** 0 chooses a free one. */
  port: number;
  /** PEM texts; null for plain HTTP. */
  tls: { cert: string; key: Secret } | null;
}

/**
 * Creates Fastify's server for the receiver, without routes.
 *
 * Bodies are left unread for every method: Fastify would read them by content type, and none on GET.
 *
 * @param options.onClientError called for every request that is not HTTP, or too slow.
 */
export function newHttpServer(
  settings: HttpServerSettings,
  options: { timeouts: ReceiverTimeouts; connections: Connections; onClientError: () => void },
): FastifyInstance {
  const { timeouts, connections, onClientError } = options;
  const limits = {
    keepAliveTimeout: timeouts.keepAlive,
    headersTimeout: timeouts.headers,
    requestTimeout: timeouts.request,
    connectionsCheckingInterval: timeouts.check,
  };
  const { tls } = settings;
  const http = fastify({
    logger: false,
    exposeHeadRoutes: false,
    // While closing, requests on open connections are answered as before, with `Connection: close`.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      onClientError();
      answerClientError(error, socket);
    },
    // URLs that cannot be decoded.
    frameworkErrors: (_error, _request, reply) => void refuseNotFound(reply),
    serverFactory: (handler) => {
      const server =
        tls === null
          ? createHttpServer(limits, handler)
          : createHttpsServer(
              {
                ...limits,
                handshakeTimeout: timeouts.headers,
                cert: tls.cert,
                key: tls.key.reveal(),
                minVersion: 'TLSv1.2',
              },
              handler,
            );
      connections.watch(server);
      return server;
    },
  });
  for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
    http.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  return http;
}

/** Where a listening server answers: `http://127.0.0.1:5000`. */
export function urlOf(http: FastifyInstance, settings: HttpServerSettings): string {
  const address: AddressInfo | string | null = http.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : settings.port;
  return `${settings.tls === null ? 'http' : 'https'}://${urlHost(settings.host)}:${port}`;
}
