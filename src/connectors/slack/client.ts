import { LogLevel, WebClient, type Logger, type WebAPICallResult } from '@slack/web-api';
import { LRUCache } from 'lru-cache';
import { fetch, Response } from 'undici';
import { z } from 'zod';
import type { JsonObject } from '../../events/json';
import { readAnswerText } from '../../net/answer-text';
import { outgoingAgent } from '../../net/outgoing-agent';
import type { Secret } from '../../settings/secret';
import { RateLimiter } from '../rate-limit';
import { slackFailure, unreadableAnswer, type SlackFailure } from './api-failure';

const TIMEOUT_MS = 10_000;
/** Slack's answers repeat the message, at most 40,000 characters and 50 blocks. */
const LARGEST_ANSWER_BYTES = 2 * 1024 * 1024;

/** The SDK would log channels and texts. */
const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

/** Slack generally allows one message per second and channel, after a burst that it gives no number for. */
const MESSAGES_PER_SECOND = 1;
/** Well within the 15 s of an attempt, so that a full queue is reported as such and not as a time-out. */
const MAX_PACE_WAIT_MS = 3_000;
/** How long a channel that Slack limited is posted to at that pace, after its last message. */
const PACED_FOR_MS = 60_000;
const MOST_PACED_CHANNELS = 1_000;
/** When Slack limits a channel and does not say for how long. */
const PAUSE_MS = 1_000;

const posted = z.object({ channel: z.string().min(1), ts: z.string().min(1) });
const person = z.object({ user: z.object({ id: z.string().regex(/^[UW][A-Z0-9]+$/) }) });
const whoAmI = z.object({
  user: z.string().default('a bot'),
  team: z.string().default('a workspace'),
  // The SDK's reading of the header x-oauth-scopes.
  response_metadata: z.object({ scopes: z.array(z.string()).optional() }).default({}),
});

/** A message for chat.postMessage. Texts are in Slack's markup; everything else in them is escaped already. */
export interface SlackMessage {
  channel: string;
  text: string;
  blocks?: JsonObject[];
  threadTs?: string;
  /** UUID by which Slack may recognise a repeated message. */
  clientMsgId: string;
}

/** What became of a message. */
export type PostResult =
  { outcome: 'posted'; channel: string; ts: string } | { outcome: 'failed'; failure: SlackFailure };

/**
 * Slack's Web API, as far as the bridge needs it.
 *
 * Guaranteed: every call ends within its time-out or when its signal aborts; one attempt a call; the token goes to the
 * configured address only, redirects are not followed; only ActionErrors are thrown. A channel whose rate Slack limited is
 * left alone for as long as Slack asks, then posted to at one message per second.
 *
 * Not guaranteed: that Slack drops a message with a `clientMsgId` that it had before. Its page of chat.postMessage has
 * errors for it, but not the argument; Slack's staff advises apps not to rely on it (slackapi/java-slack-sdk#852).
 */
export class SlackClient {
  readonly #token: Secret;
  readonly #apiUrl: string;
  readonly #agent = outgoingAgent({ connections: 8, maxResponseSize: LARGEST_ANSWER_BYTES });

