import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { AddressRefusedError, findCause } from './connect-errors';
import { isAddress, type HostList } from './host-list';
import { outgoingAgent } from './outgoing-agent';

/**
 * Names that are nobody's on the public Internet (RFC 6761, RFC 6762 appendix G, RFC 8375, ICANN's `.internal`;
 * `.localdomain` of Unix, `.svc` of Kubernetes), and those without a dot.
 */
const PRIVATE_NAME =
  /^[^.]+\.*$|\.(?:localhost|localdomain|local|svc|internal|home\.arpa|intranet|private|corp|home|lan|test|invalid)\.*$/;

/** Connections per origin that stay open; more than a worker makes attempts at the same time. */
const MOST_KEPT = 512;
/** How long one stays open without a request, whatever its server proposes: its name may get another address. */
const KEPT_MS = 4_000;

/** How to make a guarded dispatcher. */
export interface GuardOptions {
  allow: HostList;
  /**
   * Whether a connection stays open for the next request to its origin, for some seconds. The server may close it just
   * then: only for requests that may be sent twice. Else each request has a connection of its own.
   */
  keepsOpen?: boolean;
  /** Called when a connection is established, TLS included: from then on something may have been sent. */
  onConnected?: () => void;
}

/**
 * Makes a dispatcher for undici's `request` and `fetch` that connects to public addresses and to allowed ones only
 * (protection against SSRF).
 *
 * Guarantees: the address is checked when a connection is made, and the connection goes to that address. So neither
 * another notation (decimal, octal, IPv4 in IPv6), nor a redirect, nor a DNS answer that changes leads into a private
 * network. A host that is allowed by name may have any address. Without `keepsOpen`, connections are not reused, so no
 * request is sent on one that the server is closing. Every failure to connect is a NotConnectedError.
 *
 * Through a proxy (`HTTPS_PROXY`, `HTTP_PROXY`), which resolves the name itself: addresses that are neither public nor
 * allowed are refused, and so are names that no public host has. Not guaranteed then: to which address the proxy connects
 * for any other name; keeping it out of private networks is the proxy's part.
 *
 * Not guaranteed: anything about scheme, port or path.
 */
export function guardedDispatcher({ allow, keepsOpen = false, onConnected }: GuardOptions): Agent {
  return outgoingAgent({
    ...(keepsOpen ? { connections: MOST_KEPT, keptForMs: KEPT_MS } : { pipelining: 0, connections: 4 }),
    guard: (host, proxy) => {
      if (allow.hasName(host)) {
        return null;
      }
      // An address is not looked up, so the guarded lookup does not see it.
      if (isAddress(host) ? !allow.allowsAddress(host) : proxy !== null && PRIVATE_NAME.test(host)) {
        throw new AddressRefusedError();
      }
      return guardedLookup(allow);
    },
    ...(onConnected === undefined ? {} : { onConnected }),
  });
}

/** Returns whether a request failed because the guard refused the address. */
export function isAddressRefused(error: unknown): boolean {
  return findCause(error, AddressRefusedError) !== null;
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
