import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createServer as createHttpServer, METHODS } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ownNumbersIn, type OwnNumbers } from '../events/own-numbers';
import type { Inbox } from '../inbox/inbox';
import { InboxUnavailable } from '../inbox/inbox-unavailable';
import { portError } from '../settings/port-taken';
import type { Secret } from '../settings/secret';
import { AllowList } from '../net/address-list';
import { answerClientError } from './client-error';
import type { ReceiverMetrics, RefusalReason } from './metrics';
import { BodyMemory, readBody } from './read-body';
import { takeEvent, type EventRules, type MatchedEvent, type NotAnEvent } from '../ingest/match-event';
import { isSignature, VerifiedRequest, type RawRequest } from './verified-request';

/** Where VoIPBIN's webhook URI points. A trailing slash is fine. */
export const WEBHOOK_PATH = '/voipbin/webhook';

/**
 * The largest body that is taken. Bytes. VoIPBIN sets no limit; an `activeflow_updated` of a hundred actions is the
 * largest known.
 */
export const MAX_BODY_BYTES = 10 * 1_048_576;

/** All bodies above 64 KiB that are being read together. */
const MAX_BODIES_BYTES = 256 * 1_048_576;
/**
 * A refused body up to this size is read to its end and dropped, so that its sender sees the answer rather than a
 * broken connection.
 */
const DRAIN_BYTES = 64 * 1_048_576;
const MAX_CONNECTIONS = 4_096;
/** VoIPBIN's settings allow these four. */
const EVENT_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'GET', 'DELETE']);
const ALLOWED_METHODS = [...EVENT_METHODS].join(', ');
const JSON_TYPE = 'application/json; charset=utf-8';

/** Time-outs, in milliseconds. */
export interface ReceiverTimeouts {
  /**
   * An idle connection is kept this long: longer than the sender's own 30 s, or it would hit connections that just
   * closed.
   */
  keepAlive: number;
  /** From a connection's first byte to the end of the headers. */
  headers: number;
  /** To the end of the body. */
  request: number;
  /** How often the two above are looked at. */
  check: number;
  /** {@link Receiver.close} waits this long for requests under way. */
  close: number;
}

const TIMEOUTS: ReceiverTimeouts = { keepAlive: 65_000, headers: 15_000, request: 30_000, check: 2_000, close: 10_000 };

/** The receiver's settings. */
export interface ReceiverSettings {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Valid webhook secrets; several while rotating. None: nothing is verified. */
  secrets: readonly Secret[];
  /** IP addresses and CIDR ranges that may call the webhook; none: everyone. */
  allow: readonly string[];
  /** Proxies whose `X-Forwarded-For` is believed: addresses or ranges; true for any, false for none. */
  trustProxy: boolean | string[];
  /** PEM texts; null for plain HTTP. */
  tls: { cert: string; key: Secret } | null;
  /**
   * Requests with a wrong signature (or, where no secret is set, with a body that is no event) per address and minute,
   * beyond which they are dealt with cheaply.
   */
  noisePerMinute: number;
}

/** A log that takes an allow-listed object and a sentence. */
export interface ReceiverLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** What {@link createReceiver} needs. */
export interface ReceiverOptions {
  settings: ReceiverSettings;
  inbox: Pick<Inbox, 'append' | 'quarantine' | 'learnOwnNumbers'>;
  /** The rules in force; asked for every event, so that a reload takes effect at once. */
  ruleSet: () => EventRules;
  ownNumbers: OwnNumbers;
  metrics: ReceiverMetrics;
  log: ReceiverLog;
  timeouts?: Partial<ReceiverTimeouts>;
}

/** The running HTTP door. */
export interface Receiver {
  /**
   * Starts to listen.
   * @returns the address that it answers at, `http://127.0.0.1:5000`.
   * @throws PortTaken.
   */
  listen(): Promise<string>;
  /** Takes no new connections, answers what it has, then ends; what is not done in time is cut off. */
  close(): Promise<void>;
}

/**
 * The webhook's HTTP edge: every request is answered as DESIGN "Names" says or refused, in this order: address, method,
 * size, signature, content encoding, JSON and envelope.
 *
 * Guarantees: 200 is sent only after the event and its plan are on the disk; nothing but the disk stands between
 * request and answer; 503 (which VoIPBIN sends again, three times in all) when it cannot be kept; never 429. Requests
 * with a right signature are never slowed by others' noise.
 */
