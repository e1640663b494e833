import fastify from 'fastify';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { portError } from '../net/ports';

/** The state of one part of the bridge. */
export interface PartState {
  ok: boolean;
  /** What is wrong and what to do, or in a few words that all is well. No personal data. */
  detail: string;
}

/** What {@link createAdmin} needs. */
export interface AdminOptions {
  /** Loopback unless the operator says otherwise: nothing here is authenticated. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  registry: Pick<Registry, 'contentType' | 'metrics'>;
  /** Every part's state by name, for `/readyz`. Asked at each request; quick. */
  parts: () => Record<string, PartState>;
  /** Whether it does what it is there for: what `/readyz` answers 200 or 503 by, whatever else is wrong. */
  ready: () => boolean;
}

/** The admin port. */
export interface Admin {
  /** @returns `http://127.0.0.1:5001`. @throws PortTaken. */
  listen(): Promise<string>;
  /** From now on `/readyz` is 503: whoever sends work here should turn elsewhere. */
  stopping(): void;
  close(): Promise<void>;
}

const STOPPING: PartState = {
  ok: false,
  detail: 'it was told to stop: what is under way is finished, new connections are not taken',
};

/**
 * `/healthz` (200 as long as the process answers), `/readyz` (it can do its work; the body tells the state of every
 * part), `/metrics` (Prometheus). A port of its own, so that it is never open where the webhook is.
 */
export function createAdmin(options: AdminOptions): Admin {
  const http = fastify({ logger: false, requestTimeout: 10_000, forceCloseConnections: true });
  let isStopping = false;
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
