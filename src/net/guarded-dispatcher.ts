import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { canonicalHost, isAddress, type HostList } from './host-list';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * The connection failed, so nothing of the request was sent: refused, unknown host, failed TLS handshake. Its `cause`
 * says why.
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

/** How to make a guarded dispatcher. */
export interface GuardOptions {
  allow: HostList;
  /** Called when a connection is established, TLS included: from then on something may have been sent. */
  onConnected?: () => void;
}

/**
 * Makes a dispatcher for undici's `request` and `fetch` that connects to public addresses and to allowed ones only
 * (protection against SSRF).
 *
 * Guarantees: the address is checked when a connection is made, and the connection goes to that address. So neither
 * another notation (decimal, octal, IPv4 in IPv6), nor a redirect, nor a DNS answer that changes leads into a private
 * network. A host that is allowed by name may have any address. Connections are not reused, so no request is sent on one
 * that the server is closing. Every failure to connect is a {@link NotConnectedError}.
 *
 * Not guaranteed: anything about scheme, port or path. Proxies (`HTTPS_PROXY`) are not used.
 */
export function guardedDispatcher({ allow, onConnected }: GuardOptions): Agent {
  const unguarded = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  const guarded = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(allow) });
  return new Agent({
    pipelining: 0,
    connections: 4,
    connect: (options, callback) => {
      const host = canonicalHost(options.hostname);
      const isNamed = allow.hasName(host);
      // An address is not looked up, so the guarded lookup does not see it.
      if (!isNamed && isAddress(host) && !allow.allowsAddress(host)) {
        callback(new AddressRefusedError(), null);
        return;
      }
      const connect = isNamed ? unguarded : guarded;
      connect(options, (...[error, socket]) => {
        if (error === null) {
          onConnected?.();
          callback(null, socket);
        } else {
          callback(
            error instanceof NotConnectedError ? error : new NotConnectedError('no connection', { cause: error }),
            null,
          );
        }
      });
    },
  });
}

/** Returns whether a request failed because the guard refused the address. */
export function isAddressRefused(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof AddressRefusedError) {
      return true;
    }
  }
  return false;
}

/** Resolves a name to those of its addresses that are allowed. */
function guardedLookup(allow: HostList): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      const allowed = found.filter(({ address }) => allow.allowsAddress(address));
      const [first] = allowed;
      if (first === undefined) {
        callback(new AddressRefusedError(), '', 0);
      } else if (options.all === true) {
        callback(null, allowed);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}
