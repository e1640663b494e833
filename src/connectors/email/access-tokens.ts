import { fetch } from 'undici';
import { z } from 'zod';
import { readAnswerText } from '../../net/answer-text';
import { outgoingAgent } from '../../net/outgoing-agent';
import type { Secret } from '../../settings/secret';
import { ActionError, providerCode } from '../action-error';
import { networkFailure, retryAfterMs } from '../network-failure';

const TIMEOUT_MS = 15_000;
/** A token is renewed this long before it expires, so that a conversation that begins with it can end with it. */
const RENEW_EARLY_MS = 60_000;
/** RFC 6749 leaves out the lifetime where it is known otherwise; providers give an hour. */
const DEFAULT_LIFETIME_S = 300;
const LONGEST_ANSWER_BYTES = 64 * 1024;

/** How to get a token (RFC 6749): with a refresh token by that grant, otherwise by `client_credentials`. */
export interface OAuthApp {
  tokenUrl: string;
  clientId: string;
  clientSecret: Secret | null;
  refreshToken: Secret | null;
  scope: string | null;
}

interface Token {
  token: string;
  /** Epoch milliseconds. */
  until: number;
  /** How many logins asked for it. */
  uses: number;
}

const granted = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().optional(),
  refresh_token: z.string().min(1).optional(),
});
const refused = z.object({ error: z.string().regex(/^[\w.-]{1,60}$/) });

/**
 * The access tokens of a login by OAuth2.
 *
 * Guaranteed: a token is used until shortly before it expires; whoever asks while one is fetched waits for that one; no
 * token and no secret is in an error. Not guaranteed: that a refresh token which the provider replaced survives a
 * restart: the newest is kept in memory only.
 */
export class AccessTokens {
  readonly #app: OAuthApp;
  readonly #agent = outgoingAgent({ connections: 1, maxResponseSize: LONGEST_ANSWER_BYTES });
  #refreshToken: string | null;
  #current: Token | null = null;
  #fetching: Promise<Token> | null = null;

  constructor(app: OAuthApp) {
    this.#app = app;
    this.#refreshToken = app.refreshToken?.reveal() ?? null;
  }

  /**
   * @param renew gets a new one although the last has not expired: the mail server refused it.
   * @throws ActionError `credential` when the provider refuses, `transient` when it cannot be reached.
   */
  async get(renew: boolean): Promise<string> {
    if (renew || this.#current === null || Date.now() >= this.#current.until) {
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = null));
      this.#current = await this.#fetching;
    }
    this.#current.uses += 1;
    return this.#current.token;
  }

  /**
   * Forgets the token: the mail server refused it.
   * @returns whether it was used before, so that a new one may well be taken.
   */
  forget(): boolean {
    const wasUsed = (this.#current?.uses ?? 0) > 1;
    this.#current = null;
    return wasUsed;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #fetch(): Promise<Token> {
    const { status, retryAfter, body } = await this.#ask();
    const answer = status === 200 ? granted.safeParse(body) : null;
    if (answer?.success !== true) {
      throw tokenRefused(status, body, retryAfter);
    }
    const { access_token, expires_in = DEFAULT_LIFETIME_S, refresh_token } = answer.data;
    this.#refreshToken = refresh_token ?? this.#refreshToken;
    return { token: access_token, until: Date.now() + expires_in * 1_000 - RENEW_EARLY_MS, uses: 0 };
  }

  async #ask(): Promise<{ status: number; retryAfter: string | null; body: unknown }> {
    const { tokenUrl, clientId, clientSecret, scope } = this.#app;
    const form = new URLSearchParams({
      client_id: clientId,
      ...(clientSecret === null ? {} : { client_secret: clientSecret.reveal() }),
      ...(this.#refreshToken === null
        ? { grant_type: 'client_credentials' }
        : { grant_type: 'refresh_token', refresh_token: this.#refreshToken }),
      ...(scope === null ? {} : { scope }),
    });
    try {
      const response = await fetch(tokenUrl, {
        method: 'POST',
        headers: { accept: 'application/json' },
        body: form,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        dispatcher: this.#agent,
      });
      return {
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        body: parsed(await readAnswerText(response, LONGEST_ANSWER_BYTES)),
      };
    } catch (error) {
      throw networkFailure(error, 'email');
    }
  }
}

/** Null for what is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What the provider said, without its description: that holds ids of the account. */
function tokenRefused(status: number, body: unknown, retryAfter: string | null): ActionError {
  const parsed = refused.safeParse(body);
  const word = parsed.success ? parsed.data.error : null;
  const where = 'the token endpoint of email.oauth_token_url';
  if (status === 429 || status >= 500 || word === 'temporarily_unavailable') {
    const wait = retryAfterMs(retryAfter);
    return new ActionError('transient', `${where} failed (${word ?? status})`, {
      connection: 'email',
      code: `http_${status}`,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  return new ActionError('credential', `${where} gives no access token (${word ?? status})`, {
    connection: 'email',
    code: word === null ? `http_${status}` : providerCode(word),
    remedy: REMEDIES.get(word) ?? OTHER_REMEDY,
  });
}

const REMEDIES: ReadonlyMap<string | null, string> = new Map([
  ['invalid_client', 'Look at oauth_client_id and oauth_client_secret; a client secret may have expired.'],
  ['unauthorized_client', 'Look at oauth_client_id, and whether the app may use this grant.'],
  ['invalid_grant', 'Get a new oauth_refresh_token: the old one was revoked or has expired.'],
  ['invalid_scope', 'Correct oauth_scope (Microsoft 365: https://outlook.office365.com/.default).'],
]);
const OTHER_REMEDY = 'Look at the oauth_ settings of email (docs/mail.md).';