export async function createReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { settings, metrics, log } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const http = newServer(settings, timeouts, metrics);
  await http.register(rateLimit, {
    global: false,
    max: settings.noisePerMinute,
    timeWindow: 60_000,
    cache: 10_000,
    ipv6Subnet: 64,
  });
  const countNoise = http.createRateLimit();
  const memory = new BodyMemory(MAX_BODIES_BYTES);

  /** Counts a request that is noise. @returns whether its address has sent too much of it. */
  const isTooNoisy = async (request: FastifyRequest): Promise<boolean> => {
    const verdict = await countNoise(request);
    return !verdict.isAllowed && verdict.isExceeded;
  };

  const refuse = (reply: FastifyReply, status: number, reason: RefusalReason, message: string): FastifyReply => {
    metrics.refused(reason);
    return reply
      .code(status)
      .header('content-type', JSON_TYPE)
      .send(JSON.stringify({ error: reason, message }));
  };

  const refuseSignature = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (await isTooNoisy(request)) {
      void reply.header('connection', 'close');
    }
    return refuse(
      reply,
      401,
      'signature',
      'the X-VoIPBIN-Signature header is missing or was not made with a secret of this bridge',
    );
  };

  const receive = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const began = performance.now();
    const { method, headers } = request;
    const hasBody = 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0;
    if (!hasBody && method === 'GET') {
      return reply
        .header('content-type', JSON_TYPE)
        .send('{"service":"voipbin-bridge","message":"VoIPBIN events are taken here, by POST or PUT."}');
    }
    if (!hasBody && method === 'DELETE') {
      return refuseMethod(reply);
    }
    const declared = Number(headers['content-length'] ?? 0);
    if (declared > MAX_BODY_BYTES) {
      return refuseSize(reply, declared);
    }
    const signature = headerOf(headers['x-voipbin-signature']);
    if (settings.secrets.length > 0 && !isSignature(signature)) {
      return refuseSignature(request, reply);
    }
    const read = await readBody(request.raw, MAX_BODY_BYTES, memory);
    if (!read.ok) {
      return refuseRead(reply, read.why);
    }
    const raw: RawRequest = {
      body: read.body,
      signature,
      contentType: headerOf(headers['content-type']),
      contentEncoding: headerOf(headers['content-encoding']),
      receivedAt: new Date(),
    };
    const verified = VerifiedRequest.check(raw, settings.secrets);
    if (verified === null) {
      return refuseSignature(request, reply);
    }
    if (verified.contentEncoding !== null && verified.contentEncoding.toLowerCase() !== 'identity') {
      return refuse(reply, 415, 'encoding', 'the body must not be compressed (Content-Encoding: identity)');
    }
    const taken = takeEvent(verified, options.ownNumbers, options.ruleSet());
    return taken.ok ? keep(taken.matched, reply, began) : setApart(taken, verified, request, reply);
  };

  const keep = async (matched: MatchedEvent, reply: FastifyReply, began: number): Promise<FastifyReply> => {
    const { event, plan, ruleset, body, contentType } = matched;
    const outcome = await options.inbox.append({ event, body, content_type: contentType, ruleset, plan });
    metrics.received(event.type, outcome, (performance.now() - began) / 1_000);
    if (outcome !== 'duplicate') {
      learn(event);
    }
    return acknowledge(reply, `{"status":"${outcome}","id":${JSON.stringify(event.event_id)}}`);
  };

  /**
   * Remembers numbers that the event shows to be ours. Nobody waits for it: what is lost is learnt again from the next
   * event.
   */
  const learn = (event: MatchedEvent['event']): void => {
    const fresh = ownNumbersIn(event).filter((number) => options.ownNumbers.learn(number));
    if (fresh.length > 0) {
      options.inbox
        .learnOwnNumbers(fresh)
        .catch(() => log.warn({}, 'a number of ours could not be remembered; it is learnt again from the next event'));
    }
  };

  const setApart = async (
    found: NotAnEvent,
    verified: VerifiedRequest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const isBug = found.fault === 'bug';
    // Who needs no signature could otherwise push everything else out of the quarantine.
    if (!isBug && settings.secrets.length === 0 && (await isTooNoisy(request))) {
      return refuse(
        reply,
        400,
        'not_an_event',
        `${found.message}; too many such requests came from this address, so this one is not kept`,
      );
    }
    const { body, contentType, receivedAt } = verified;
    const id = await options.inbox.quarantine({
      reason: `${found.fault}: ${found.message}`,
      received_at: receivedAt,
      content_type: contentType,
      body,
    });
    metrics.quarantined(found.fault);
    if (!isBug) {
      return refuse(
        reply,
        400,
        'not_an_event',
        `${found.message}; it is kept as ${id} (bridge events list --quarantine)`,
      );
    }
    log.error(
      { quarantine: id, error: found.error instanceof Error ? found.error.name : 'unknown' },
      'the bridge could not make an event of a body; it is kept (bridge events list --quarantine): please report this',
    );
    // It is on the disk and the fault is ours, so the sender's part is done: another try would end the same way.
    return reply.header('content-type', JSON_TYPE).send(`{"status":"received","id":"quarantine/${id}"}`);
  };

  const refuseMethod = (reply: FastifyReply): FastifyReply => {
    void reply.header('allow', ALLOWED_METHODS);
    return refuse(reply, 405, 'method', `events are taken by POST or PUT at ${WEBHOOK_PATH}`);
  };

  const refuseSize = (reply: FastifyReply, bytes: number): FastifyReply => {
    if (bytes > DRAIN_BYTES) {
      void reply.header('connection', 'close');
    }
    return refuse(reply, 413, 'too_large', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  };

  const refuseRead = (reply: FastifyReply, why: 'too_large' | 'busy' | 'broken'): FastifyReply => {
    switch (why) {
      case 'too_large':
        return refuseSize(reply.header('connection', 'close'), 0);
      case 'busy':
        void reply.header('connection', 'close');
        return refuse(reply, 503, 'busy', 'too many large bodies are being read at once');
      case 'broken':
        return refuse(reply, 400, 'broken', 'the connection ended before the body did');
    }
  };

  const allowList = settings.allow.length > 0 ? new AllowList(settings.allow) : null;
  for (const url of [WEBHOOK_PATH, `${WEBHOOK_PATH}/`]) {
    http.route({
      // Every method, so that the router alone decides what is a request to the webhook, and the address check sits on
      // its routes: a second reading of the URL would not know every spelling of it (%77ebhook,
      // http://host/voipbin/webhook, a # at the end).
      method: [...http.supportedMethods],
      url,
      onRequest: (request, reply, done) => {
        if (allowList !== null && !allowList.allows(request.ip)) {
          refuse(reply, 403, 'address', 'this address may not call the webhook');
        } else {
          done();
        }
      },
      handler: (request, reply) => (EVENT_METHODS.has(request.method) ? receive(request, reply) : refuseMethod(reply)),
    });
  }
  http.get('/', (_request, reply) =>
    reply.header('content-type', JSON_TYPE).send(JSON.stringify({ service: 'voipbin-bridge', webhook: WEBHOOK_PATH })),
  );
  http.setNotFoundHandler((_request, reply) => notFound(reply));
  http.setErrorHandler((error, _request, reply) => {
    if (error instanceof InboxUnavailable) {
      // The inbox itself tells the log, once for the whole outage.
      return refuse(reply, 503, 'unavailable', 'the event could not be kept; please send it again');
    }
    log.error({ error: error instanceof Error ? error.name : 'unknown' }, 'a request failed unexpectedly');
    return refuse(reply, 503, 'unavailable', 'the event could not be taken; please send it again');
  });

  return {
    listen: async () => {
      try {
        await http.listen({ host: settings.host, port: settings.port });
      } catch (error) {
        throw portError(error, settings.port, settings.host, 'PORT');
      }
      return urlOf(http, settings);
    },
    close: async () => {
      const cut = setTimeout(() => http.server.closeAllConnections(), timeouts.close);
      // Connections that were answering when the close began would else stay for their keep-alive time.
      const sweep = setInterval(() => http.server.closeIdleConnections(), 50);
      try {
        await http.close();
      } finally {
        clearTimeout(cut);
        clearInterval(sweep);
      }
    },
  };
}

