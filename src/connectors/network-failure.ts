import { ActionError } from './action-error';

const REFUSED_BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function codeOf(error: unknown): string | undefined {
  // Not instanceof: in jest, Node's own errors are instances of another realm's Error.
  for (let current = error, depth = 0; typeof current === 'object' && current !== null && depth < 5; depth += 1) {
    if ('code' in current && typeof current.code === 'string') {
      return current.code;
    }
    current = 'cause' in current ? current.cause : undefined;
  }
  return undefined;
}

/** Whether a failed request can never have reached the provider, so that trying again repeats nothing. */
export function neverReached(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && REFUSED_BEFORE_SENDING.has(code);
}

/**
 * Turns what `fetch` threw into a `transient` error: no answer came. It leaves out the original, which may hold
 * addresses and bodies. The action decides whether "no answer" is ambiguous (see {@link neverReached}).
 */
export function networkFailure(error: unknown, connection: string): ActionError {
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : undefined;
  if (name === 'TimeoutError') {
    return new ActionError('transient', `${connection} did not answer in time`, { connection, code: 'timeout' });
  }
  if (name === 'AbortError') {
    return new ActionError('transient', `the request to ${connection} was cancelled`, {
      connection,
      code: 'cancelled',
    });
  }
  const code = codeOf(error);
  return new ActionError('transient', `${connection} could not be reached${code === undefined ? '' : ` (${code})`}`, {
    connection,
    code: 'network',
  });
}

/**
 * A `Retry-After` header in milliseconds: seconds or an HTTP date, at most an hour; undefined when absent or
 * unreadable.
 */
export function retryAfterMs(header: string | null | undefined, now: Date = new Date()): number | undefined {
  if (header === null || header === undefined || header === '') {
    return undefined;
  }
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - now.getTime();
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), 3_600_000) : undefined;
}
