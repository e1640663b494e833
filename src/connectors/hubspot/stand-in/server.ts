import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../../../events/json';
import type { RunningStandIn } from '../../connector';
import type { AccountOptions } from './account-options';
import { StandInAccount, type StandInOwner, type StandInRecord } from './records';
import { addRoutes } from './routes';
import { refuseMissingScopes, type Scope } from './scopes';

/** How the stand-in goes wrong. `lose_answer` does what was asked and then drops the connection. */
export type FailureKind =
  { status: number; body?: string; headers?: Record<string, string> } | 'hang' | 'reset' | 'lose_answer' | 'html';

/** Which requests are to go wrong, and how. */
export interface FailureOrder {
  /** Only this method. */
  method?: string;
  /** Only paths that hold this text, or fit this pattern; the path without its query. */
  path?: string | RegExp;
  /** How many requests; one when absent. */
  times?: number;
  /** `{status, body, headers}` is sent exactly so: no content type unless given. `html` is a gateway's 502 page. */
  how: FailureKind;
}

/** A request that the stand-in got. */
export interface RequestSeen {
  method: string;
  /** With its query. */
  url: string;
  /** The parsed body; undefined when it had none. */
  body: unknown;
  /** Milliseconds since the epoch. */
  at: number;
}

/** How to start the stand-in. Everything has a default that suits a demonstration. */
export interface HubSpotStandInOptions extends Partial<AccountOptions> {
  /** 0 or absent: a free one. */
  port?: number;
  /** The only token that is accepted. */
  accessToken?: string;
  /**
   * The account's own limit; null (the default) is none, so that a demonstration or burst is not slowed to HubSpot's
   * five.
   */
  searchesPerSecond?: number | null;
  /** HubSpot's 100 (or 190) requests of an app in ten seconds; null (the default) is no limit. */
  requestsPerTenSeconds?: number | null;
  /** Scopes that the token does not have: what needs them is answered with 403. */
  missingScopes?: readonly Scope[];
  /** Properties of the contacts to begin with, instead of {@link SEED_CONTACTS}. */
  contacts?: readonly Readonly<Record<string, string>>[];
}

/**
 * HubSpot's CRM API on loopback: contacts, calls, tasks, their associations, properties, search and owners, kept in
 * memory (at most `capacity` records of a type). What it holds and what it was asked can be read at any time;
 * `failNext` makes it go wrong.
 */
export interface HubSpotStandIn extends RunningStandIn {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** All records, oldest first; copies, taken when read. */
  readonly contacts: StandInRecord[];
  readonly calls: StandInRecord[];
  readonly tasks: StandInRecord[];
  readonly owners: readonly StandInOwner[];
  /** The last 2,000 requests, oldest first, those that were made to fail included. */
  readonly requests: readonly RequestSeen[];
  /**
   * The account itself, to change what a person would change in HubSpot: add or remove contacts and properties, take an
   * association away.
   */
  readonly account: StandInAccount;
  /** Makes the next fitting requests go wrong. Several orders are used up in the order in which they were given. */
  failNext(order: FailureOrder): void;
  /** Forgets all orders, and drops requests that hang. */
  heal(): void;
}

const REQUESTS_KEPT = 2_000;
/** HubSpot's search sees new data after a few seconds. */
const INDEX_DELAY_MS = 3_000;
const DEFAULT_CAPACITY = 50_000;

/** The account's owners to begin with. */
export const SEED_OWNERS: readonly StandInOwner[] = [
  { id: '71001', email: 'jane.owner@example.com', firstName: 'Jane', lastName: 'Owner' },
  { id: '71002', email: 'minsu.owner@example.com', firstName: 'Minsu', lastName: 'Owner' },
];

/** The contacts to begin with: the numbers of the webhook page's samples, each written in another way. */
export const SEED_CONTACTS: readonly Readonly<Record<string, string>>[] = [
  {
    firstname: 'Ada',
    lastname: 'Sample',
    email: 'ada.sample@example.com',
    phone: '+1 (555) 123-4567',
    hubspot_owner_id: '71001',
  },
  {
    firstname: 'Bo',
    lastname: 'Sample',
    email: 'bo.sample@example.com',
    mobilephone: '555.987.6543',
    hubspot_owner_id: '71001',
  },
  {
    firstname: 'Chae-won',
    lastname: 'Sample',
    email: 'chaewon.sample@example.com',
    phone: '011-0000-0002',
    hubspot_owner_id: '71002',
  },
];

