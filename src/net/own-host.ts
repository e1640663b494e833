import { parseAddress } from './address';
import { canonicalHost } from './host-list';

const HOST_HEADER = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/;

/**
 * Returns whether the `Host` header of a request names this server: by an IP address, as `localhost` or a name below
 * it, or by one of `ownNames`.
 *
 * A server without a password that refuses every other name is safe from DNS rebinding: a web page reads another
 * server's answers only after its own name resolves to that server, and the browser then sends that name. An address
 * cannot be made to point elsewhere. Ports are ignored.
 *
 * @param host the header as received; undefined when there is none. Such a request (HTTP/1.0) does not come from a
 *   browser, so it passes.
 * @param ownNames further host names, in any case, without ports.
 */
export function isOwnHost(host: string | undefined, ownNames: readonly string[]): boolean {
  if (host === undefined) {
    return true;
  }
  const name = canonicalHost(HOST_HEADER.exec(host)?.[1] ?? '');
  return (
    parseAddress(name) !== null ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    ownNames.some((own) => canonicalHost(own) === name)
  );
}
