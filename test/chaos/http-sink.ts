import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Effect } from './witness';

/** How the sink fails on demand; `lose_answer` does what the request asks first. */
export type HttpTrouble =
  { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'reset' | 'lose_answer';

/**
 * A server for `http.request` that knows a request again by its `Idempotency-Key`, as its rule is told: a key that it
 * had before does nothing more. The last part of the path is the subject's id.
 */
export class HttpSink {
  /** What came, with the moment (milliseconds since the epoch); those that met trouble, too. */
  readonly requests: { subject: string; at: number }[] = [];
  readonly #done = new Map<string, string>();
  readonly #troubles: { how: HttpTrouble; times: number }[] = [];
  readonly #server = createServer((request, response) => void this.#take(request, response));

  private constructor() {}

  static async start(): Promise<HttpSink> {
    const sink = new HttpSink();
    await new Promise<void>((resolve) => sink.#server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get url(): string {
    const address: AddressInfo | string | null = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  failNext(how: HttpTrouble, times = 1): void {
    this.#troubles.push({ how, times });
  }

  effects(): Effect[] {
    return [...this.#done].map(([under, subject]): Effect => ({ action: 'http.request', subject, under }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const subject = request.url?.split('/').at(-1) ?? '';
    this.requests.push({ subject, at: Date.now() });
    const trouble = this.#nextTrouble();
    request.resume();
    if (trouble === 'hang') {
      return;
    }
    if (trouble === 'reset') {
      request.socket.resetAndDestroy();
    } else if (trouble !== null && typeof trouble === 'object') {
      response.writeHead(trouble.status, trouble.headers ?? {}).end(trouble.body ?? '');
    } else {
      this.#done.set(`${String(request.headers['idempotency-key'])} ${subject}`, subject);
      if (trouble === 'lose_answer') {
        request.socket.resetAndDestroy();
      } else {
        response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
      }
    }
  }

  #nextTrouble(): HttpTrouble | null {
    const [trouble] = this.#troubles;
    if (trouble === undefined) {
      return null;
    }
    trouble.times -= 1;
    if (trouble.times <= 0) {
      this.#troubles.shift();
    }
    return trouble.how;
  }
}
