/**
 * Anchor: the least that an answer costs. A Fastify route that checks the signature, parses the body and stores nothing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import fastify from 'fastify';
import { ready } from './child';
import { SECRET } from './events';

async function main(): Promise<void> {
  const http = fastify({ logger: false });
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  http.post<{ Body: Buffer }>('/voipbin/webhook', async (request, reply) => {
    const given = Buffer.from(String(request.headers['x-voipbin-signature']).slice('sha256='.length), 'hex');
    const expected = createHmac('sha256', SECRET).update(request.body).digest();
    if (given.length !== expected.length || !timingSafeEqual(expected, given)) {
      return reply.code(401).send({ error: 'signature' });
    }
    const event: { type: string; data: { id: string } } = JSON.parse(request.body.toString('utf8'));
    return { status: 'received', id: `${event.type}/${event.data.id}` };
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  ready(`${url}/voipbin/webhook`, () => http.close());
}

void main();
