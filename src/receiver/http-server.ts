import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance } from 'fastify';
import { createServer as createHttpServer, METHODS } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Secret } from '../settings/secret';
import { answerClientError } from './client-error';
import { sendNotFound } from './refusals';

const MAX_CONNECTIONS = 4_096;
/** Addresses of which noise is counted; the oldest are forgotten first. */
const MAX_NOISY_ADDRESSES = 10_000;

/** Time-outs, in milliseconds. */
export interface ReceiverTimeouts {
  /** How long an idle connection is kept: longer than VoIPBIN's own 30 s, or it would use connections just closed. */
  keepAlive: number;
  /** From a connection's first byte to the end of the headers. */
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
  /** Requests per address and minute that may be noise: a wrong signature, or a body that is not an event. */
  noisePerMinute: number;
}

/**
 * Makes Fastify's server for the receiver, without routes.
 *
 * Bodies are left unread for every method: Fastify would read them by content type, and none on GET.
 *
 * @param onClientError called for every request that is not HTTP, or too slow.
 */
export async function newHttpServer(
  settings: HttpServerSettings,
  timeouts: ReceiverTimeouts,
  onClientError: () => void,
): Promise<FastifyInstance> {
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
    frameworkErrors: (_error, _request, reply) => void sendNotFound(reply),
    serverFactory: (handler) =>
      tls === null
        ? createHttpServer(limits, handler)
        : createHttpsServer({ ...limits, cert: tls.cert, key: tls.key.reveal(), minVersion: 'TLSv1.2' }, handler),
  });
  http.server.maxConnections = MAX_CONNECTIONS;
  for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
    http.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  await http.register(rateLimit, {
    global: false,
    max: settings.noisePerMinute,
    timeWindow: 60_000,
    cache: MAX_NOISY_ADDRESSES,
  });
  return http;
}

/** Where a listening server answers: `http://127.0.0.1:5000`. */
export function urlOf(http: FastifyInstance, settings: HttpServerSettings): string {
  const address: AddressInfo | string | null = http.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : settings.port;
  const host = settings.host === '0.0.0.0' || settings.host === '::' ? '127.0.0.1' : settings.host;
  return `${settings.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
