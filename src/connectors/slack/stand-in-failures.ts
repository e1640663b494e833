import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JsonObject } from '../../events/json';

/** Trouble that the stand-in makes on demand. */
export type SlackTrouble =
  | { status: number; body?: string; headers?: Record<string, string> }
  /** Slack's own way to refuse, with status 200; further fields (`needed`) go into the answer. */
  | ({ ok: false; error: string } & JsonObject)
  /** Never answers, does nothing. */
  | 'hang'
  /** Breaks the connection, does nothing. */
  | 'reset'
  /** Posts the message, then breaks the connection instead of answering. */
  | 'lose_answer'
  /** Posts the message, then breaks the connection in the middle of the answer. */
  | 'truncate'
  /** A page of HTML with status 200, as a proxy's log-in page. */
  | 'html';

/** Lets the next calls meet trouble. */
export interface NextSlackTrouble {
  /** Default 1. */
  times?: number;
  how: SlackTrouble;
}

/** Takes the trouble of the next call; null when it is to succeed. */
export function nextTrouble(troubles: Required<NextSlackTrouble>[]): SlackTrouble | null {
  const [trouble] = troubles;
  if (trouble === undefined) {
    return null;
  }
  trouble.times -= 1;
  if (trouble.times <= 0) {
    troubles.shift();
  }
  return trouble.how;
}

/** Makes trouble instead of an answer. */
export async function makeTrouble(
  trouble: Exclude<SlackTrouble, 'lose_answer' | 'truncate'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (trouble === 'hang' || trouble === 'reset') {
    reply.hijack();
    if (trouble === 'reset') {
      request.raw.socket.resetAndDestroy();
    }
    return reply;
  }
  if (trouble === 'html') {
    return reply.type('text/html').send('<!DOCTYPE html><title>Log in</title>');
  }
  if ('ok' in trouble) {
    return reply.send(trouble);
  }
  const { status, body = '', headers = {} } = trouble;
  return reply.code(Number(status)).headers(headers).send(body);
}

/** Breaks the connection instead of giving an answer, or in the middle of it. */
export function loseAnswer(
  how: 'lose_answer' | 'truncate',
  answer: JsonObject,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  reply.hijack();
  if (how === 'lose_answer') {
    request.raw.socket.resetAndDestroy();
    return reply;
  }
  const body = JSON.stringify(answer);
  reply.raw.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  reply.raw.write(body.slice(0, 10), () => request.raw.socket.destroySoon());
  return reply;
}
