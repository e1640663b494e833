/**
 * The connection failed, so nothing of the request was sent: refused, unknown host, failed TLS handshake, a proxy that did
 * not connect. Its `cause` says why.
 */
export class NotConnectedError extends Error {
  override readonly name: string = 'NotConnectedError';
}

/** The guard refused the connection: the address of the host is neither public nor allowed. */
export class AddressRefusedError extends NotConnectedError {
  override readonly name = 'AddressRefusedError';
  readonly code = 'address_refused';

  constructor() {
    super('the address is not public and not allowed');
  }
}

/** The proxy could not be reached, or did not connect to the host. Nothing was sent to the host. */
export class ProxyFailedError extends NotConnectedError {
  override readonly name = 'ProxyFailedError';

  /**
   * @param proxy without password: `http://proxy:3128 (HTTPS_PROXY)`.
   * @param status the proxy's answer to CONNECT; null when there was none.
   */
  constructor(
    readonly proxy: string,
    readonly status: number | null,
    options?: ErrorOptions,
  ) {
    super(status === null ? 'the proxy could not be reached' : `the proxy answered ${status}`, options);
  }
}

/** Returns the first error of a chain of causes that is of a kind; null when there is none. */
export function findCause<Kind extends Error>(
  error: unknown,
  kind: abstract new (...args: never[]) => Kind,
): Kind | null {
  // Not `current instanceof Error` on the way: in jest, Node's own errors are of another realm.
  for (let current = error, depth = 0; typeof current === 'object' && current !== null && depth < 6; depth += 1) {
    if (current instanceof kind) {
      return current;
    }
    current = 'cause' in current ? current.cause : undefined;
  }
  return null;
}
