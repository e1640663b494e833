import { WrongUse } from '../errors/operator-errors';
import { toJsonText } from '../events/exact-number';
import type { JsonObject } from '../events/json';
import { isLoopback, plainHttpHost } from '../net/host-list';
import { requestOnce } from '../net/request-once';
import { urlHost } from '../net/url-host';
import { signatureOf } from '../receiver/verified-request';
import type { ReceiverSettings, Settings } from '../settings/settings';

const ANSWER_WITHIN_MS = 10_000;

/** The webhook's answer. */
export interface Answer {
  /** HTTP status. */
  status: number;
  /** `status` in the answer's body: `received`, `duplicate` or `ignored`; null when there is none. */
  result: string | null;
  /** The event id in the answer's body; null when there is none. */
  id: string | null;
}

/**
 * Sends an event to a webhook as VoIPBIN does: POST, JSON, signed with the first webhook secret if there is one.
 * @throws TypeError when there is no answer within ten seconds (a DOMException for the time-out).
 */
export function sendEvent(
  event: JsonObject,
  url: string,
  receiver: Pick<ReceiverSettings, 'webhookSecrets'>,
): Promise<Answer> {
  return postBody({ body: Buffer.from(toJsonText(event)), contentType: 'application/json', url, receiver });
}

/** Posts a body to a webhook, signed. @throws as {@link sendEvent}. */
export async function postBody(post: {
  body: Buffer;
  contentType: string;
  url: string;
  receiver: Pick<ReceiverSettings, 'webhookSecrets'>;
}): Promise<Answer> {
  const { body, contentType: sentAs, url, receiver } = post;
  const secret = receiver.webhookSecrets[0];
  const signature = secret === undefined ? {} : { 'x-voipbin-signature': signatureOf(body, secret) };
  const { status, contentType, text } = await requestOnce(url, {
    method: 'POST',
    headers: { 'content-type': sentAs, ...signature },
    body,
    timeoutMs: ANSWER_WITHIN_MS,
  });
  const answer: unknown = contentType?.includes('json') === true ? JSON.parse(text) : null;
  return { status, result: textIn(answer, 'status'), id: textIn(answer, 'id') };
}

/** The URL of this machine's webhook. */
export function webhookUrl(receiver: Pick<ReceiverSettings, 'host' | 'port' | 'tls'>): string {
  return `${receiver.tls === undefined ? 'http' : 'https'}://${urlHost(receiver.host)}:${receiver.port}/voipbin/webhook`;
}

/**
 * Checks the URL of a webhook that somebody named.
 * @throws WrongUse when it is not a URL of HTTP, or would send the event to another machine without TLS in production.
 */
export function expectSafeUrl(url: string, environment: Settings['environment']): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new WrongUse(`--url expects a URL such as https://bridge.example.com/voipbin/webhook; got "${url}"`);
  }
  const host = plainHttpHost(url);
  if (environment === 'production' && host !== null && !isLoopback(host)) {
    throw new WrongUse(
      `--url ${url} would send the event to another machine without TLS, and this is production: use https://, or run the command on that machine`,
    );
  }
}

function textIn(answer: unknown, name: 'status' | 'id'): string | null {
  if (typeof answer !== 'object' || answer === null || !(name in answer)) {
    return null;
  }
  const value: unknown = (answer as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : null;
}
