import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { ActionError } from '../connectors/action-error';
import { bareHost, mayReach, type AllowList } from '../connectors/http/allow-list';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * No connection came about, so that nothing of the request was sent: refused, no such host, no agreement on TLS, … Its
 * `cause` says why.
 */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';
}

/** The guard let no connection come about: the host is at a private address that is not allowed. */
export class AddressRefusedError extends NotConnectedError {
  readonly code = 'address_refused';

  constructor() {
    super('the address is not public and not allowed');
  }
}

/** How to make a guarded dispatcher. */
export interface GuardOptions {
  allow: AllowList;
  /** Told when a connection (with TLS, where there is any) stands: from then on something may have been sent. */
  onConnected?: () => void;
}

/**
 * A dispatcher for undici's `request` and `fetch` whose connections lead to public addresses only, or to allowed ones
 * (SSRF).
 *
 * Guaranteed: the address itself is judged, at the moment of every connection, and it is that address which is
 * connected to. So neither another notation (decimal, octal, IPv4 in IPv6), nor a redirect, nor a name server that
 * changes its mind leads into a private network. A host that is allowed by name may be at any address. Connections are
 * not kept: no request goes out on one that the server has given up. Every failure to connect is a {@link
 * NotConnectedError}. Not guaranteed: anything about scheme, port or path; that a proxy on the way is asked.
 */
export function guardedDispatcher({ allow, onConnected }: GuardOptions): Agent {
  const free = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  const guarded = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(allow) });
  return new Agent({
    pipelining: 0,
    connections: 4,
    connect: (options, callback) => {
      const host = bareHost(options.hostname);
      const isAddress = isIP(host) !== 0;
      if (isAddress && !mayReach(host, allow)) {
        callback(new AddressRefusedError(), null);
        return;
      }
      const connect = isAddress || allow.hosts.has(host) ? free : guarded;
      connect(options, (...[error, socket]) => {
        if (error !== null) {
          callback(
            error instanceof NotConnectedError ? error : new NotConnectedError('no connection', { cause: error }),
            null,
          );
        } else {
          onConnected?.();
          callback(null, socket);
        }
      });
    },
  });
}

/** Resolves a name to those of its addresses that may be reached. */
function guardedLookup(allow: AllowList): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      const reachable = found.filter(({ address }) => mayReach(address, allow));
      const [first] = reachable;
      if (first === undefined) {
        callback(new AddressRefusedError(), '', 0);
      } else if (options.all === true) {
        callback(null, reachable);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

/**
 * The `permanent` error for a refused address.
 * @param connection who wanted to go there.
 */
export function addressRefused(connection: string): ActionError {
  return new ActionError('permanent', 'the host is at an address that is not public', {
    connection,
    code: 'address_refused',
    remedy: 'If it is meant to be reached, add the host, or its address or CIDR, to BRIDGE_HTTP_ALLOW.',
  });
}
