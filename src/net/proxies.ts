import { parseAddress } from './address';
import { AddressList } from './address-list';
import { parseRange, type AddressRange } from './address-range';
import { canonicalHost, isLoopback } from './host-list';

/** A proxy for outgoing requests. */
export interface Proxy {
  /** With user and password, if it has any: never print it. */
  readonly url: URL;
  /** The proxy without its user and password, and the variable that names it: `http://proxy:3128 (HTTPS_PROXY)`. */
  readonly shown: string;
}

/** Where a request goes to. */
export interface Destination {
  protocol: string;
  /** As in a URL, IPv6 with or without brackets. */
  hostname: string;
  /** Empty for the protocol's own. */
  port: string;
}

/** A proxy variable that cannot be used. Its message names the variable and what to write. */
export class InvalidProxy extends Error {
  override readonly name = 'InvalidProxy';
}

/**
 * The proxies that the environment names, as curl, Go and Python read them: `HTTPS_PROXY` for https, `HTTP_PROXY` for http,
 * and `NO_PROXY` for what needs none. Each may be in lower case, which wins. `http://` and `https://` proxies work, with a
 * user and password or without.
 *
 * `NO_PROXY` is a list, separated by commas or spaces: host names, which stand for their subdomains too (also written
 * `.example.com` or `*.example.com`), addresses, CIDR ranges, each with a port or without, or `*` for everything. Names are
 * not resolved, so a range matches addresses in URLs only. Entries that are none of these match nothing.
 *
 * Guarantee: `localhost` and loopback addresses are never reached through a proxy.
 */
export class Proxies {
  readonly #https: Proxy | null;
  readonly #http: Proxy | null;
  readonly #exceptions: Exceptions;

  /** @throws InvalidProxy */
  constructor(env: NodeJS.ProcessEnv) {
    this.#https = proxyOf(env, 'HTTPS_PROXY');
    this.#http = proxyOf(env, 'HTTP_PROXY');
    this.#exceptions = new Exceptions(valueOf(env, 'NO_PROXY')?.value ?? '');
  }

  /** The proxy for a request; null when it goes out directly. */
  proxyFor({ protocol, hostname, port }: Destination): Proxy | null {
    const proxy = protocol === 'https:' ? this.#https : protocol === 'http:' ? this.#http : null;
    const host = canonicalHost(hostname);
    if (proxy === null || isLoopback(host) || host.endsWith('.localhost')) {
      return null;
    }
    const portNumber = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    return this.#exceptions.contain(host, portNumber) ? null : proxy;
  }

  /** The proxies for the operator, without passwords: `https: http://proxy:3128 (HTTPS_PROXY)`; null when there are none. */
  describe(): string | null {
    const all = [
      ...(this.#https === null ? [] : [`https by ${this.#https.shown}`]),
      ...(this.#http === null ? [] : [`http by ${this.#http.shown}`]),
    ];
    return all.length === 0 ? null : [...all, ...this.#exceptions.describe()].join(', ');
  }
}

/** The hosts of `NO_PROXY`. */
class Exceptions {
  readonly #entries: readonly { host: string; range: AddressRange | null; port: number | null }[];
  readonly #all: boolean;

  constructor(text: string) {
    const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
    this.#all = entries.includes('*');
    this.#entries = entries.map((entry) => {
      const [, bare = '', port] = /^(\[.*\]|[^:]*):(\d{1,5})$/.exec(entry) ?? ['', entry];
      const range = parseRange(bare);
      return {
        host: canonicalHost(bare).replace(/^\*?\./, ''),
        range: 'error' in range ? null : range,
        port: port === undefined ? null : Number(port),
      };
    });
  }

  contain(host: string, port: number): boolean {
    const address = parseAddress(host);
    return (
      this.#all ||
      this.#entries.some(
        (entry) =>
          (entry.port === null || entry.port === port) &&
          (address === null
            ? host === entry.host || host.endsWith(`.${entry.host}`)
            : entry.range !== null && new AddressList([entry.range]).contains(address)),
      )
    );
  }

  describe(): string[] {
    const count = this.#entries.length;
    return this.#all ? ['none of them because NO_PROXY is *'] : count === 0 ? [] : [`except NO_PROXY (${count})`];
  }
}

function valueOf(env: NodeJS.ProcessEnv, name: string): { variable: string; value: string } | null {
  const variable = [name.toLowerCase(), name].find((each) => (env[each] ?? '').trim() !== '');
  return variable === undefined ? null : { variable, value: (env[variable] ?? '').trim() };
}

function proxyOf(env: NodeJS.ProcessEnv, name: string): Proxy | null {
  const found = valueOf(env, name);
  if (found === null) {
    return null;
  }
  const { variable, value } = found;
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.hostname === '') {
    throw new InvalidProxy(`${variable} is not the address of a proxy: write http://host:port`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new InvalidProxy(
      `${variable} names a proxy of the kind ${url.protocol}//, which the bridge cannot use: write http://host:port`,
    );
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    throw new InvalidProxy(`${variable} has a user or password with a % that is not percent-encoded: write it as %25`);
  }
  return { url, shown: `${url.protocol}//${url.host} (${variable})` };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
