import { z } from 'zod';
import { toJsonText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import { duration } from '../../yaml/duration';
import { ActionError } from '../action-error';
import type { ActionContext } from '../action-context';
import { defineAction } from '../connector';
import { keyUuid } from '../idempotency-uuid';
import { ambiguous } from './answer-failure';
import type { HttpClient } from './client';
import { hasHeader, headersInput, wireHeaders } from './headers';
import type { Answered, Method } from './send';
import { readTarget } from './target';

const IDEMPOTENCY_KEY = 'idempotency-key';
const USER_AGENT = 'voipbin-bridge';
const LARGEST_BODY_CHARACTERS = 1_000_000;
const LONGEST_TIMEOUT_MS = 30_000;
const SAFE_TO_REPEAT: ReadonlySet<Method> = new Set(['GET', 'PUT', 'DELETE']);

const input = z
  .strictObject({
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST').describe('The method of the request.'),
    url: z.string().describe('The URL. Write out scheme and host; values that templates insert are encoded.'),
    headers: headersInput()
      .optional()
      .describe(
        'Headers. Write `Idempotency-Key` when the server recognises a repeated request by it: then a POST or PATCH is retried. Left empty, the bridge fills it in.',
      ),
    body: z
      .json()
      .optional()
      .describe(
        'The body: a map or list is sent as JSON, with every text in it a template; a text is sent as it is. A template alone in a text keeps the type of its value: `"{{ talk_s }}"` becomes a number, an absent value null. Values in a longer text are not escaped, so write JSON as a map.',
      ),
    timeout: duration()
      .refine((ms) => ms >= 100 && ms <= LONGEST_TIMEOUT_MS, 'expected 100ms to 30s')
      .prefault('10s')
      .describe('How long one attempt may take, at most 30s.'),
  })
  .refine(({ method, body }) => method !== 'GET' || body === undefined, {
    path: ['body'],
    message: 'a GET has no body; write `method: POST`, or put the values into `url`',
  });

const output = z.object({
  status: z.int().describe('The status: 200 to 299 or 303; 404 or 410 when a repeated DELETE finds nothing left.'),
  body: z.json().describe('The answer: JSON up to 64 KiB, text up to 4 KiB, else null.'),
});

type Input = z.infer<typeof input>;

function isRepeatable({ method, headers }: Pick<Input, 'method' | 'headers'>): boolean {
  return SAFE_TO_REPEAT.has(method) || hasHeader(headers, IDEMPOTENCY_KEY);
}

/**
 * `http.request`.
 *
 * Guarantees: requests go to public addresses, or to those that BRIDGE_HTTP_ALLOW names, whatever the URL or a redirect
 * says (`net/guarded-dispatcher.ts`). A POST or PATCH without an `Idempotency-Key` in the rule is never sent again once
 * it may have arrived. Every POST and PATCH carries an `Idempotency-Key`, the same on every attempt: the rule's, or a
 * UUID made of the action key. Not guaranteed: that the server honours that key; the author of the rule states it by
 * writing the header.
 */
export const httpRequest = defineAction<HttpClient>()<Input, { status: number; body: JsonValue }>({
  summary: 'Sends an HTTP request.',
  unit: 'request',
  input,
  sinks: { url: 'url', headers: 'header', body: 'json' },
  checks: { url: readTarget },
  output,
  effect: { of: (written) => (isRepeatable(written) ? 'repeatable' : 'once') },
  budget: '1h',
  attemptTimeout: '35s',
  notRetried: (written) =>
    isRepeatable(written)
      ? null
      : {
          message: `a ${written.method} without an Idempotency-Key is not retried after a 503 or another 5xx, or without an answer, as it may have been done`,
          hint: 'if the server recognises a repeated request by that header, add it: headers: { Idempotency-Key: "" }',
        },
  run: async (context, rendered) => {
    const { method, url, headers = {}, body, timeout } = rendered;
    const outgoing = {
      method,
      url: readTarget(url),
      headers: wireHeaders(headers),
      body: textOf(body),
      timeoutMs: timeout,
      repeatable: isRepeatable(rendered),
    };
    setIfAbsent(outgoing.headers, 'user-agent', USER_AGENT);
    if (outgoing.body !== null) {
      setIfAbsent(
        outgoing.headers,
        'content-type',
        typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json',
      );
    }
    if (method === 'POST' || method === 'PATCH') {
      setIfAbsent(outgoing.headers, IDEMPOTENCY_KEY, keyUuid(context.key));
    }
    const attempt = (): Promise<Answered> => context.client.send(outgoing, context.signal);
    const { status, body: answer } = await (outgoing.repeatable
      ? again(context, method, attempt)
      : once(context, attempt));
    return { outcome: 'done', result: { status, body: answer } };
  },
});

/** A server that still works on an earlier attempt is asked so many times, then its 409 is taken for a refusal. */
const ATTEMPTS_AFTER_CONFLICT = 5;

/**
 * Makes an attempt at a request that may be repeated. After an attempt whose answer is not known, some refusals say that
 * the earlier one arrived: 404 and 410 to a DELETE, that it is gone; 409 to a POST or PATCH with an `Idempotency-Key`,
 * that the server still works on it (draft-ietf-httpapi-idempotency-key-header, 2.6).
 */
async function again(
  context: ActionContext<HttpClient>,
  method: Method,
  attempt: () => Promise<Answered>,
): Promise<Answered> {
  try {
    return await attempt();
  } catch (error) {
    if (context.attempt === 1 || !(error instanceof ActionError)) {
      throw error;
    }
    const { code } = error.detail;
    if (method === 'DELETE' && (code === 'http_404' || code === 'http_410')) {
      return { status: code === 'http_404' ? 404 : 410, body: null };
    }
    const isUnderWay = (method === 'POST' || method === 'PATCH') && code === 'http_409';
    throw isUnderWay && context.attempt <= ATTEMPTS_AFTER_CONFLICT
      ? new ActionError('transient', `${error.message}: it may still work on an earlier attempt`, {
          connection: 'http',
          code,
        })
      : error;
  }
}

const progress = z.object({ request: z.literal(['begun', 'not_done']), attempt: z.int() });

/**
 * Makes an attempt at a request that must not be sent twice. Only progress that the last attempt saved proves that it sent
 * nothing: a worker may have died in the middle of it.
 */
async function once(context: ActionContext<HttpClient>, attempt: () => Promise<Answered>): Promise<Answered> {
  const last = progress.safeParse(context.progress.last);
  const isProvedNotDone = last.success && last.data.request === 'not_done' && last.data.attempt === context.attempt - 1;
  if (context.attempt > 1 && !isProvedNotDone) {
    throw ambiguous('an earlier attempt ended without a result', 'attempt_lost');
  }
  context.progress.save({ request: 'begun', attempt: context.attempt });
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof ActionError && error.errorClass !== 'ambiguous') {
      context.progress.save({ request: 'not_done', attempt: context.attempt });
    }
    throw error;
  }
}

function textOf(body: JsonValue | undefined): string | null {
  if (body === undefined) {
    return null;
  }
  const text = typeof body === 'string' ? body : toJsonText(body);
  if (text.length > LARGEST_BODY_CHARACTERS) {
    throw new ActionError('permanent', `the rendered body has more than ${LARGEST_BODY_CHARACTERS} characters`, {
      connection: 'http',
      code: 'body_too_large',
      remedy: 'Make `body` in the rule smaller.',
    });
  }
  return text;
}

function setIfAbsent(headers: Map<string, string>, name: string, value: string): void {
  if (!headers.has(name)) {
    headers.set(name, value);
  }
}
