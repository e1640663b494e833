import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An IP address. One that is written as IPv4-mapped IPv6 (`::ffff:10.0.0.1`) is an {@link ipaddr.IPv4}. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** All IPv6 addresses that are assigned to the public Internet (RFC 4291, IANA). */
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
const GLOBAL_UNICAST_BITS = 3;
/** One IPv6 subscriber usually has a whole /64. */
const SUBSCRIBER_BITS = 64;

/**
 * Parses an IP address.
 *
 * Strict: four decimal numbers, or IPv6 as RFC 4291 writes it. Returns null for short forms (`10.1`), octal and
 * hexadecimal numbers, zone ids, brackets, ports, prefix lengths and surrounding spaces.
 */
export function parseAddress(text: string): Address | null {
  switch (text.includes('%') ? 0 : isIP(text)) {
    case 4:
      return ipaddr.IPv4.parse(text);
    case 6: {
      const address = ipaddr.IPv6.parse(withoutDots(text));
      return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
    }
    default:
      return null;
  }
}

/**
 * Returns whether an address is on the public Internet. False for private, loopback, link-local, multicast, documentation
 * and reserved addresses, for IPv6 forms that carry an IPv4 address (`::7f00:1`, NAT64, 6to4), and for text that is not
 * an address.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text);
  return (
    address !== null &&
    address.range() === 'unicast' &&
    (address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST, GLOBAL_UNICAST_BITS))
  );
}

/** Returns what a client is counted by: its IPv4 address, or the /64 network of its IPv6 address. */
export function subscriberOf(address: Address): string {
  return address instanceof ipaddr.IPv4
    ? address.toString()
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${SUBSCRIBER_BITS}`).toString()}/${SUBSCRIBER_BITS}`;
}

/** Removes the brackets that URLs put around IPv6 addresses. */
export function withoutBrackets(host: string): string {
  return /^\[(.*)\]$/.exec(host)?.[1] ?? host;
}

/**
 * Writes the last 32 bits of an IPv6 address in hexadecimal: ipaddr.js reads `::127.0.0.1`, which is `::7f00:1`, as
 * `::ffff:127.0.0.1`.
 */
function withoutDots(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}