function newServer(settings: ReceiverSettings, timeouts: ReceiverTimeouts, metrics: ReceiverMetrics): FastifyInstance {
  const limits = {
    keepAliveTimeout: timeouts.keepAlive,
    headersTimeout: timeouts.headers,
    requestTimeout: timeouts.request,
    connectionsCheckingInterval: timeouts.check,
  };
  const http = fastify({
    logger: false,
    trustProxy: settings.trustProxy,
    exposeHeadRoutes: false,
    // While closing, what still arrives on open connections is taken as before, with `Connection: close`.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      metrics.refused('http');
      answerClientError(error, socket);
    },
    // URLs that cannot be decoded.
    frameworkErrors: (_error, _request, reply) => {
      void notFound(reply);
    },
    serverFactory: (handler) =>
      settings.tls === null
        ? createHttpServer(limits, handler)
        : createHttpsServer(
            { ...limits, cert: settings.tls.cert, key: settings.tls.key.reveal(), minVersion: 'TLSv1.2' },
            handler,
          ),
  });
  http.server.maxConnections = MAX_CONNECTIONS;
  // Fastify would read bodies by content type, and none on GET; the receiver reads them itself, from the raw stream,
  // for every method.
  for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
    http.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  return http;
}

/**
 * Answers an event. Past Fastify's own sending, whose hooks and serialisers have nothing to do here and cost a tenth of
 * an ack.
 */
function acknowledge(reply: FastifyReply, json: string): FastifyReply {
  reply.hijack();
  // Event ids are ASCII, so characters are bytes.
  reply.raw.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': json.length });
  reply.raw.end(json);
  return reply;
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .header('content-type', JSON_TYPE)
    .send(JSON.stringify({ error: 'not_found', message: `the webhook is at ${WEBHOOK_PATH}` }));
}

function headerOf(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : (value?.join(', ') ?? null);
}

function urlOf(http: FastifyInstance, settings: ReceiverSettings): string {
  const address: AddressInfo | string | null = http.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : settings.port;
  const host = settings.host === '0.0.0.0' || settings.host === '::' ? '127.0.0.1' : settings.host;
  return `${settings.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
