/**
 * Anchor: the least that an answer costs. A Fastify route that checks the signature, parses the body and stores nothing.
 */
import { serveSignedRoute } from './signed-route';

void serveSignedRoute(() => undefined);
