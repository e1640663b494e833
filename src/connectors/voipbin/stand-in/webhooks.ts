import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { JsonObject } from '../../../events/json';
import { subscriptionCovers } from '../../../events/subscriptions';
import { requestOnce } from '../../../net/request-once';
import { SIGNATURE_HEADER, webhookSignature } from '../../../net/webhook-signature';
import { keep } from './lists';
import { refuse } from './refuse';

/** As VoIPBIN's sender has it: three attempts, and the headers of an answer within 15 s. */
const ATTEMPTS = 3;
const ANSWER_WITHIN_MS = 15_000;
const RETRY_AFTER_MS = 1_000;
const MOST_WEBHOOKS = 100;

/** How the account has its webhooks. */
export interface WebhookOptions {
  /** Default `customer`, which VoIPBIN's source has. `subscriptions` is the API of its page on webhooks. */
  webhookApi?: 'customer' | 'subscriptions';
  /**
   * The event types that `/webhooks` takes, which the page leaves open: any name (default), only those of its list, or
   * only the dotted ones of its examples. Others are refused.
   */
  eventNames?: 'any' | 'listed' | 'dotted';
  /** Default `stand-in-webhook-secret`; empty: events are not signed. */
  webhookSecret?: string;
  /** Between two attempts; default a second. */
  webhookRetryAfterMs?: number;
}

/** One event's delivery to one webhook. */
export interface WebhookDelivery {
  type: string;
  uri: string;
  /** The status of each attempt; null where no answer came. */
  attempts: (number | null)[];
  /** Whether VoIPBIN counts it as delivered: every status below 500. */
  delivered: boolean;
}

const newWebhook = z.object({
  name: z.string().default(''),
  detail: z.string().default(''),
  uri: z.string().min(1),
  method: z.string().default('POST'),
  event_types: z.array(z.string()).default([]),
});
const changes = newWebhook.partial();
const standInEvent = z.object({ event: z.record(z.string(), z.json()), sign_with: z.string().optional() });

type Webhook = z.infer<typeof newWebhook> & { id: string; status: string; tm_create: string; tm_update: string };

/** Members of the customer's record that `PUT /customer` replaces; those that it is not given become empty. */
const REPLACED = ['name', 'detail', 'email', 'phone_number', 'address', 'webhook_method', 'webhook_uri'] as const;
type CustomerFields = Record<(typeof REPLACED)[number], string>;

/** The account's webhooks: both APIs, and the sender of events. State is in memory and bounded. */
export class StandInWebhooks {
  readonly customer: CustomerFields = {
    name: 'stand-in',
    detail: 'An account on this machine.',
    email: 'owner@stand-in.example',
    phone_number: '+15550000001',
    address: '1 Loopback Street',
    webhook_method: 'POST',
    webhook_uri: '',
  };
  readonly deliveries: WebhookDelivery[] = [];
  readonly secret: string;
  #webhooks: Webhook[] = [];
  readonly #closing = new AbortController();

  constructor(
    private readonly customerId: string,
    private readonly options: WebhookOptions,
  ) {
    this.secret = options.webhookSecret ?? 'stand-in-webhook-secret';
  }

  /** Adds the routes below `/v1.0`. `PUT /customer` answers without the secret, as VoIPBIN does. */
  serve(api: FastifyInstance, customerRest: () => JsonObject): void {
    const record = (): JsonObject => ({ id: this.customerId, ...this.customer, ...customerRest() });
    api.get('/customer', () => ({ ...record(), ...(this.secret === '' ? {} : { webhook_secret: this.secret }) }));
    api.put<{ Body: Record<string, unknown> | null }>('/customer', ({ body }) => {
      for (const name of REPLACED) {
        const value = body?.[name];
        this.customer[name] = typeof value === 'string' ? value : '';
      }
      return record();
    });
    // For the bridge's first steps: something happens in the account.
    api.post('/stand-in/events', (request) => {
      const { event, sign_with } = standInEvent.parse(request.body);
      return this.emit(event, sign_with);
    });
    if (this.options.webhookApi === 'subscriptions') {
      this.#serveWebhooks(api);
    }
  }

