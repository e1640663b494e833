import ipaddr from 'ipaddr.js';

/**
 * Addresses that may call the webhook: single ones or CIDR ranges, IPv4 and IPv6 (an IPv4 address that comes as
 * `::ffff:…` counts as IPv4). An empty list lets everyone in.
 */
export class AllowList {
  readonly #ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /** @throws RangeError naming the first entry that is no address and no range. */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map((entry) => {
      const text = entry.trim();
      if (ipaddr.isValidCIDR(text)) {
        return ipaddr.parseCIDR(text);
      }
      if (ipaddr.isValid(text)) {
        const address = ipaddr.process(text);
        return [address, address.kind() === 'ipv4' ? 32 : 128];
      }
      throw new RangeError(`not an IP address or CIDR range: ${text}`);
    });
  }

  allows(address: string): boolean {
    if (this.#ranges.length === 0) {
      return true;
    }
    if (!ipaddr.isValid(address)) {
      return false;
    }
    const parsed = ipaddr.process(address);
    return this.#ranges.some((range) => range[0].kind() === parsed.kind() && parsed.match(range));
  }
}
