import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** A real HTTP proxy on loopback. It sends everything to hosts of the test, whatever name is asked for. */
export interface LoggingProxy {
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** What was asked of it: `CONNECT slack.com:443`, `GET http://example.com/path`. */
  asked: string[];
  /** The logins that came, decoded; null for a request without one. */
  logins: (string | null)[];
  /** What it answers to the next requests instead of passing them on: a status. */
  refuseWith: number | null;
  stop(): Promise<void>;
}

/** @param routes where `host:port` is really: a port on loopback. Others are unknown hosts to the proxy (502). */
export async function startLoggingProxy(routes: Readonly<Record<string, number>>): Promise<LoggingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer();
  const proxy: LoggingProxy = {
    url: '',
    asked: [],
    logins: [],
    refuseWith: null,
    stop: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
  const note = ({ method = '', url = '', headers }: IncomingMessage): void => {
    proxy.asked.push(`${method} ${url}`);
    const login = headers['proxy-authorization']?.replace(/^Basic /, '');
    proxy.logins.push(login === undefined ? null : Buffer.from(login, 'base64').toString());
  };
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  server.on('connect', (asked: IncomingMessage, client: Socket, head: Buffer) => {
    note(asked);
    const port = routes[asked.url ?? ''];
    if (proxy.refuseWith !== null || port === undefined) {
      client.end(`HTTP/1.1 ${proxy.refuseWith ?? 502} Refused\r\n\r\n`);
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream.on('error', () => client.destroy()));
  });
  server.on('request', (asked: IncomingMessage, answer: ServerResponse) => {
    note(asked);
    const url = new URL(asked.url ?? '', 'http://proxy.invalid');
    const port = routes[`${url.hostname}:${url.port === '' ? 80 : url.port}`];
    if (proxy.refuseWith !== null || port === undefined) {
      answer.writeHead(proxy.refuseWith ?? 502).end();
      return;
    }
    const onward = { host: '127.0.0.1', port, method: asked.method, path: url.pathname + url.search };
    asked.pipe(
      request({ ...onward, headers: { ...asked.headers, 'x-forwarded': 'yes' } }, (found) => {
        answer.writeHead(found.statusCode ?? 502, found.headers);
        found.pipe(answer);
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
