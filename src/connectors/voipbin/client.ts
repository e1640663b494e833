import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { readParty } from '../../events/address';
import type { JsonObject } from '../../events/json';
import { objectsAt } from '../../events/payload';
import type { HostList } from '../../net/host-list';
import type { Secret } from '../../settings/secret';
import { parseJson } from './api-failure';
import { postMessage, type SendAnswer, type TextMessage } from './post-message';
import { createDownloader, type Downloader } from './download';
import { answerFailure, Transport, unexpectedAnswer, type ApiAnswer, type ApiRequest } from './transport';
import { Webhooks } from './webhooks';

/** VoIPBIN packs the ZIP before it redirects, which takes up to 300 s there (reference voipbin.md 5). */
const PACK_TIMEOUT_MS = 100_000;
const MOST_NUMBER_PAGES = 50;
const PAGE_SIZE = 100;

/** The lists that VoIPBIN pages, newest first. */
export type ListedResource = 'calls' | 'messages' | 'recordings' | 'numbers' | 'storage_files' | 'agents';

/** One page of a list, newest first. */
export interface Page {
  items: JsonObject[];
  /** Asks for the next, older page; null on the last page. */
  nextToken: string | null;
  /** VoIPBIN's time of the answer (its `Date` header), in epoch milliseconds; null when it gave none. */
  servedAt: number | null;
}

const page = z.object({
  result: z.array(z.record(z.string(), z.json())).nullish(),
  next_page_token: z.string().nullish(),
});

const customer = z.object({ id: z.string(), identity_verification_status: z.string().optional() });

const billingAccount = z.object({ balance_credit: z.number(), plan_type: z.string().optional() });

const resource = z.record(z.string(), z.json());

/** A recording, as far as its files matter. */
const recording = z.object({
  id: z.string(),
  reference_type: z.string().optional(),
  reference_id: z.string().optional(),
  status: z.string().optional(),
  tm_create: z.string().nullish(),
});

/** See `GET /recordings/{id}` (reference voipbin.md 4). */
export type Recording = z.infer<typeof recording>;

/** The account, as far as it decides whether VoIPBIN takes texts; null: VoIPBIN does not say. */
export interface Account {
  id: string;
  /** `none`, `pending`, `verified` or `rejected`. */
  identity: string | null;
  /** Credit in millionths of a dollar; null also for a plan without one. */
  credit: number | null;
}

/** How to make a {@link VoipbinClient}. */
export interface VoipbinClientOptions {
  /** With its version and without a slash at the end: `https://api.voipbin.net/v1.0`. */
  apiUrl: string;
  accessKey: Secret;
  /** The private hosts that recording downloads may reach, besides the API's own origin. */
  downloadAllow: HostList;
}

/**
 * VoIPBIN's public API, as far as the bridge needs it (reference voipbin.md 5).
 *
 * Guaranteed: the access key travels in a cookie to the API's own origin and nowhere else; redirects are never followed
 * with it; every request ends within its timeout; requests of this client stay below the account's rate limit; only
 * {@link ActionError}s are thrown. Not guaranteed: that {@link VoipbinClient.sendMessage} sends at most once over
 * several calls; VoIPBIN has no idempotency keys.
 */
export class VoipbinClient {
  /** Fetches recordings from their signed addresses, without the access key. */
  readonly downloads: Downloader;
  /** The account's webhooks. */
  readonly webhooks: Webhooks;
  /** What look-ups of calls found, by `<kind>/<id>`: see `look-up-call.ts`. About 1 KB each. */
  readonly lookedUp = new LRUCache<string, { resource: JsonObject | null }>({ max: 5_000 });
  readonly #accessKey: Secret;
  readonly #transport: Transport;

