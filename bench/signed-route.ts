import { createHmac, timingSafeEqual } from 'node:crypto';
import fastify from 'fastify';
import { ready } from './child';
import { SECRET } from './events';

/** An event as a simple program reads it: nothing is checked but the signature. */
export interface SimpleEvent {
  type: string;
  data: { id: string; source: { target: string }; tm_hangup: string; hangup_reason: string };
}

/**
 * In an anchor's process: a Fastify route that checks the signature, parses the body, and answers like the bridge when
 * `handle` has resolved.
 */
export async function serveSignedRoute(
  handle: (event: SimpleEvent) => Promise<void> | void,
  end: () => Promise<void> | void = () => undefined,
): Promise<void> {
  const http = fastify({ logger: false });
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  http.post<{ Body: Buffer }>('/voipbin/webhook', async (request, reply) => {
    const given = Buffer.from(String(request.headers['x-voipbin-signature']).slice('sha256='.length), 'hex');
    const expected = createHmac('sha256', SECRET).update(request.body).digest();
    if (given.length !== expected.length || !timingSafeEqual(expected, given)) {
      return reply.code(401).send({ error: 'signature' });
    }
    const event: SimpleEvent = JSON.parse(request.body.toString('utf8'));
    await handle(event);
    return { status: 'received', id: `${event.type}/${event.data.id}` };
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  ready(`${url}/voipbin/webhook`, async () => {
    await http.close();
    await end();
  });
}
