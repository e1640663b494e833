import { AnswerTooLarge } from '../net/answer-text';
import { findCause, NotConnectedError, ProxyFailedError } from '../net/connect-errors';
import { ActionError } from './action-error';

const REFUSED_BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Node's codes for a certificate that it does not accept, and for a server that does not speak TLS. */
const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Returns whether a code of Node says that a certificate is not accepted, or that the server does not speak TLS. */
export function isCertificateCode(code: string): boolean {
  return UNTRUSTED.has(code);
}

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
  return findCause(error, NotConnectedError) !== null || (code !== undefined && REFUSED_BEFORE_SENDING.has(code));
}

/**
 * Turns what `fetch` threw into an ActionError: no answer came. It leaves out the original, which may hold addresses and
 * bodies. The action decides whether "no answer" is ambiguous (see {@link neverReached}).
 *
 * `transient`, except for what waiting does not mend and every request to the service meets: a certificate that is not
 * accepted, and a proxy that refuses, are `credential`.
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
  if (error instanceof AnswerTooLarge) {
    return new ActionError('transient', `${connection} answered with more than the bridge reads`, {
      connection,
      code: 'answer_too_large',
    });
  }
  const code = codeOf(error);
  const proxyFailure = findCause(error, ProxyFailedError);
  if (proxyFailure !== null) {
    return proxyFailed(proxyFailure, connection, code);
  }
  if (code !== undefined && isCertificateCode(code)) {
    return new ActionError('credential', `the certificate of ${connection} is not accepted (${code})`, {
      connection,
      code: 'tls',
      remedy: remedyOfCertificate(code),
    });
  }
  return new ActionError('transient', `${connection} could not be reached${code === undefined ? '' : ` (${code})`}`, {
    connection,
    code: 'network',
  });
}

/** What the operator should do about a certificate, by {@link isCertificateCode Node's code}. */
export function remedyOfCertificate(code: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return "Have the certificate renewed, or set this machine's clock.";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return 'The certificate is for another host name: check the address in the settings.';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'The server does not speak TLS on this port: check the address in the settings.';
    default:
      return "If the certificate is of a CA of your own, or of a proxy that reads TLS, set NODE_EXTRA_CA_CERTS to the PEM file of its CA's certificate, and restart the bridge.";
  }
}

function proxyFailed({ proxy, status }: ProxyFailedError, connection: string, code: string | undefined): ActionError {
  if (status === null || status >= 500) {
    const why = status ?? code ?? 'no answer';
    return new ActionError(
      'transient',
      status === null
        ? `the proxy ${proxy} could not be reached (${why})`
        : `the proxy ${proxy} could not reach ${connection} (${why})`,
      { connection, code: 'network' },
    );
  }
  const isLogin = status === 407;
  return new ActionError(
    'credential',
    isLogin
      ? `the proxy ${proxy} refused the login (407)`
      : `the proxy ${proxy} refused to connect to ${connection} (${status})`,
    {
      connection,
      code: 'proxy_refused',
      remedy: isLogin
        ? 'Set user and password in the address of the proxy: http://user:password@host:port.'
        : 'Allow the host at the proxy, or add it to NO_PROXY.',
    },
  );
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