/** Starts the stand-in on loopback. */
export async function startHubSpotStandIn(options: HubSpotStandInOptions = {}): Promise<HubSpotStandIn> {
  const accessToken = options.accessToken ?? 'stand-in-token';
  const account = new StandInAccount({
    indexDelayMs: options.indexDelayMs ?? INDEX_DELAY_MS,
    country: options.country ?? 'US',
    conflictStatus: options.conflictStatus ?? 409,
    conflictNamesId: options.conflictNamesId ?? true,
    uniqueProperties: options.uniqueProperties ?? {},
    noIdProperty: options.noIdProperty ?? 'coded',
    removedKeepsValue: options.removedKeepsValue ?? true,
    searchableZeros: options.searchableZeros ?? 'dropped',
    validatesPhones: options.validatesPhones ?? false,
    capacity: options.capacity ?? DEFAULT_CAPACITY,
  });
  for (const properties of options.contacts ?? SEED_CONTACTS) {
    account.create('contacts', properties);
  }
  account.settle();

  const app = fastify({
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    rewriteUrl: ({ url = '/' }) => clientPath(url),
  });
  const requests: RequestSeen[] = [];
  const faults = new Faults();
  const requestAllowed = limit(options.requestsPerTenSeconds ?? null, 10_000);
  app.addHook('preHandler', async (request, reply) => {
    requests.push({ method: request.method, url: request.originalUrl, body: request.body, at: Date.now() });
    requests.splice(0, requests.length - REQUESTS_KEPT);
    if (faults.strike(request, reply)) {
      return reply;
    }
    if (!requestAllowed()) {
      return reply.code(429).send({
        status: 'error',
        message: 'You have reached your ten_secondly_rolling limit.',
        errorType: 'RATE_LIMIT',
        policyName: 'TEN_SECONDLY_ROLLING',
        correlationId: randomUUID(),
      });
    }
    if (request.headers.authorization !== `Bearer ${accessToken}`) {
      const message =
        'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview';
      return reply
        .code(401)
        .send({ status: 'error', message, correlationId: randomUUID(), category: 'INVALID_AUTHENTICATION' });
    }
  });
  refuseMissingScopes(app, options.missingScopes ?? []);
  app.addHook('onSend', async (request, reply) => faults.afterEffect(request, reply));
  answerErrorsLikeHubSpot(app);
  addRoutes(app, {
    account,
    owners: SEED_OWNERS,
    searchAllowed: limit(options.searchesPerSecond ?? null, 1_000),
  });
  await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  // The stand-in's pace, not HubSpot's, unless it has a limit of its own.
  const pace: JsonObject = (options.searchesPerSecond ?? null) === null ? { searches_per_second: 10_000 } : {};
  const url = `http://127.0.0.1:${portOf(app.server.address())}`;

  return {
    settings: { access_token: accessToken, base_url: url, ...pace },
    url,
    account,
    owners: SEED_OWNERS,
    requests,
    get contacts() {
      return account.list('contacts');
    },
    get calls() {
      return account.list('calls');
    },
    get tasks() {
      return account.list('tasks');
    },
    failNext: (order) => faults.add(order),
    heal: () => faults.heal(),
    stop: async () => {
      faults.heal();
      await app.close();
    },
  };
}

/** The failures that were ordered, and the requests that hang because of them. */
class Faults {
  #orders: (FailureOrder & { left: number })[] = [];
  readonly #hanging = new Set<FastifyReply>();
  readonly #losing = new WeakSet<FastifyRequest>();

  add(order: FailureOrder): void {
    this.#orders.push({ ...order, left: order.times ?? 1 });
  }

  heal(): void {
    this.#orders = [];
    for (const reply of this.#hanging) {
      reply.raw.destroy();
    }
    this.#hanging.clear();
  }

  /** @returns whether the request is answered, or never will be. */
  strike(request: FastifyRequest, reply: FastifyReply): boolean {
    const path = request.url.split('?')[0] ?? '';
    const order = this.#orders.find((candidate) => fits(candidate, request.method, path));
    if (order === undefined) {
      return false;
    }
    order.left -= 1;
    this.#orders = this.#orders.filter((candidate) => candidate.left > 0);
    if (order.how === 'lose_answer') {
      this.#losing.add(request);
      return false;
    }
    reply.hijack();
    if (order.how === 'hang') {
      this.#hanging.add(reply);
      reply.raw.on('close', () => this.#hanging.delete(reply));
    } else if (order.how === 'reset') {
      request.raw.socket.resetAndDestroy();
    } else if (order.how === 'html') {
      reply.raw
        .writeHead(502, { 'content-type': 'text/html' })
        .end('<html><body><h1>502 Bad Gateway</h1></body></html>');
    } else {
      reply.raw.writeHead(order.how.status, order.how.headers ?? {}).end(order.how.body ?? '');
    }
    return true;
  }

  /** Drops the connection of a request whose answer is to be lost: its effect is done. */
  afterEffect(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#losing.has(request)) {
      reply.raw.destroy();
    }
  }
}

function fits(order: FailureOrder, method: string, path: string): boolean {
  const onPath =
    order.path === undefined || (typeof order.path === 'string' ? path.includes(order.path) : order.path.test(path));
  return onPath && (order.method === undefined || order.method.toUpperCase() === method);
}

function answerErrorsLikeHubSpot(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ status: 'error', message: 'resource not found', correlationId: randomUUID() }),
  );
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    const status = error instanceof z.ZodError ? 400 : (error.statusCode ?? 500);
    return reply.code(status).send({
      status: 'error',
      message: 'Invalid input JSON',
      correlationId: randomUUID(),
      category: status < 500 ? 'VALIDATION_ERROR' : 'INTERNAL',
    });
  });
}

/** The path of @hubspot/api-client for a date-based one; others unchanged. */
function clientPath(url: string): string {
  return url
    .replace(/^\/crm\/objects\/20\d\d-\d\d\/(?=[^?]*\/associations\/)/, '/crm/v4/objects/')
    .replace(/^\/crm\/objects\/20\d\d-\d\d\//, '/crm/v3/objects/')
    .replace(/^\/crm\/(properties|owners)\/20\d\d-\d\d/, '/crm/v3/$1');
}

/** Allows so many requests in any span of this length; null allows all. */
function limit(most: number | null, spanMs: number): () => boolean {
  let recent: number[] = [];
  return () => {
    const now = Date.now();
    recent = recent.filter((at) => now - at < spanMs);
    if (most !== null && recent.length >= most) {
      return false;
    }
    if (most !== null) {
      recent.push(now);
    }
    return true;
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') {
    throw new TypeError('the HubSpot stand-in listens on no port');
  }
  return address.port;
}
