import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A receiver behind the balancer. */
export interface Member {
  webhook: string;
  admin: string;
}

const ASK_EVERY_MS = 200;
const ASKED_WITHIN_MS = 1_000;

/**
 * A load balancer in front of receivers: it polls `/readyz` of each, forwards requests to the ready ones in turn, and
 * tries the next one when a connection is refused. It keeps no connections, and never sends a request twice that a
 * receiver may have read: then it answers 502.
 */
export class Balancer {
  #ready: readonly Member[] = [];
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly members: readonly Member[],
    private readonly server: Server,
  ) {}

  static async start(members: readonly Member[]): Promise<Balancer> {
    const server = createServer();
    const balancer = new Balancer(members, server);
    server.on(
      'request',
      (incoming: IncomingMessage, response: ServerResponse) => void balancer.#handle(incoming, response),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await balancer.#ask();
    balancer.#timer = setInterval(() => void balancer.#ask(), ASK_EVERY_MS);
    return balancer;
  }

  get url(): string {
    const address: AddressInfo | string | null = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/voipbin/webhook`;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #ask(): Promise<void> {
    const answers = await Promise.all(
      this.members.map((member) =>
        fetch(`${member.admin}/readyz`, { signal: AbortSignal.timeout(ASKED_WITHIN_MS) }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    );
    this.#ready = this.members.filter((_, index) => answers[index]);
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    // Also those that did not say they are ready: better than to turn an event away.
    this.#turn += 1;
    const [first, ...others] =
      this.#ready.length === 0
        ? this.members
        : [
            ...this.#ready.slice(this.#turn % this.#ready.length),
            ...this.#ready.slice(0, this.#turn % this.#ready.length),
          ];
    for (const member of [
      ...(first === undefined ? [] : [first]),
      ...others,
      ...this.members.filter((one) => !this.#ready.includes(one)),
    ]) {
      const answer = await hand(member, incoming, body);
      if (answer !== 'refused') {
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
        return;
      }
    }
    response.writeHead(502).end();
  }
}

function hand(
  member: Member,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<'refused' | { status: number; text: string }> {
  return new Promise((resolve) => {
    const headers = { 'content-type': incoming.headers['content-type'] ?? '', 'content-length': body.length };
    const outgoing = request(member.webhook, { method: incoming.method ?? 'POST', headers, agent: false });
    outgoing.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 502, text }));
      answer.on('error', () => resolve({ status: 502, text: '' }));
    });
    outgoing.on('error', (error) =>
      resolve('code' in error && error.code === 'ECONNREFUSED' ? 'refused' : { status: 502, text: '' }),
    );
    outgoing.end(body);
  });
}
