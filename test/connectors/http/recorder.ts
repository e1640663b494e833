import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** A request that a {@link Recorder} got. */
export interface Recorded {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The port of the client's end of the connection. */
  from: number | undefined;
}

/** A real HTTP server on loopback that keeps what it is sent and answers as it is told. */
export interface Recorder {
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  requests: Recorded[];
  /** Answers the next requests one after the other; then with `200 {}`. */
  answers: ((request: IncomingMessage, response: ServerResponse) => void)[];
  stop(): Promise<void>;
}

/** Starts a recorder. */
export async function startRecorder(): Promise<Recorder> {
  const requests: Recorded[] = [];
  const answers: Recorder['answers'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        from: request.socket.remotePort,
      });
      (answers.shift() ?? json(200, {}))(request, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    answers,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** An answer in JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}) {
  return (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** An answer as it is. */
export function raw(status: number, body: string | Buffer = '', headers: Record<string, string> = {}) {
  return (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, headers).end(body);
  };
}

/** The connection breaks instead of an answer. */
export function reset(request: IncomingMessage): void {
  request.socket.resetAndDestroy();
}

/** No answer ever. */
export function hang(): void {}

/** The connection breaks in the middle of the body of a success. */
export function breakOff(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
  response.write('{"ok":', () => request.socket.destroySoon());
}
