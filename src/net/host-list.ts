import { isIP } from 'node:net';
import { z } from 'zod';
import { isPublicAddress, parseAddress, withoutBrackets } from './address';
import { AddressList } from './address-list';
import { parseRange, type AddressRange } from './address-range';

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*$/;
/** URLs read a host as an IPv4 address when its last label is a number. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)$/;

/** An entry that is neither host name, address nor CIDR range. */
export interface InvalidHost {
  entry: string;
  error: string;
}

/**
 * The private places that outgoing requests may reach (`BRIDGE_HTTP_ALLOW`): host names, addresses and CIDR ranges.
 * Public addresses need no entry.
 */
export class HostList {
  readonly #names: ReadonlySet<string>;
  readonly #addresses: AddressList;

  private constructor(names: ReadonlySet<string>, addresses: AddressList) {
    this.#names = names;
    this.#addresses = addresses;
  }

  /** A list without entries: only public addresses may be reached. */
  static readonly EMPTY = new HostList(new Set(), new AddressList([]));

  /** @returns the list of the valid entries, and the invalid ones with the reason. */
  static parse(entries: readonly string[]): { list: HostList; invalid: InvalidHost[] } {
    const names = new Set<string>();
    const ranges: AddressRange[] = [];
    const invalid: InvalidHost[] = [];
    for (const entry of entries.map((each) => each.trim()).filter((each) => each !== '')) {
      const name = canonicalHost(entry);
      if (HOST_NAME.test(name) && !ENDS_IN_NUMBER.test(name)) {
        names.add(name);
        continue;
      }
      const range = parseRange(entry);
      if (!('error' in range)) {
        ranges.push(range);
      } else {
        invalid.push({
          entry,
          error: range.error.includes(entry)
            ? range.error
            : `"${entry}" is not a host name, address or CIDR range; leave out scheme, port and path`,
        });
      }
    }
    return { list: new HostList(names, new AddressList(ranges)), invalid };
  }

  /** The same list with one more host of a URL, spelled this way: another name for an added address is not allowed. */
  with(host: string): HostList {
    return new HostList(new Set([...this.#names, canonicalHost(host)]), this.#addresses);
  }

  /** Returns whether a host of a URL is in the list by exactly this spelling: then it may have any address. */
  hasName(host: string): boolean {
    return this.#names.has(canonicalHost(host));
  }

  /** Returns whether a host of a URL is in the list, by its name or as an address. Resolves nothing. */
  has(host: string): boolean {
    return this.hasName(host) || this.#addresses.contains(canonicalHost(host));
  }

  /** Returns whether a connection to an address is allowed: it is public or in the list. */
  allowsAddress(address: string): boolean {
    return isPublicAddress(address) || this.#addresses.contains(address);
  }
}

/** A {@link HostList} as a setting: comma-separated text or a list of texts. Every invalid entry is named. */
export function hostList() {
  return z.union([z.string(), z.array(z.string())]).transform((value, context) => {
    const { list, invalid } = HostList.parse(typeof value === 'string' ? value.split(',') : value);
    for (const { error } of invalid) {
      context.addIssue({ code: 'custom', message: error });
    }
    return list;
  });
}

/** The host of a URL (`[::1]`, `LOCALHOST.`) without brackets, in lower case and without a final dot. */
export function canonicalHost(host: string): string {
  return withoutBrackets(host).replace(/\.$/, '').toLowerCase();
}

/** Returns whether the host of a URL is this machine: `localhost`, or a loopback address. Resolves nothing. */
export function isLoopback(host: string): boolean {
  const name = canonicalHost(host);
  return name === 'localhost' || parseAddress(name)?.range() === 'loopback';
}

/** Returns the host that a URL reaches without TLS; null when it does with TLS, and for text that is not a URL. */
export function plainHttpHost(url: string): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed?.protocol === 'http:' ? parsed.hostname : null;
}

/** Returns whether the host of a URL is an address rather than a name. */
export function isAddress(host: string): boolean {
  return isIP(canonicalHost(host)) !== 0;
}
