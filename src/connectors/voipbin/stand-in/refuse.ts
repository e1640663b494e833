import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';

/** Answers with VoIPBIN's error envelope. */
export function refuse(reply: FastifyReply, code: number, status: string, reason: string): FastifyReply {
  return reply.code(code).send({
    error: { status, reason, message: reason.toLowerCase(), request_id: `req_${randomUUID().replaceAll('-', '')}` },
  });
}
