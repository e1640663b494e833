/**
 * The host of a URL that reaches a server on this machine: the address that it listens on, IPv6 in brackets. A server that
 * listens on all addresses is reached through the loopback address of the same family: one on `::` need not take IPv4.
 */
export function urlHost(listensOn: string): string {
  const host = listensOn === '0.0.0.0' ? '127.0.0.1' : listensOn === '::' ? '::1' : listensOn;
  return host.includes(':') ? `[${host}]` : host;
}

/** Whether a text is a whole URL of HTTP. */
export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** A URL without what may be a secret in it: user, password, query and fragment. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) {
    return text === '' ? '' : '(not a URL)';
  }
  const { origin, pathname, search } = new URL(text);
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}
