import ipaddr from 'ipaddr.js';
import { parseAddress, withoutBrackets, type Address } from './address';

/** A range of addresses (CIDR). A single address has the prefix length 32 (IPv4) or 128 (IPv6). */
export interface AddressRange {
  /** The first address of the range. */
  readonly network: Address;
  readonly prefixLength: number;
}

/** Why an entry is not an address range, as a sentence that names the right spelling where there is one. */
export interface InvalidRange {
  readonly error: string;
}

const EXPECTED = 'expected an IP address or CIDR range, such as 203.0.113.7 or 203.0.113.0/24';
const MAPPED_BITS = 96;

/**
 * Parses an entry of an address list: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`, `[2001:db8::1]`.
 *
 * IPv4-mapped IPv6 is read as the IPv4 range that it maps (`::ffff:127.0.0.0/104` is `127.0.0.0/8`). Refused, because
 * programs read them in different ways: short forms (`10/8`), numbers with leading zeros or in hexadecimal, and a
 * prefix that leaves bits over (`10.1.2.3/8`: one address, or sixteen million?). Refused too: zone ids, ports, and the
 * deprecated IPv4-compatible form (`::10.0.0.1`).
 */
export function parseRange(entry: string): AddressRange | InvalidRange {
  const [, text = '', prefix] = /^([^/]*)(?:\/(.*))?$/s.exec(entry.trim()) ?? [];
  const host = withoutBrackets(text);
  const address = parseAddress(host);
  if (address === null) {
    return { error: explainAddress(entry.trim(), host, prefix) ?? EXPECTED };
  }
  const isMapped = host.includes(':') && address instanceof ipaddr.IPv4;
  const writtenBits = host.includes(':') ? 128 : 32;
  const written = prefix === undefined ? writtenBits : /^(?:0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : NaN;
  if (!(written <= writtenBits)) {
    return { error: explainPrefix(entry.trim(), address, prefix ?? '', writtenBits) };
  }
  const range = rangeFrom(address, isMapped ? written - MAPPED_BITS : written);
  if (range === null) {
    return {
      error: `"${entry.trim()}" is wider than the IPv4-mapped addresses: write the IPv4 range, such as 10.0.0.0/8`,
    };
  }
  if (range.network.toString() !== address.toString()) {
    return {
      error: `"${entry.trim()}" has bits after its prefix: write ${formatRange(range)} for the range, or ${address.toString()} for the one address`,
    };
  }
  if (isIPv4Compatible(range)) {
    return { error: `"${entry.trim()}" is the deprecated IPv4-compatible form of IPv6: write the IPv4 address` };
  }
  return range;
}

/** Returns whether an address is in a range. Never when one is IPv4 and the other IPv6: `::/0` is all of IPv6 only. */
export function isInRange(address: Address, range: AddressRange): boolean {
  return address.kind() === range.network.kind() && address.match([range.network, range.prefixLength]);
}

/** The range around an address; null when the prefix length does not exist. */
function rangeFrom(address: Address, prefixLength: number): AddressRange | null {
  if (prefixLength < 0) {
    return null;
  }
  const cidr = `${address.toString()}/${prefixLength}`;
  const network =
    address instanceof ipaddr.IPv4
      ? ipaddr.IPv4.networkAddressFromCIDR(cidr)
      : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  return { network, prefixLength };
}

function formatRange({ network, prefixLength }: AddressRange): string {
  return `${network.toString()}/${prefixLength}`;
}

/** Within `::/96`, but for `::` (unspecified) and `::1` (loopback). */
function isIPv4Compatible({ network, prefixLength }: AddressRange): boolean {
  return (
    network instanceof ipaddr.IPv6 &&
    prefixLength >= MAPPED_BITS &&
    network.parts.slice(0, 6).every((part) => part === 0) &&
    !['::', '::1'].includes(network.toString())
  );
}

/** Why a text is not an address, when it resembles one; null when it does not. */
function explainAddress(entry: string, host: string, prefix: string | undefined): string | null {
  if (host.includes('%') && parseAddress(host.replace(/%.*$/s, '')) !== null) {
    return `"${entry}" has a zone id, which means something on one machine only: leave out ${host.slice(host.indexOf('%'))}`;
  }
  const withPort = /^([\d.]+|\[[\da-f:.]+\]):\d+$/i.exec(host)?.[1];
  if (withPort !== undefined && parseAddress(withoutBrackets(withPort)) !== null) {
    return `"${entry}" has a port: write ${withoutBrackets(withPort)}`;
  }
  const numbers = host.split('.');
  if (numbers.length > 4 || !numbers.every((number) => /^(?:\d{1,10}|0x[\da-f]{1,8})$/i.test(number))) {
    return null;
  }
  const suffix = prefix === undefined ? '' : `/${prefix}`;
  // The URL standard has a rule for every old form (hexadecimal, octal, fewer than four numbers).
  const asUrl = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : null;
  if (numbers.some((number) => /^0x/i.test(number))) {
    return `"${entry}" is in hexadecimal: write ${asUrl === null ? 'four decimal numbers' : asUrl + suffix}`;
  }
  const decimal = numbers.map(Number).join('.');
  if (numbers.some((number) => /^0\d/.test(number))) {
    const readings = [decimal, asUrl ?? ''].filter((reading) => parseAddress(reading) !== null);
    return `"${entry}" has leading zeros, which are octal to some programs: write ${[...new Set(readings.map((reading) => reading + suffix))].join(' or ') || 'four decimal numbers'}`;
  }
  if (numbers.length === 4) {
    return `"${entry}" has a number above 255`;
  }
  const padded = [...numbers, '0', '0', '0'].slice(0, 4).join('.');
  if (parseAddress(padded) === null) {
    return `"${entry}" is not written as four numbers: write ${asUrl ?? 'four numbers from 0 to 255'}`;
  }
  return prefix === undefined
    ? `"${entry}" is a short form: write all four numbers, ${padded}/${numbers.length * 8} for the range or ${asUrl ?? padded} for the one address`
    : `"${entry}" is a short form: write ${padded}/${prefix}`;
}

/** Why the text after the slash is not a prefix length. */
function explainPrefix(entry: string, address: Address, prefix: string, longest: number): string {
  const mask = parseAddress(prefix);
  const bits = mask instanceof ipaddr.IPv4 ? mask.prefixLengthFromSubnetMask() : null;
  return bits !== null && address instanceof ipaddr.IPv4
    ? `"${entry}" has a netmask: write ${address.toString()}/${bits}`
    : `"${entry}" needs a prefix length from 0 to ${longest} after the slash`;
}
