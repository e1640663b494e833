import fastify from 'fastify';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { answerClientError } from '../net/client-error';
import { isOwnHost } from '../net/own-host';
import { portError } from '../net/ports';
import { addApi, sendError, type Api } from './api';

/** The state of one part of the bridge. */
export interface PartState {
  ok: boolean;
  /** What is wrong and what to do, or a few words when nothing is. No personal data. */
  detail: string;
}

/** What {@link createAdmin} needs. */
export interface AdminOptions {
  /** Loopback unless the settings say otherwise: only the API asks who calls. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Names in the `Host` header that are answered, besides `host`, loopback names and IP addresses. */
  allowedHosts: readonly string[];
  registry: Pick<Registry, 'contentType' | 'metrics'>;
  /** The state of every part by name, for `/readyz`. Called for each request, so it must be quick. */
  parts: () => Record<string, PartState>;
  /** Whether the process can do its work, whatever else is wrong: `/readyz` answers 200 or 503. */
  ready: () => boolean;
  /** What can be done through `/api/v1`; absent where there is nothing to operate. */
  api?: Api;
}

/** The admin port. */
export interface Admin {
  /** @returns `http://127.0.0.1:5001`. @throws PortTaken. */
  listen(): Promise<string>;
  /** From now on `/readyz` is 503, so that load balancers send requests elsewhere. */
  stopping(): void;
  close(): Promise<void>;
}

const STOPPING: PartState = {
  ok: false,
  detail: 'the bridge is stopping: it finishes the work under way and takes no new connections',
};

const FOREIGN_HOST = {
  error: 'foreign_host',
  message:
    'the Host header is not a name of this server: use its IP address, or add the name to receiver.admin_allowed_hosts (BRIDGE_ADMIN_ALLOWED_HOSTS)',
};

/**
 * Makes the admin server: `/healthz` (200 as long as the process answers), `/readyz` (200 when it can do its work; the
 * body has the state of every part), `/metrics` (Prometheus), and the API below `/api/v1`. It has a port of its own, so
 * that it is not reachable where the webhook is.
 *
 * A request with a foreign `Host` is answered with 421, so that a web page cannot read it by DNS rebinding.
 */
export function createAdmin(options: AdminOptions): Admin {
  const http = fastify({
    logger: false,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    // Its own answer repeats the path.
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
  });
  const ownNames = [options.host, ...options.allowedHosts];
  let isStopping = false;
  http.addHook('onRequest', (request, reply, done) => {
    if (isOwnHost(request.headers.host, ownNames)) {
      done();
    } else {
      void reply.code(421).header('connection', 'close').send(FOREIGN_HOST);
    }
  });
  http.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'not_found', message: 'there is no such path: see docs/operations.md' }),
  );
  http.setErrorHandler((error, _request, reply) => sendError(reply, error));
  http.get('/healthz', (_request, reply) => reply.send({ status: 'ok' }));
  http.get('/readyz', (_request, reply) => {
    const ready = !isStopping && options.ready();
    return reply
      .code(ready ? 200 : 503)
      .send({ ready, parts: { ...(isStopping ? { stopping: STOPPING } : {}), ...options.parts() } });
  });
  http.get('/metrics', async (_request, reply) =>
    reply.header('content-type', options.registry.contentType).send(await options.registry.metrics()),
  );
  if (options.api !== undefined) {
    addApi(http, options.api);
  }
  return {
    listen: async () => {
      try {
        await http.listen({ host: options.host, port: options.port });
      } catch (error) {
        throw portError(error, options.port, options.host, 'BRIDGE_ADMIN_PORT');
      }
      const address: AddressInfo | string | null = http.server.address();
      const port = typeof address === 'object' && address !== null ? address.port : options.port;
      return `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
    },
    stopping: () => {
      isStopping = true;
    },
    close: async () => {
      await http.close();
    },
  };
}
