import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { withoutBrackets } from './address';
import { ProxyFailedError } from './connect-errors';
import type { Proxy } from './proxies';

/**
 * Opens a connection to a host through a proxy (CONNECT, RFC 9110 9.3.6).
 *
 * @param host without brackets.
 * @throws ProxyFailedError when the proxy cannot be reached, refuses, or does not answer within `timeoutMs`.
 */
export function openTunnel(proxy: Proxy, host: string, port: number, timeoutMs: number): Promise<Socket> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const request = proxy.url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const connecting = request({
      host: withoutBrackets(proxy.url.hostname),
      port: proxy.url.port === '' ? (proxy.url.protocol === 'https:' ? 443 : 80) : Number(proxy.url.port),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyAuthorization(proxy) },
      agent: false,
      timeout: timeoutMs,
    });
    connecting.on('connect', (answer, socket) => {
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        socket.setTimeout(0);
        resolve(socket as Socket);
      } else {
        socket.on('error', () => undefined).destroy();
        reject(new ProxyFailedError(proxy.shown, status));
      }
    });
    // A proxy that answers otherwise than by accepting or refusing a CONNECT is none.
    connecting.on('response', (answer) => {
      answer.destroy();
      reject(new ProxyFailedError(proxy.shown, answer.statusCode ?? 0));
    });
    connecting.on('timeout', () => connecting.destroy(new ProxyTimeout()));
    connecting.on('error', (error) => reject(new ProxyFailedError(proxy.shown, null, { cause: error })));
    connecting.end();
  });
}

/** The header that logs in at the proxy; none when its address has no user. */
export function proxyAuthorization({ url }: Proxy): Record<string, string> {
  if (url.username === '' && url.password === '') {
    return {};
  }
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` };
}

class ProxyTimeout extends Error {
  readonly code = 'ETIMEDOUT';
}
