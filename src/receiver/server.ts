import type { Logger } from 'pino';
import { InboxUnavailable } from '../inbox/inbox-unavailable';
import type { Ingest } from '../ingest/ingest';
import { AddressList } from '../net/address-list';
import { portError } from '../net/ports';
import { Callers } from './callers';
import {
  connectionLimitsFor,
  DEFAULT_CONNECTION_LIMITS,
  openFilesLimit,
  type ConnectionLimits,
} from './connection-limits';
import { Connections } from './connections';
import { DEFAULT_TIMEOUTS, newHttpServer, urlOf, type HttpServerSettings, type ReceiverTimeouts } from './http-server';
import type { ReceiverMetrics } from './metrics';
import { refuseNotFound, Refusals, sendJson, WEBHOOK_PATH } from './refusals';
import { addWebhookEndpoint, type WebhookAccess } from './webhook-endpoint';

/** Connections that wait to be accepted: as many as Linux allows, so that the sender's are among them in a flood. */
const BACKLOG = 4_096;

/** How often a closing receiver closes connections that have become idle. */
const CLOSE_IDLE_EVERY_MS = 50;

/** The receiver's settings. */
export type ReceiverSettings = HttpServerSettings &
  WebhookAccess & {
    /** Requests per address and minute that may be noise ({@link Callers}). */
    noisePerMinute: number;
    /** Proxies whose `X-Forwarded-For` is trusted: IP addresses and CIDR ranges; false for none. */
    trustProxy: false | readonly string[];
  };

/** What {@link createReceiver} needs. */
export interface ReceiverOptions {
  settings: ReceiverSettings;
  ingest: Ingest;
  metrics: ReceiverMetrics;
  log: Pick<Logger, 'error' | 'warn'>;
  timeouts?: Partial<ReceiverTimeouts>;
  connectionLimits?: Partial<ConnectionLimits>;
  /** How many files this process may open; absent: what the system says. */
  openFiles?: number;
}

/** The HTTP server that VoIPBIN calls. */
export interface Receiver {
  /**
   * Starts to listen.
   * @returns the address that it answers at, `http://127.0.0.1:5000`.
   * @throws PortTaken.
   */
  listen(): Promise<string>;
  /** Accepts no new connections, answers the requests it has, then ends. Cuts off what takes longer than `close`. */
  close(): Promise<void>;
}

/**
 * Creates the webhook's HTTP server.
 *
 * Guarantees: 200 is sent only after the event and its plan are on the disk. Nothing but the disk stands between
 * request and answer. 503, which VoIPBIN sends again, three times in all, when the event cannot be stored; never 429.
 * Requests with a right signature are not slowed by others' noise, connections ({@link Connections}) or large bodies.
 */
export async function createReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { settings, ingest, metrics, log } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const callers = new Callers(settings.noisePerMinute);
  const trustedProxies = AddressList.parse(settings.trustProxy === false ? [] : settings.trustProxy);
  const openFiles = options.openFiles ?? openFilesLimit();
  const fitting = connectionLimitsFor(openFiles);
  if (fitting.total < DEFAULT_CONNECTION_LIMITS.total) {
    log.warn(
      { open_files: openFiles, connections: fitting.total },
      'the webhook takes fewer connections than it could, because this process may open few files: raise the limit to 8192 (ulimit -Hn, LimitNOFILE= of systemd)',
    );
  }
  const connections = new Connections({
    limits: { ...fitting, ...options.connectionLimits },
    trustedProxies,
    callers,
    onDropped: (reason) => metrics.connectionDropped(reason),
    log,
  });
  const http = newHttpServer(settings, { timeouts, connections, onClientError: () => metrics.refused('http') });
  const refusals = new Refusals(metrics);
  addWebhookEndpoint(http, { access: settings, trustedProxies, callers, ingest, metrics, refusals });
  http.get('/', (_request, reply) => sendJson(reply, { service: 'voipbin-bridge', webhook: WEBHOOK_PATH }));
  http.setNotFoundHandler((_request, reply) => refuseNotFound(reply));
  http.setErrorHandler((error, _request, reply) => {
    // The inbox logs its own outage, once.
    if (!(error instanceof InboxUnavailable)) {
      log.error({ error: error instanceof Error ? error.name : 'unknown' }, 'a request failed unexpectedly');
    }
    return refusals.unavailable(reply);
  });

  return {
    listen: async () => {
      try {
        await http.listen({ host: settings.host, port: settings.port, backlog: BACKLOG });
      } catch (error) {
        throw portError(error, settings.port, settings.host, 'PORT');
      }
      return urlOf(http, settings);
    },
    close: async () => {
      const cutOff = setTimeout(() => http.server.closeAllConnections(), timeouts.close);
      // Connections that were busy when the close began would else stay for their keep-alive time.
      const closeIdle = setInterval(() => http.server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
      try {
        await http.close();
      } finally {
        clearTimeout(cutOff);
        clearInterval(closeIdle);
      }
    },
  };
}
