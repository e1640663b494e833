import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/**
 * The private places that the operator lets requests reach: host names, addresses and CIDRs, read from
 * `BRIDGE_HTTP_ALLOW`.
 */
export interface AllowList {
  /** Lower case, without a dot at the end. */
  readonly hosts: ReadonlySet<string>;
  /** Address ranges; a single address is one of full length. */
  readonly ranges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*$/;

/**
 * Reads an allow-list.
 * @returns the entries that are neither host name, address nor CIDR as `faults`, without which the list stands.
 */
export function readAllowList(entries: readonly string[]): { list: AllowList; faults: string[] } {
  const hosts = new Set<string>();
  const ranges: (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[] = [];
  const faults: string[] = [];
  for (const entry of entries.map((each) => bareHost(each.trim())).filter((each) => each !== '')) {
    // ipaddr.js alone would read `10/8` as 0.0.0.10/8.
    if (isIP(entry.replace(/\/.*$/, '')) !== 0 && ipaddr.isValidCIDR(entry)) {
      ranges.push(ipaddr.parseCIDR(entry));
    } else if (isIP(entry) !== 0) {
      const address = ipaddr.process(entry);
      ranges.push([address, address.kind() === 'ipv4' ? 32 : 128]);
    } else if (HOST_NAME.test(entry) && !/^[0-9.]+$/.test(entry)) {
      hosts.add(entry);
    } else {
      faults.push(entry);
    }
  }
  return { list: { hosts, ranges }, faults };
}

/**
 * An allow-list as a setting: comma-separated text or a list of texts outside, an {@link AllowList} inside; every wrong
 * entry is named.
 */
export function allowList() {
  return z.union([z.string(), z.array(z.string())]).transform((value, context) => {
    const { list, faults } = readAllowList(typeof value === 'string' ? value.split(',') : value);
    for (const fault of faults) {
      context.addIssue({
        code: 'custom',
        message: `"${fault}" is no host name, address or CIDR; leave out scheme, port and path`,
      });
    }
    return list;
  });
}

/** A host as URLs have it (`[::1]`, `LOCALHOST.`) without brackets, in lower case and without a dot at the end. */
export function bareHost(host: string): string {
  return host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/**
 * Whether requests may go to an address: a public one (reference connectors.md 7), or one that is allowed. IPv4 within
 * IPv6 counts as IPv4.
 */
export function mayReach(address: string, allow: AllowList): boolean {
  if (isIP(address) === 0 || !ipaddr.isValid(address)) {
    return false;
  }
  const parsed = ipaddr.process(address);
  return (
    parsed.range() === 'unicast' ||
    allow.ranges.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits))
  );
}
