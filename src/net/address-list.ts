import { parseAddress, type Address } from './address';
import { isInRange, parseRange, type AddressRange } from './address-range';

/**
 * A list of addresses and CIDR ranges, IPv4 and IPv6. An IPv4-mapped IPv6 address counts as IPv4 on both sides. An empty
 * list contains nothing.
 */
export class AddressList {
  readonly #ranges: readonly AddressRange[];

  constructor(ranges: readonly AddressRange[]) {
    this.#ranges = ranges;
  }

  /**
   * Reads the entries of a setting.
   * @throws RangeError with the sentence of {@link parseRange} for the first invalid entry.
   */
  static parse(entries: readonly string[]): AddressList {
    return new AddressList(
      entries.map((entry) => {
        const range = parseRange(entry);
        if ('error' in range) {
          throw new RangeError(range.error);
        }
        return range;
      }),
    );
  }

  /** @param address null, and text that {@link parseAddress} does not read, are in no list. */
  contains(address: string | Address | null): boolean {
    const parsed = typeof address === 'string' ? parseAddress(address) : address;
    return parsed !== null && this.#ranges.some((range) => isInRange(parsed, range));
  }
}
