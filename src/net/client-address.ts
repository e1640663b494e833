import { parseAddress, withoutBrackets, type Address } from './address';
import type { AddressList } from './address-list';

/**
 * Returns the address of the client that sent a request, as far as it can be trusted.
 *
 * Starts with the peer of the connection and follows `X-Forwarded-For` from right to left for as long as the address is
 * one of a trusted proxy, so that a client cannot choose its own address. Entries may have a port (`203.0.113.7:51008`,
 * `[2001:db8::1]:443`).
 *
 * @param peer the address at the other end of the connection; undefined when it has closed.
 * @param forwardedFor the header's value, several headers joined by commas; null when there is none.
 * @returns null when the client is unknown: the connection has closed, or the entry that a trusted proxy wrote is not an
 *   address (`unknown`, `10.1`). Such a client is in no list.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | null,
  trustedProxies: AddressList,
): Address | null {
  // The zone of a link-local peer (fe80::1%eth0) is this machine's own network card.
  let client = parseAddress((peer ?? '').replace(/%.*$/s, ''));
  const entries = (forwardedFor ?? '').split(',').map((entry) => entry.trim());
  for (const entry of entries.filter((each) => each !== '').reverse()) {
    if (!trustedProxies.contains(client)) {
      break;
    }
    client = parseForwarded(entry);
  }
  return client;
}

/** Parses an entry of `X-Forwarded-For`: an address, an IPv4 address and port, or IPv6 in brackets with or without one. */
function parseForwarded(entry: string): Address | null {
  const bracketed = /^(\[.*\])(?::\d{1,5})?$/.exec(entry)?.[1];
  return parseAddress(bracketed === undefined ? entry.replace(/^([\d.]+):\d{1,5}$/, '$1') : withoutBrackets(bracketed));
}
