import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import type { JsonObject } from '../../events/json';

const CLIENT_ID = 'stand-in-app';
const CLIENT_SECRET = 'stand-in-app-secret';
const REFRESH_TOKEN = 'stand-in-refresh';
const LIFETIME_S = 3_600;
const MOST_TOKENS = 100;

/** An OAuth2 token endpoint on loopback (RFC 6749), with grants `client_credentials` and `refresh_token`. */
export interface TokenStandIn {
  /** Settings of the e-mail connection that point it here. */
  settings: JsonObject;
  /** The grants that were asked for, oldest first. */
  grants: readonly string[];
  /** Whether this is a token that the endpoint gave, and that was not revoked since. */
  isValid(token: string): boolean;
  /** Makes all tokens given so far invalid, before they expire. */
  revoke(): void;
  /** Lets the next request fail with this status, and this error of RFC 6749. */
  failNext(status: number, error?: string): void;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startTokenStandIn(): Promise<TokenStandIn> {
  const grants: string[] = [];
  const valid = new Set<string>();
  const failures: { status: number; error: string }[] = [];
  const server = fastify();
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  server.post<{ Body: Record<string, string> }>('/token', async ({ body }, reply) => {
    const failure = failures.shift();
    if (failure !== undefined) {
      return reply.code(failure.status).send({ error: failure.error, error_description: 'refused by the stand-in' });
    }
    if (body['client_id'] !== CLIENT_ID || body['client_secret'] !== CLIENT_SECRET) {
      return reply.code(401).send({ error: 'invalid_client' });
    }
    const grant = body['grant_type'] ?? '';
    const isGranted =
      grant === 'client_credentials' || (grant === 'refresh_token' && body['refresh_token'] === REFRESH_TOKEN);
    if (!isGranted) {
      return reply.code(400).send({ error: 'invalid_grant' });
    }
    grants.push(grant);
    const token = randomUUID();
    valid.add(token);
    const [oldest] = valid;
    if (valid.size > MOST_TOKENS && oldest !== undefined) {
      valid.delete(oldest);
    }
    return { token_type: 'Bearer', access_token: token, expires_in: LIFETIME_S };
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const address = server.server.address() as AddressInfo;
  return {
    settings: {
      oauth_token_url: `http://127.0.0.1:${address.port}/token`,
      oauth_client_id: CLIENT_ID,
      oauth_client_secret: CLIENT_SECRET,
    },
    grants,
    isValid: (token) => valid.has(token),
    revoke: () => valid.clear(),
    failNext: (status, error = 'temporarily_unavailable') => void failures.push({ status, error }),
    stop: () => server.close(),
  };
}
