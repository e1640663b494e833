import type { FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { WEBHOOK_ERRORS, type RefusalReason } from '../errors/webhook-errors';
import type { BodyFailure } from './read-body';
import type { ReceiverMetrics } from './metrics';

/** Where VoIPBIN's webhook URI points. A trailing slash is fine. */
export const WEBHOOK_PATH = '/voipbin/webhook';

/** The largest body that is accepted. VoIPBIN sets no limit; a large `activeflow_updated` is far below it. */
export const MAX_BODY_BYTES = 10 * 1_048_576;

/** VoIPBIN's settings allow these four. */
export const EVENT_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'GET', 'DELETE']);

/** JSON, as the webhook answers it. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * A refused body up to this size is read to its end, so that its sender gets the answer and not a broken connection.
 */
const DRAIN_BYTES = 64 * 1_048_576;

/**
 * Answers and counts what is refused. Statuses come from {@link WEBHOOK_ERRORS}.
 *
 * The connection is closed after every refusal of what a stranger can send too.
 */
export class Refusals {
  constructor(private readonly metrics: Pick<ReceiverMetrics, 'refused'>) {}

  address(reply: FastifyReply): Promise<FastifyReply> {
    return this.#close(reply, 'address', 'this address may not call the webhook');
  }

  page(reply: FastifyReply): Promise<FastifyReply> {
    return this.#close(reply, 'page', 'web pages may not send events; set VOIPBIN_WEBHOOK_SECRET, and sign them');
  }

  method(reply: FastifyReply): Promise<FastifyReply> {
    void reply.header('allow', [...EVENT_METHODS].join(', '));
    return this.#close(reply, 'method', `send events by POST or PUT to ${WEBHOOK_PATH}`);
  }

  /** @param declaredBytes the Content-Length. */
  size(reply: FastifyReply, declaredBytes: number): FastifyReply {
    return this.#send(
      reply,
      'too_large',
      `the body is larger than ${MAX_BODY_BYTES} bytes`,
      declaredBytes > DRAIN_BYTES,
    );
  }

  signature(reply: FastifyReply): Promise<FastifyReply> {
    const message = 'the X-VoIPBIN-Signature header is missing or was not made with a secret of this bridge';
    return this.#close(reply, 'signature', message);
  }

  encoding(reply: FastifyReply): FastifyReply {
    return this.#send(reply, 'encoding', 'the body must not be compressed (Content-Encoding: identity)');
  }

  /**
   * @param quarantineId null when the body is not kept.
   * @param closes whether to close the connection as well.
   */
  invalidEvent(reply: FastifyReply, message: string, quarantineId: string | null, closes: boolean): FastifyReply {
    const kept =
      quarantineId === null
        ? 'this address sent too many such requests, so this one is not kept'
        : `it is kept as ${quarantineId} (bridge events list --quarantine)`;
    return this.#send(reply, 'not_an_event', `${message}; ${kept}`, closes);
  }

  /** The body was not read to its end, so the connection cannot be used again. */
  unreadBody(reply: FastifyReply, failure: BodyFailure): FastifyReply {
    switch (failure) {
      case 'too_large':
        return this.#send(reply, 'too_large', `the body is larger than ${MAX_BODY_BYTES} bytes`, true);
      case 'busy':
        return this.#send(reply, 'busy', 'too many large bodies are being received at once', true);
      case 'broken':
        return this.#send(reply, 'broken', 'the connection ended before the body did');
    }
  }

  unavailable(reply: FastifyReply): FastifyReply {
    return this.#send(reply, 'unavailable', 'the event could not be stored; please send it again');
  }

  /** Refuses, and closes the connection as soon as the request has been received whole. */
  async #close(reply: FastifyReply, reason: Exclude<RefusalReason, 'http'>, message: string): Promise<FastifyReply> {
    await drain(reply.request.raw);
    return this.#send(reply, reason, message, true);
  }

  #send(reply: FastifyReply, reason: Exclude<RefusalReason, 'http'>, message: string, closes = false): FastifyReply {
    this.metrics.refused(reason);
    if (closes) {
      void reply.header('connection', 'close');
    }
    return sendJson(reply.code(WEBHOOK_ERRORS[reason].status), { error: reason, message });
  }
}

/** Refuses every path but the webhook, and closes the connection. */
export async function refuseNotFound(reply: FastifyReply): Promise<FastifyReply> {
  await drain(reply.request.raw);
  void reply.header('connection', 'close');
  return sendJson(reply.code(404), { error: 'not_found', message: `the webhook is at ${WEBHOOK_PATH}` });
}

/**
 * Reads and discards a request's body. A connection that is closed before would be reset, and the client would not see
 * the answer. Resolves at the end, when the client goes away, and after {@link DRAIN_BYTES}.
 */
function drain(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let length = 0;
    const finish = (): void => {
      request.off('data', onData).off('end', finish).off('close', finish);
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > DRAIN_BYTES) {
        finish();
      }
    };
    if (request.readableEnded || request.destroyed) {
      resolve();
      return;
    }
    request.on('error', () => undefined);
    request.on('data', onData).on('end', finish).on('close', finish);
  });
}

/** Sends a value as JSON. */
export function sendJson(reply: FastifyReply, value: object): FastifyReply {
  return reply.header('content-type', JSON_TYPE).send(JSON.stringify(value));
}