  #serveWebhooks(api: FastifyInstance): void {
    const find = (id: string): Webhook | undefined => this.#webhooks.find((webhook) => webhook.id === id);
    const shown = (webhook: Webhook): JsonObject => ({ ...webhook, customer_id: this.customerId });
    api.get('/webhooks', () => ({ result: this.#webhooks.map(shown) }));
    api.post('/webhooks', async (request, reply) => {
      const { success, data } = newWebhook.safeParse(request.body);
      if (!success || !this.#accepts(data.event_types) || this.#webhooks.length >= MOST_WEBHOOKS) {
        return refuse(reply, 400, 'INVALID_ARGUMENT', 'INVALID_WEBHOOK');
      }
      const now = new Date().toISOString();
      const webhook = { id: randomUUID(), ...data, status: 'active', tm_create: now, tm_update: now };
      this.#webhooks.push(webhook);
      return shown(webhook);
    });
    api.put<{ Params: { id: string } }>('/webhooks/:id', async (request, reply) => {
      const webhook = find(request.params.id);
      const { success, data } = changes.safeParse(request.body);
      if (webhook === undefined) {
        return refuse(reply, 404, 'NOT_FOUND', 'WEBHOOK_NOT_FOUND');
      }
      if (!success || !this.#accepts(data.event_types ?? [])) {
        return refuse(reply, 400, 'INVALID_ARGUMENT', 'INVALID_WEBHOOK');
      }
      const given = request.body as Record<string, unknown>;
      const changed = Object.entries(data).filter(([name]) => Object.hasOwn(given, name));
      Object.assign(webhook, Object.fromEntries(changed), { tm_update: new Date().toISOString() });
      return shown(webhook);
    });
    api.delete<{ Params: { id: string } }>('/webhooks/:id', async ({ params }, reply) => {
      const webhook = find(params.id);
      this.#webhooks = this.#webhooks.filter(({ id }) => id !== params.id);
      return webhook === undefined ? refuse(reply, 404, 'NOT_FOUND', 'WEBHOOK_NOT_FOUND') : shown(webhook);
    });
  }

  #accepts(types: readonly string[]): boolean {
    const { eventNames = 'any' } = this.options;
    return (
      eventNames === 'any' || types.every((type) => (eventNames === 'dotted' ? type.includes('.') : LISTED.has(type)))
    );
  }

  /**
   * Sends an event to every webhook that is to get it, as VoIPBIN does: signed; at most three attempts, a second apart;
   * another one only after no answer or a status from 500 on.
   * @param signWith instead of the account's secret.
   */
  async emit(event: JsonObject, signWith = this.secret): Promise<WebhookDelivery[]> {
    const type = typeof event['type'] === 'string' ? event['type'] : '';
    const body = JSON.stringify(event);
    const deliveries = await Promise.all(
      this.#receiversOf(type).map((receiver) => this.#deliver({ ...receiver, type, body, signWith })),
    );
    deliveries.forEach((delivery) => keep(this.deliveries, delivery));
    return deliveries;
  }

  #receiversOf(type: string): { uri: string; method: string }[] {
    if (this.options.webhookApi !== 'subscriptions') {
      const { webhook_uri: uri, webhook_method: method } = this.customer;
      return uri === '' ? [] : [{ uri, method }];
    }
    const { eventNames = 'any' } = this.options;
    return this.#webhooks.filter(({ event_types }) =>
      event_types.some((name) => (eventNames === 'dotted' ? subscriptionCovers(name, type) : name === type)),
    );
  }

  async #deliver(what: {
    uri: string;
    method: string;
    type: string;
    body: string;
    signWith: string;
  }): Promise<WebhookDelivery> {
    const { type, uri } = what;
    const attempts: (number | null)[] = [];
    while (attempts.length < ATTEMPTS && !this.#closing.signal.aborted) {
      if (attempts.length > 0) {
        await this.#pause();
      }
      const status = await this.#attempt(what);
      attempts.push(status);
      if (status !== null && status < 500) {
        return { type, uri, attempts, delivered: true };
      }
    }
    return { type, uri, attempts, delivered: false };
  }

  async #pause(): Promise<void> {
    const { signal } = this.#closing;
    await delay(this.options.webhookRetryAfterMs ?? RETRY_AFTER_MS, undefined, { signal }).catch(() => undefined);
  }

  async #attempt({ uri, method, body, signWith }: { uri: string; method: string; body: string; signWith: string }) {
    try {
      const { status } = await requestOnce(uri, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(signWith === '' ? {} : { [SIGNATURE_HEADER]: webhookSignature(body, signWith) }),
        },
        body,
        timeoutMs: ANSWER_WITHIN_MS,
        signal: this.#closing.signal,
      });
      return status;
    } catch {
      return null;
    }
  }

  stop(): void {
    this.#closing.abort();
  }
}

/** The types that VoIPBIN's page lists under "Webhook Event Types". */
const LISTED: ReadonlySet<string> = new Set(
  Object.entries({
    activeflow: 'created updated deleted',
    call: 'created ringing answered updated hungup',
    confbridge: 'created updated',
    conference: 'created updated',
    message: 'created updated deleted',
    queue: 'created updated',
    queuecall: 'created kicking serviced',
    recording: 'created updated deleted',
    transcribe: 'created updated deleted',
    transcript: 'created',
  }).flatMap(([resource, words]) => words.split(' ').map((word) => `${resource}_${word}`)),
);