  readonly #timeoutMs: number;
  /** The channels whose rate Slack limited lately, as rules write them. */
  readonly #paced = new LRUCache<string, RateLimiter>({
    max: MOST_PACED_CHANNELS,
    ttl: PACED_FOR_MS,
    updateAgeOnGet: true,
  });

  /** @param options.timeoutMs for one call; default ten seconds. */
  constructor(options: { apiUrl: string; token: Secret; timeoutMs?: number }) {
    this.#apiUrl = options.apiUrl;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#token = options.token;
  }

  /**
   * Posts a message. A posted one has the channel's id, and its own, which is its time in that channel.
   * @throws ActionError `transient` when too many messages wait for a channel that Slack limits. Nothing was posted then.
   */
  async postMessage(message: SlackMessage, signal: AbortSignal): Promise<PostResult> {
    const { channel, text, blocks, threadTs, clientMsgId } = message;
    await this.#paced.get(channel)?.waitForSlot(signal);
    const answer = await this.#call(
      'chat.postMessage',
      {
        channel,
        text,
        ...(blocks === undefined ? {} : { blocks }),
        ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
        client_msg_id: clientMsgId,
        // Names and addresses in what people write must not turn into mentions, links or previews.
        link_names: false,
        parse: 'none',
        unfurl_links: false,
        unfurl_media: false,
      },
      signal,
    );
    if ('failure' in answer) {
      if (answer.failure.error.detail.code === 'ratelimited') {
        this.#slowDown(channel, answer.failure.error.detail.retryAfterMs ?? PAUSE_MS);
      }
      return { outcome: 'failed', failure: answer.failure };
    }
    const read = posted.safeParse(answer.result);
    return read.success ? { outcome: 'posted', ...read.data } : { outcome: 'failed', failure: unreadableAnswer() };
  }

  /**
   * Proves that the token works.
   * @returns the names of the bot and of its workspace, and the scopes of the token; null when Slack does not say.
   */
  async whoAmI(signal: AbortSignal): Promise<{ user: string; team: string; scopes: readonly string[] | null }> {
    const { user, team, response_metadata } = whoAmI.parse(await this.call('auth.test', {}, signal));
    return { user, team, scopes: response_metadata.scopes ?? null };
  }

  /**
   * Finds a person by e-mail (scope `users:read.email`).
   * @returns the id; null when Slack knows nobody with it, or does not let the app ask.
   * @throws ActionError `transient` or `credential`.
   */
  async findPerson(email: string, signal: AbortSignal): Promise<string | null> {
    const answer = await this.#call('users.lookupByEmail', { email }, signal);
    if ('failure' in answer) {
      const { error } = answer.failure;
      if (error.errorClass === 'permanent') {
        return null;
      }
      throw error;
    }
    const read = person.safeParse(answer.result);
    return read.success ? read.data.user.id : null;
  }

  /** Calls a method of the Web API. @throws ActionError */
  async call(method: string, args: Record<string, unknown>, signal: AbortSignal): Promise<WebAPICallResult> {
    const answer = await this.#call(method, args, signal);
    if ('failure' in answer) {
      throw answer.failure.error;
    }
    return answer.result;
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  /**
   * A `WebClient` of its own for every call (50 microseconds): it takes no signal per call, and its queue would run one
   * call in the context of another.
   */
  async #call(
    method: string,
    body: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<{ result: WebAPICallResult } | { failure: SlackFailure }> {
    let status: number | null = null;
    let timeout: AbortSignal | undefined;
    let begun = false;
    const web = new WebClient(this.#token.reveal(), {
      slackApiUrl: this.#apiUrl,
      // The SDK's defaults retry for half an hour and sleep through rate limits; the step's budget is Temporal's to
      // spend.
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: this.#timeoutMs,
      allowAbsoluteUrls: false,
      logger: SILENT,
      fetch: async (url, init = {}) => {
        timeout = init.signal;
        begun = true;
        const response = await fetch(url, {
          method: init.method ?? 'POST',
          headers: init.headers ?? {},
          body: typeof init.body === 'string' ? init.body : null,
          // Not `error`, which looks like a broken connection.
          redirect: 'manual',
          signal: init.signal === undefined ? signal : AbortSignal.any([init.signal, signal]),
          dispatcher: this.#agent,
        });
        status = response.status;
        const text = await readAnswerText(response, LARGEST_ANSWER_BYTES);
        return new Response(text === '' ? null : text, { status, headers: response.headers });
      },
    });
    try {
      signal.throwIfAborted();
      return { result: await web.apiCall(method, body) };
    } catch (error) {
      const timedOut = timeout?.aborted === true;
      return { failure: slackFailure(error, { begun, cancelled: signal.aborted, timedOut, status }) };
    }
  }

  #slowDown(channel: string, waitMs: number): void {
    const pace =
      this.#paced.get(channel) ??
      new RateLimiter({
        connection: 'slack',
        what: 'messages',
        fullCode: 'queue_full',
        perSecond: MESSAGES_PER_SECOND,
        maxWaitMs: MAX_PACE_WAIT_MS,
      });
    pace.pauseFor(waitMs);
    this.#paced.set(channel, pace, { ttl: PACED_FOR_MS + waitMs });
  }
}
