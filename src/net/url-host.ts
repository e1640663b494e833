/**
 * The host of a URL that reaches a server on this machine: the address that it listens on, IPv6 in brackets. A server that
 * listens on all addresses is reached through the loopback address of the same family: one on `::` need not take IPv4.
 */
export function urlHost(listensOn: string): string {
  const host = listensOn === '0.0.0.0' ? '127.0.0.1' : listensOn === '::' ? '::1' : listensOn;
  return host.includes(':') ? `[${host}]` : host;
}
