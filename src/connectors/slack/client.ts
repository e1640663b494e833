import { LogLevel, WebClient, type Logger, type WebAPICallResult } from '@slack/web-api';
import { Agent, fetch } from 'undici';
import { z } from 'zod';
import type { JsonObject } from '../../events/json';
import type { Secret } from '../../settings/secret';
import { ActionError } from '../action-error';
import { slackFailure } from './api-failure';

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

const posted = z.object({ channel: z.string().min(1), ts: z.string().min(1) });
const whoAmI = z.object({ user: z.string().default('a bot'), team: z.string().default('a workspace') });

/** A message for chat.postMessage. Texts are in Slack's markup; everything else in them is escaped already. */
export interface SlackMessage {
  channel: string;
  text: string;
  blocks?: JsonObject[];
  threadTs?: string;
  /** UUID by which Slack recognises a repeated message. */
  clientMsgId: string;
}

/**
 * Slack's Web API, as far as the bridge needs it.
 *
 * Guaranteed: every call ends within its time-out or when its signal aborts; one attempt a call, no waiting inside; the
 * token goes to the configured address only, redirects are not followed; only {@link ActionError}s are thrown. Not
 * guaranteed: that Slack drops a message with a `clientMsgId` that it had before. It does so in practice and names
 * errors for it, but does not document the argument for apps (reference connectors.md 2).
 */
export class SlackClient {
  readonly #token: Secret;
  readonly #apiUrl: string;
  readonly #agent = new Agent({ connections: 8, connect: { timeout: 5_000 }, maxResponseSize: LARGEST_ANSWER_BYTES });

  readonly #timeoutMs: number;

  /** @param options.timeoutMs for one call; default ten seconds. */
  constructor(options: { apiUrl: string; token: Secret; timeoutMs?: number }) {
    this.#apiUrl = options.apiUrl;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#token = options.token;
  }

  /** Posts a message. @returns the channel's id and the message's own, which is its time in that channel. */
  async postMessage(message: SlackMessage, signal: AbortSignal): Promise<{ channel: string; ts: string }> {
    const { channel, text, blocks, threadTs, clientMsgId } = message;
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
    const read = posted.safeParse(answer);
    if (!read.success) {
      throw new ActionError('transient', 'slack accepted the message, but its answer is not readable', {
        connection: 'slack',
        code: 'unreadable_answer',
      });
    }
    return read.data;
  }

  /** Proves that the token works. @returns the names of the bot and of its workspace. */
  async whoAmI(signal: AbortSignal): Promise<{ user: string; team: string }> {
    return whoAmI.parse(await this.#call('auth.test', {}, signal));
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  /**
   * A `WebClient` of its own for every call (50 microseconds): it takes no signal per call, and its queue would run one
   * call in the context of another.
   */
  async #call(method: string, body: Record<string, unknown>, signal: AbortSignal): Promise<WebAPICallResult> {
    let status: number | null = null;
    let timeout: AbortSignal | undefined;
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
        return response;
      },
    });
    try {
      signal.throwIfAborted();
      return await web.apiCall(method, body);
    } catch (error) {
      throw slackFailure(error, { cancelled: signal.aborted, timedOut: timeout?.aborted === true, status });
    }
  }
}
