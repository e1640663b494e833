import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JsonObject } from '../../../events/json';

/** A failure that the stand-in makes on demand. */
export type StandInFailure =
  /** Answers this instead of doing anything; with `after_effect` it does it first. */
  | { status: number; body?: string | JsonObject; headers?: Record<string, string>; after_effect?: boolean }
  /** Never answers, does nothing. */
  | 'hang'
  /** Breaks the connection, does nothing. */
  | 'reset'
  /** Does it, then breaks the connection instead of answering. */
  | 'lose_answer'
  /** Does it, and never answers. */
  | 'hang_after_effect';

/** Which requests fail, how, and how often. */
export interface NextFailure {
  /** `/messages`: the path below `/v1.0`, or its beginning. */
  path: string;
  method?: 'GET' | 'POST' | 'PUT';
  /** Default 1. */
  times?: number;
  /** How many matching requests succeed before; default 0. */
  after?: number;
  how: StandInFailure;
}

/** The failures that a test asked for, each for the next requests that match it. */
export class RequestedFailures {
  readonly #failures: (NextFailure & { times: number; after: number })[] = [];

  add(failure: NextFailure): void {
    this.#failures.push({ times: 1, after: 0, ...failure });
  }

  /** Makes matching requests of a server fail, before or after they take effect. */
  hookInto(server: FastifyInstance): void {
    const pending = new WeakMap<FastifyRequest, StandInFailure>();
    server.addHook('onRequest', async (request, reply) => {
      const failure = this.#take(request);
      if (failure !== null && isAfterEffect(failure)) {
        pending.set(request, failure);
      } else if (failure !== null) {
        await fail(failure, request, reply);
      }
    });
    server.addHook('onSend', async (request, reply, payload) => {
      const failure = pending.get(request);
      if (failure === undefined) {
        return payload;
      }
      if (failure === 'hang_after_effect') {
        return new Promise(() => undefined);
      }
      if (typeof failure === 'object') {
        reply
          .code(failure.status)
          .headers({ ...failure.headers })
          .removeHeader('content-length');
        return typeof failure.body === 'object' ? JSON.stringify(failure.body) : (failure.body ?? '');
      }
      request.raw.socket.resetAndDestroy();
      return payload;
    });
  }

  #take(request: FastifyRequest): StandInFailure | null {
    const path = request.url.replace(/^\/v1\.0/, '');
    const at = this.#failures.findIndex(
      (failure) => path.startsWith(failure.path) && (failure.method === undefined || failure.method === request.method),
    );
    const failure = this.#failures[at];
    if (failure === undefined) {
      return null;
    }
    if (failure.after > 0) {
      failure.after -= 1;
      return null;
    }
    failure.times -= 1;
    if (failure.times <= 0) {
      this.#failures.splice(at, 1);
    }
    return failure.how;
  }
}

function isAfterEffect(failure: StandInFailure): boolean {
  return typeof failure === 'object'
    ? failure.after_effect === true
    : failure === 'lose_answer' || failure === 'hang_after_effect';
}

async function fail(failure: StandInFailure, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (typeof failure === 'object') {
    await reply
      .code(failure.status)
      .headers({ ...failure.headers })
      .send(failure.body ?? '');
    return;
  }
  reply.hijack();
  if (failure === 'reset') {
    request.raw.socket.resetAndDestroy();
  }
}
