import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector } from 'undici';
import { ActionError } from '../action-error';

/** Where downloads may go besides public addresses over HTTPS. */
export interface DownloadPolicy {
  /** The API's own origin: what it serves itself may be fetched, wherever it is. */
  apiOrigin: URL;
  /** Host names, addresses or CIDRs of private places that the operator allows (`BRIDGE_HTTP_ALLOW`). */
  allow: readonly string[];
}

/** Throws a `permanent` ActionError for an address that may not be fetched, going by what can be seen in it. */
export function checkDownloadUrl(url: URL, policy: DownloadPolicy): void {
  if (url.origin === policy.apiOrigin.origin) {
    return;
  }
  const host = bareHost(url.hostname);
  const allowed = isAllowedName(host, policy.allow) || (isIP(host) !== 0 && isAllowedAddress(host, policy.allow));
  if (allowed && (url.protocol === 'http:' || url.protocol === 'https:')) {
    return;
  }
  if (url.protocol !== 'https:' || (isIP(host) !== 0 && !isPublicAddress(host))) {
    throw refused();
  }
}

/**
 * Connections for downloads. The address that a name resolves to is checked as the connection is made, so that neither
 * a redirect nor a name server that changes its mind leads into a private network (reference connectors.md 7).
 */
export function createDownloadAgent(policy: DownloadPolicy): Agent {
  const apiHost = bareHost(policy.apiOrigin.hostname);
  const guardedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      const fine = found.filter(({ address }) => isPublicAddress(address) || isAllowedAddress(address, policy.allow));
      const [first] = fine;
      if (first === undefined) {
        callback(Object.assign(new Error('address not allowed'), { code: 'EADDRNOTALLOWED' }), '', 0);
      } else if (options.all === true) {
        callback(null, fine);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
  const free = buildConnector({ timeout: 5_000 });
  const guarded = buildConnector({ timeout: 5_000, lookup: guardedLookup });
  return new Agent({
    connections: 4,
    connect: (options, callback) => {
      const host = bareHost(options.hostname);
      if (host === apiHost || isAllowedName(host, policy.allow)) {
        free(options, callback);
      } else if (isIP(host) !== 0 && !isPublicAddress(host) && !isAllowedAddress(host, policy.allow)) {
        callback(refused(), null);
      } else {
        guarded(options, callback);
      }
    },
  });
}

function refused(): ActionError {
  return new ActionError('permanent', 'the recording lies at an address that the bridge may not fetch', {
    connection: 'voipbin',
    code: 'address_not_allowed',
    remedy: 'If this VoIPBIN keeps its files on a private host, add the host to BRIDGE_HTTP_ALLOW.',
  });
}

function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

function isAllowedName(host: string, allow: readonly string[]): boolean {
  return allow.some((entry) => entry.toLowerCase() === host);
}

function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

function isAllowedAddress(address: string, allow: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) {
    return false;
  }
  const parsed = ipaddr.process(address);
  return allow.some((entry) => {
    if (ipaddr.isValidCIDR(entry)) {
      const [range, bits] = ipaddr.parseCIDR(entry);
      return range.kind() === parsed.kind() && parsed.match(range, bits);
    }
    return ipaddr.isValid(entry) && ipaddr.process(entry).toNormalizedString() === parsed.toNormalizedString();
  });
}
