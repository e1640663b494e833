import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { takenBy } from './taken';
import type { JsonObject } from '../../../events/json';
import type { RunningStandIn } from '../../connector';
import type { AccountOptions } from './account-options';
import { Faults, type FailureOrder } from './faults';
import { StandInAccount, type StandInOwner, type StandInRecord } from './records';
import { addRoutes } from './routes';
import { refuseMissingScopes, type Scope } from './scopes';

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
  /** How long an answer takes; 0 by default. */
  answerDelayMs?: number;
  /** Scopes that the token does not have: what needs them is answered with 403. */
  missingScopes?: readonly Scope[];
  /**
   * Whether every e-mail address is that of a user (the default, so that rules with their own `owner` work in a
   * demonstration), or only those of {@link SEED_OWNERS}.
   */
  knowsEveryOwner?: boolean;
  /** Properties of the contacts to begin with, instead of {@link SEED_CONTACTS}. */
  contacts?: readonly Readonly<Record<string, string>>[];
}

/** HubSpot's own limits of an account with a Free or Starter subscription, and about its pace. */
export const REAL_LIMITS = {
  requestsPerTenSeconds: 100,
  searchesPerSecond: 5,
  answerDelayMs: 150,
  indexDelayMs: 5_000,
} as const satisfies HubSpotStandInOptions;

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

const TEN_SECONDS_MS = 10_000;
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
    batches: options.batches ?? 'each',
    resultsCarryTraceIds: options.resultsCarryTraceIds ?? true,
  });
  for (const properties of options.contacts ?? SEED_CONTACTS) {
    account.create('contacts', properties);
  }
  account.settle();
  const seeds = new Set(account.list('contacts').map(({ id }) => id));

  const app = fastify({
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    rewriteUrl: ({ url = '/' }) => clientPath(url),
  });
  const requests: RequestSeen[] = [];
  const faults = new Faults();
  const requestLimit = limit(options.requestsPerTenSeconds ?? null, TEN_SECONDS_MS);
  app.addHook('preHandler', async (request, reply) => {
    requests.push({ method: request.method, url: request.originalUrl, body: request.body, at: Date.now() });
    requests.splice(0, requests.length - REQUESTS_KEPT);
    if (faults.strike(request, reply)) {
      return reply;
    }
    if (options.answerDelayMs !== undefined) {
      await delay(options.answerDelayMs);
    }
    const remaining = requestLimit();
    // HubSpot's searches tell no limits, as its usage guidelines say.
    if (options.requestsPerTenSeconds && !request.url.endsWith('/search')) {
      reply.headers({
        'x-hubspot-ratelimit-max': options.requestsPerTenSeconds,
        'x-hubspot-ratelimit-remaining': Math.max(0, remaining),
        'x-hubspot-ratelimit-interval-milliseconds': TEN_SECONDS_MS,
      });
    }
    if (remaining < 0) {
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
  const searchLimit = limit(options.searchesPerSecond ?? null, 1_000);
  refuseMissingScopes(app, options.missingScopes ?? []);
  app.addHook('onSend', async (request, reply) => faults.afterEffect(request, reply));
  answerErrorsLikeHubSpot(app);
  addRoutes(app, {
    account,
    owners: SEED_OWNERS,
    knowsEveryOwner: options.knowsEveryOwner ?? true,
    batches: options.batches ?? 'each',
    resultsCarryTraceIds: options.resultsCarryTraceIds ?? true,
    searchAllowed: () => searchLimit() >= 0,
  });
  await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  // The stand-in's pace, not HubSpot's, unless it has limits of its own.
  const pace: JsonObject = {
    ...((options.searchesPerSecond ?? null) === null ? { searches_per_second: 10_000 } : {}),
    ...(options.requestsPerTenSeconds === REAL_LIMITS.requestsPerTenSeconds ? { requests_per_second: 9 } : {}),
  };
  const url = `http://127.0.0.1:${portOf(app.server.address())}`;

  return {
    settings: { access_token: accessToken, base_url: url, ...pace },
    url,
    account,
    owners: SEED_OWNERS,
    requests,
    taken: () => takenBy(account, seeds),
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
    .replace(/^\/crm\/associations\/20\d\d-\d\d\//, '/crm/v4/associations/')
    .replace(/^\/crm\/objects\/20\d\d-\d\d\/(?=[^?]*\/associations\/)/, '/crm/v4/objects/')
    .replace(/^\/crm\/objects\/20\d\d-\d\d\//, '/crm/v3/objects/')
    .replace(/^\/crm\/(properties|owners)\/20\d\d-\d\d/, '/crm/v3/$1');
}

/**
 * Counts requests: how many more are allowed in this span of time, -1 for one that is too many. Null allows all.
 */
function limit(most: number | null, spanMs: number): () => number {
  let recent: number[] = [];
  return () => {
    if (most === null) {
      return Number.POSITIVE_INFINITY;
    }
    const now = Date.now();
    recent = recent.filter((at) => now - at < spanMs);
    if (recent.length >= most) {
      return -1;
    }
    recent.push(now);
    return most - recent.length;
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') {
    throw new TypeError('the HubSpot stand-in listens on no port');
  }
  return address.port;
}
