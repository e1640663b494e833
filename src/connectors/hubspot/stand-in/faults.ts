import type { FastifyReply, FastifyRequest } from 'fastify';

/** How the stand-in goes wrong. `lose_answer` does what was asked and then drops the connection. */
export type FailureKind =
  { status: number; body?: string; headers?: Record<string, string> } | 'hang' | 'reset' | 'lose_answer' | 'html';

/** Which requests are to go wrong, and how. */
export interface FailureOrder {
  /** Only this method. */
  method?: string;
  /** Only paths that hold this text, or fit this pattern; the path without its query. */
  path?: string | RegExp;
  /** How many requests; one when absent. */
  times?: number;
  /** `{status, body, headers}` is sent exactly so: no content type unless given. `html` is a gateway's 502 page. */
  how: FailureKind;
}

/** The failures that were ordered, and the requests that hang because of them. */
export class Faults {
  #orders: (FailureOrder & { left: number })[] = [];
  readonly #hanging = new Set<FastifyReply>();
  readonly #losing = new WeakSet<FastifyRequest>();

  add(order: FailureOrder): void {
    this.#orders.push({ ...order, left: order.times ?? 1 });
  }

  heal(): void {
    this.#orders = [];
    for (const reply of this.#hanging) {
      reply.raw.destroy();
    }
    this.#hanging.clear();
  }

  /** @returns whether the request is answered, or never will be. */
  strike(request: FastifyRequest, reply: FastifyReply): boolean {
    const path = request.url.split('?')[0] ?? '';
    const order = this.#orders.find((candidate) => fits(candidate, request.method, path));
    if (order === undefined) {
      return false;
    }
    order.left -= 1;
    this.#orders = this.#orders.filter((candidate) => candidate.left > 0);
    if (order.how === 'lose_answer') {
      this.#losing.add(request);
      return false;
    }
    reply.hijack();
    if (order.how === 'hang') {
      this.#hanging.add(reply);
      reply.raw.on('close', () => this.#hanging.delete(reply));
    } else if (order.how === 'reset') {
      request.raw.socket.resetAndDestroy();
    } else if (order.how === 'html') {
      reply.raw
        .writeHead(502, { 'content-type': 'text/html' })
        .end('<html><body><h1>502 Bad Gateway</h1></body></html>');
    } else {
      reply.raw.writeHead(order.how.status, order.how.headers ?? {}).end(order.how.body ?? '');
    }
    return true;
  }

  /** Drops the connection of a request whose answer is to be lost: its effect is done. */
  afterEffect(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#losing.has(request)) {
      reply.raw.destroy();
    }
  }
}

function fits(order: FailureOrder, method: string, path: string): boolean {
  const onPath =
    order.path === undefined || (typeof order.path === 'string' ? path.includes(order.path) : order.path.test(path));
  return onPath && (order.method === undefined || order.method.toUpperCase() === method);
}
