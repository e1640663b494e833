import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { isOwnHost } from '../../net/own-host';
import { reservePorts } from '../../net/ports';

/** An address to listen on, or to connect to. */
export interface Endpoint {
  ip: string;
  port: number;
}

/** The guard, listening. */
export interface UiGuard {
  /** Closes the port and all connections at once. Safe to call twice. */
  close(): void;
}

/**
 * Listens where people open Temporal's UI, and forwards what comes from there to the UI itself.
 *
 * The UI has no password and answers any `Host`: a web page in a browser on this machine could read every event in the
 * histories, and terminate runs, by DNS rebinding (its own name, made to point at 127.0.0.1). Here a request passes only
 * when its `Host` is an IP address, a loopback name, or `ip` (see {@link isOwnHost}), and its `Origin`, if any, is this
 * address.
 *
 * Not guaranteed: anything against programs on this machine; they also reach Temporal itself. WebSockets are not
 * forwarded: the UI uses none.
 *
 * @throws (as a rejection) the error of `listen`.
 */
export async function guardUi({ ip, port, ui }: Endpoint & { ui: Endpoint }): Promise<UiGuard> {
  const server = createServer((incoming, outgoing) => {
    const { host, origin } = incoming.headers;
    if (!isOwnHost(host, [ip])) {
      refuse(outgoing, 421, "the Host header is not a name of this server: open Temporal's UI as http://localhost");
    } else if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      refuse(outgoing, 403, 'the request comes from a page of another site');
    } else {
      forward(incoming, outgoing, ui);
    }
  });
  server.listen({ host: ip, port, exclusive: true });
  await once(server, 'listening');
  server.unref();
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * Chooses where the UI itself listens. A web page that wants to reach it there must find the port, and on Linux, where
 * all of 127.0.0.0/8 is this machine, also one of 16 million addresses.
 */
export async function chooseUiEndpoint(): Promise<Endpoint> {
  const byte = (): number => randomInt(1, 255);
  const ip = process.platform === 'linux' ? `127.${byte()}.${byte()}.${byte()}` : '127.0.0.1';
  const [port = 0] = await reservePorts(ip, [{ port: 0, purpose: "Temporal's UI", setting: '' }]);
  return { ip, port };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, ui: Endpoint): void {
  const { method, url } = incoming;
  const toUi = request({
    host: ui.ip,
    port: ui.port,
    method,
    path: url,
    headers: withoutHopByHop(incoming.headers),
    // A connection each: one that is kept can be closed by the UI while a request is on its way.
    agent: false,
  });
  toUi.once('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
    answer.once('error', () => outgoing.destroy());
    answer.pipe(outgoing);
  });
  toUi.once('error', () => {
    if (outgoing.headersSent) {
      outgoing.destroy();
    } else {
      refuse(outgoing, 502, "Temporal's UI does not answer");
    }
  });
  outgoing.once('close', () => toUi.destroy());
  incoming.pipe(toUi);
}

/** Headers that are for one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade']);

function withoutHopByHop(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

function refuse(outgoing: ServerResponse, status: number, sentence: string): void {
  outgoing.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  outgoing.end(`${sentence}\n`);
}
