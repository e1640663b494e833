import { z } from 'zod';
import { isLoopback } from '../../net/host-list';
import { Secret } from '../../settings/secret';
import { parseJson } from './api-failure';
import { answerFailure, unexpectedAnswer, type ApiAnswer, type ApiRequest, type Transport } from './transport';

/** Lists are short; a server that never ends one is not read for ever. */
const MOST_PAGES = 20;

/**
 * Which API an account has for its webhook. `subscriptions`: `/webhooks`, as VoIPBIN's page on webhooks documents it, with
 * event types. `customer`: one address in the customer's record, which gets every event.
 */
export type WebhookApi = 'subscriptions' | 'customer';

/** A webhook of the API `subscriptions`. */
export interface Registration {
  id: string;
  name: string;
  detail: string;
  uri: string;
  method: string;
  event_types: string[];
  /** `active`, or what VoIPBIN says; null when it does not. */
  status: string | null;
}

/** What a new webhook is made of. */
export type NewRegistration = Pick<Registration, 'name' | 'detail' | 'uri' | 'method' | 'event_types'>;

/** The address in the customer's record. */
export interface CustomerWebhook {
  /** Empty: events are sent nowhere. */
  uri: string;
  method: string;
}

/** The parts of the customer's record that belong to webhooks. */
export interface CustomerRecord extends CustomerWebhook {
  id: string;
  /** What VoIPBIN signs events with; null when it shows none. */
  secret: Secret | null;
}

const registration = z.object({
  id: z.string(),
  name: z.string().nullish(),
  detail: z.string().nullish(),
  uri: z.string().nullish(),
  method: z.string().nullish(),
  event_types: z.array(z.string()).nullish(),
  status: z.string().nullish(),
});
const registrations = z.object({ result: z.array(registration).nullish(), next_page_token: z.string().nullish() });

const customer = z.looseObject({
  id: z.string(),
  webhook_uri: z.string().nullish(),
  webhook_method: z.string().nullish(),
  webhook_secret: z.string().nullish(),
});

/** `PUT /customer` replaces all of these: one that is left out becomes empty (VoIPBIN's openapi.json calls all required). */
const REPLACED = ['name', 'detail', 'email', 'phone_number', 'address'] as const;
/** What a change of the webhook may change in the customer's record. */
const CHANGES = new Set(['webhook_uri', 'webhook_method', 'tm_update']);

/**
 * The webhooks of the account: both APIs that VoIPBIN has for them. Makes one attempt per call.
 *
 * Guaranteed: everything else in the customer's record stays as it was read just before. Not guaranteed: that a change of
 * the record by somebody else at the same moment survives (VoIPBIN has no conditional requests), and whether a change was
 * made when its answer is lost: read it again.
 */
export class Webhooks {
  constructor(private readonly transport: Transport) {}

  /** Whether this VoIPBIN runs on this machine: a stand-in, or one under test. It calls private addresses, too. */
  get isLocal(): boolean {
    return isLoopback(new URL(this.transport.baseUrl).hostname);
  }

  /** Finds out which API the account has. @throws ActionError. */
  async findApi(signal: AbortSignal): Promise<WebhookApi> {
    const answer = await this.transport.request({ method: 'GET', path: '/webhooks' }, signal);
    // 405: another resource's route answers at that path.
    if (answer.status === 404 || answer.status === 405) {
      return 'customer';
    }
    read(answer, registrations);
    return 'subscriptions';
  }

  /** The webhooks, in VoIPBIN's order; of the first 20 pages. @throws ActionError. */
  async list(signal: AbortSignal): Promise<Registration[]> {
    const found: Registration[] = [];
    let token = '';
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const query: Record<string, string> = token === '' ? {} : { page_token: token };
      const { result, next_page_token } = await this.#ask(
        { method: 'GET', path: '/webhooks', query },
        registrations,
        signal,
      );
      const fresh = (result ?? []).map(asRegistration).filter(({ id }) => found.every((known) => known.id !== id));
      found.push(...fresh);
      token = next_page_token ?? '';
      if (token === '' || fresh.length === 0) {
        break;
      }
    }
    return found;
  }

  /** @throws ActionError; after one without an answer, look with {@link list} before another attempt. */
  async create(webhook: NewRegistration, signal: AbortSignal): Promise<Registration> {
    return asRegistration(
      await this.#ask({ method: 'POST', path: '/webhooks', body: { ...webhook } }, registration, signal),
    );
  }

  /** Changes the given members; the others stay. @throws ActionError. */
  async update(id: string, changes: Partial<NewRegistration>, signal: AbortSignal): Promise<Registration> {
    return asRegistration(
      await this.#ask({ method: 'PUT', path: pathOf(id), body: { ...changes } }, registration, signal),
    );
  }

  /** @returns whether there was one. @throws ActionError. */
  async delete(id: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.transport.request({ method: 'DELETE', path: pathOf(id) }, signal);
    if (answer.status === 404) {
      return false;
    }
    expectSuccess(answer);
    return true;
  }

  /** The customer's record, as far as webhooks matter. @throws ActionError. */
  async customer(signal: AbortSignal): Promise<CustomerRecord> {
    const { id, webhook_uri, webhook_method, webhook_secret } = await this.#customer(signal);
    const hasSecret = webhook_secret !== undefined && webhook_secret !== null && webhook_secret !== '';
    return {
      id,
      uri: webhook_uri ?? '',
      method: webhook_method ?? '',
      secret: hasSecret ? new Secret(webhook_secret) : null,
    };
  }

  /**
   * Sets the address in the customer's record, and reads the record again.
   * @returns whether it is set now, and the names of other members that differ from before.
   * @throws ActionError.
   */
  async setCustomerWebhook(
    { uri, method }: CustomerWebhook,
    signal: AbortSignal,
  ): Promise<{ isSet: boolean; alsoChanged: string[] }> {
    const before = await this.#customer(signal);
    const kept = Object.fromEntries(REPLACED.map((name) => [name, asJson(before[name])]));
    const body = { ...kept, webhook_uri: uri, webhook_method: method };
    expectSuccess(await this.transport.request({ method: 'PUT', path: '/customer', body }, signal));
    const after = await this.#customer(signal);
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return {
      isSet: (after.webhook_uri ?? '') === uri && (after.webhook_method ?? '') === method,
      alsoChanged: names.filter(
        (name) => !CHANGES.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
      ),
    };
  }

  #customer(signal: AbortSignal): Promise<z.infer<typeof customer>> {
    return this.#ask({ method: 'GET', path: '/customer' }, customer, signal);
  }

  async #ask<T>(asked: ApiRequest, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    return read(await this.transport.request(asked, signal), schema);
  }
}

function asRegistration(found: z.infer<typeof registration>): Registration {
  const { id, name, detail, uri, method, event_types, status } = found;
  return {
    id,
    name: name ?? '',
    detail: detail ?? '',
    uri: uri ?? '',
    method: method ?? '',
    event_types: event_types ?? [],
    status: status ?? null,
  };
}

function pathOf(id: string): string {
  return `/webhooks/${encodeURIComponent(id)}`;
}

/** VoIPBIN leaves out what is empty. */
function asJson(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function read<T>(answer: ApiAnswer, schema: z.ZodType<T>): T {
  expectSuccess(answer);
  const parsed = schema.safeParse(parseJson(answer.body));
  if (!parsed.success) {
    throw unexpectedAnswer();
  }
  return parsed.data;
}

function expectSuccess(answer: ApiAnswer): void {
  if (answer.status < 200 || answer.status >= 300) {
    throw answerFailure(answer);
  }
}
