import { fetch } from 'undici';
import { readAnswerText } from './answer-text';
import { outgoingAgent } from './outgoing-agent';

/** The longest answers, those of the bridge's own API, have some hundred kilobytes. */
export const LARGEST_ANSWER_BYTES = 16 * 1_048_576;

/** One request to a server that the bridge itself runs, or that a command names. */
export interface SingleRequest {
  /** Default GET. */
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** For all of it: connecting, and the answer with its body. */
  timeoutMs: number;
  /** Ends it earlier. */
  signal?: AbortSignal;
  /** Default true; false: a redirect is the answer. */
  followRedirects?: boolean;
  /** Default false; true: through no proxy, for a credential that is for this machine only. */
  direct?: boolean;
}

/** Its answer, of whatever status. */
export interface SingleAnswer {
  status: number;
  /** Null when there is none. */
  contentType: string | null;
  text: string;
}

/**
 * Sends a request on a connection of its own, through the proxies of the environment (`outgoing-agent.ts`), and follows
 * redirects, unless told otherwise.
 * @throws TypeError when there is no answer, whose innermost `cause` says why; a DOMException at the timeout;
 *   AnswerTooLarge for one of more than 16 MiB.
 */
export async function requestOnce(url: string, request: SingleRequest): Promise<SingleAnswer> {
  const { method = 'GET', headers = {}, body, timeoutMs, signal, followRedirects = true, direct = false } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const agent = outgoingAgent({ connections: 1, ...(direct ? { env: {} } : {}) });
  try {
    const answer = await fetch(url, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: followRedirects ? 'follow' : 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      dispatcher: agent,
    });
    const text = await readAnswerText(answer, LARGEST_ANSWER_BYTES);
    return { status: answer.status, contentType: answer.headers.get('content-type'), text };
  } finally {
    await agent.destroy();
  }
}