  constructor(options: VoipbinClientOptions) {
    this.#transport = new Transport(options.apiUrl, options.accessKey);
    this.webhooks = new Webhooks(this.#transport);
    this.downloads = createDownloader(new URL(options.apiUrl), options.downloadAllow);
    this.#accessKey = options.accessKey;
  }

  /** One page of a list, newest first. Items are as received, so that they can be ingested as events. */
  async list(
    name: ListedResource,
    options: { pageSize?: number; pageToken?: string | null },
    signal: AbortSignal,
  ): Promise<Page> {
    const query: Record<string, string> = { page_size: String(options.pageSize ?? PAGE_SIZE) };
    if (options.pageToken !== undefined && options.pageToken !== null) {
      query['page_token'] = options.pageToken;
    }
    const answer = await this.#transport.request({ method: 'GET', path: `/${name}`, query }, signal);
    const read = parseAnswer(answer, page);
    const items = read.result ?? [];
    const nextToken = read.next_page_token ?? '';
    const servedAt = Date.parse(answer.headers.get('date') ?? '');
    return {
      items,
      nextToken: nextToken === '' || items.length === 0 ? null : nextToken,
      servedAt: Number.isNaN(servedAt) ? null : servedAt,
    };
  }

  listMessages(options: { pageSize?: number; pageToken?: string | null }, signal: AbortSignal): Promise<Page> {
    return this.list('messages', options, signal);
  }

  listCalls(options: { pageSize?: number; pageToken?: string | null }, signal: AbortSignal): Promise<Page> {
    return this.list('calls', options, signal);
  }

  listRecordings(options: { pageSize?: number; pageToken?: string | null }, signal: AbortSignal): Promise<Page> {
    return this.list('recordings', options, signal);
  }

  /** The account's stored files of every kind; VoIPBIN has no filter here. */
  listStorageFiles(options: { pageSize?: number; pageToken?: string | null }, signal: AbortSignal): Promise<Page> {
    return this.list('storage_files', options, signal);
  }

  /** The account's own phone numbers in E.164: all pages, of which it reads at most 50 (5,000 numbers). */
  async listNumbers(signal: AbortSignal): Promise<string[]> {
    const numbers: string[] = [];
    let token: string | null = null;
    for (let pages = 0; pages < MOST_NUMBER_PAGES; pages += 1) {
      const read: Page = await this.list('numbers', { pageToken: token }, signal);
      for (const { number } of read.items) {
        if (typeof number === 'string' && number !== '') {
          numbers.push(number);
        }
      }
      token = read.nextToken;
      if (token === null) {
        break;
      }
    }
    return numbers;
  }

  /** The phones of the account's agents, as VoIPBIN rings them: of the first 50 pages (5,000 agents). */
  async listAgentPhones(signal: AbortSignal): Promise<string[]> {
    const phones: string[] = [];
    let token: string | null = null;
    for (let pages = 0; pages < MOST_NUMBER_PAGES; pages += 1) {
      const read: Page = await this.list('agents', { pageToken: token }, signal);
      for (const address of read.items.flatMap((agent) => objectsAt(agent, 'addresses'))) {
        const party = readParty(address);
        if (party?.type === 'tel' && party.number !== null) {
          phones.push(party.number);
        }
      }
      token = read.nextToken;
      if (token === null) {
        break;
      }
    }
    return phones;
  }

  /** An agent as `GET /agents/{id}` gives it; null when it does not exist or was deleted. */
  async getAgent(id: string, signal: AbortSignal): Promise<JsonObject | null> {
    return this.#find(`/agents/${encodeURIComponent(id)}`, resource, signal);
  }

  /** A transcription as `GET /transcribes/{id}` gives it; null when it does not exist or was deleted. */
  async getTranscribe(id: string, signal: AbortSignal): Promise<JsonObject | null> {
    return this.#find(`/transcribes/${encodeURIComponent(id)}`, resource, signal);
  }

  /** A call as `GET /calls/{id}` gives it; null when it does not exist or was deleted. */
  async getCall(id: string, signal: AbortSignal): Promise<JsonObject | null> {
    return this.#find(`/calls/${encodeURIComponent(id)}`, resource, signal);
  }

  /** A recording; null when it does not exist or was deleted. */
  async getRecording(id: string, signal: AbortSignal): Promise<Recording | null> {
    return this.#find(`/recordings/${encodeURIComponent(id)}`, recording, signal);
  }

  /** The id of the customer that the access key belongs to. */
  async getCustomerId(signal: AbortSignal): Promise<string> {
    return (await this.#read({ method: 'GET', path: '/customer' }, customer, signal)).id;
  }

  /** The account's identity and credit. A credit that VoIPBIN does not tell is null; the customer must be readable. */
  async getAccount(signal: AbortSignal): Promise<Account> {
    const { id, identity_verification_status } = await this.#read(
      { method: 'GET', path: '/customer' },
      customer,
      signal,
    );
    const billing = billingAccount.safeParse(
      parseJson((await this.#transport.request({ method: 'GET', path: '/billing_account' }, signal)).body),
    );
    const isLimited = billing.success && billing.data.plan_type !== 'unlimited';
    return {
      id,
      identity: identity_verification_status ?? null,
      credit: isLimited ? billing.data.balance_credit : null,
    };
  }

  /**
   * Asks for a recording's ZIP: the signed address it redirects to.
   * Does not show whether the recording is stored: too early, it returns the address of an empty ZIP (reference voipbin.md 5).
   */
  async locateRecordingZip(id: string, signal: AbortSignal): Promise<URL> {
    const answer = await this.#transport.request(
      { method: 'GET', path: `/recordingfiles/${encodeURIComponent(id)}`, timeoutMs: PACK_TIMEOUT_MS },
      signal,
    );
    const location = answer.headers.get('location');
    if (
      answer.status < 300 ||
      answer.status >= 400 ||
      location === null ||
      !URL.canParse(location, this.#transport.baseUrl)
    ) {
      throw answer.status >= 400 ? answerFailure(answer) : unexpectedAnswer();
    }
    return new URL(location, this.#transport.baseUrl);
  }

  /** Sends one text to one phone. Does not throw: the answer says what happened. */
  sendMessage(message: TextMessage, signal: AbortSignal): Promise<SendAnswer> {
    return postMessage(this.#transport, message, signal);
  }

  /** Deletes the record of a message; one that does not exist is deleted. A text that went out is not taken back. */
  async deleteMessage(id: string, signal: AbortSignal): Promise<void> {
    await this.#find(`/messages/${encodeURIComponent(id)}`, resource, signal, 'DELETE');
  }

  /** Returns whether a URL holds one of our credentials, or the name of one. Such a URL must not be shown. */
  holdsCredential(url: URL): boolean {
    const names = [...url.searchParams.keys()].map((name) => name.toLowerCase());
    return (
      names.some((name) => name === 'token' || name === 'accesskey' || name === 'access_key') ||
      url.username !== '' ||
      url.password !== '' ||
      decodeURIComponentSafely(url.href).includes(this.#accessKey.reveal())
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#transport.close(), this.downloads.close()]);
  }

  async #find<T>(
    path: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    method: 'GET' | 'DELETE' = 'GET',
  ): Promise<T | null> {
    // Events name what to look up. A URL resolves `.` and `..`, to another resource; nothing has such an id, or none.
    if (/\/\.{0,2}$/.test(path)) {
      return null;
    }
    const answer = await this.#transport.request({ method, path }, signal);
    return answer.status === 404 ? null : parseAnswer(answer, schema);
  }

  async #read<T>(asked: ApiRequest, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    return parseAnswer(await this.#transport.request(asked, signal), schema);
  }
}

function parseAnswer<T>(answer: ApiAnswer, schema: z.ZodType<T>): T {
  if (answer.status < 200 || answer.status >= 300) {
    throw answerFailure(answer);
  }
  const parsed = schema.safeParse(parseJson(answer.body));
  if (!parsed.success) {
    throw unexpectedAnswer();
  }
  return parsed.data;
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
