import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A call of the API. */
export interface ApiRequest {
  /** Parts of the path: `/jobs/:id` gives `id`. */
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  /** The parsed JSON body; undefined when there is none. */
  body: unknown;
  /** The user that the caller names: for the audit log, not for access. */
  who: string;
}

/** One call that the API answers. What `run` returns is the JSON answer. */
export interface ApiRoute {
  method: 'GET' | 'POST';
  /** Below `/api/v1`: `/jobs/:id`. */
  path: string;
  /** @throws ApiError for a call that cannot be done. */
  run: (request: ApiRequest) => Promise<unknown>;
}

/** A call that cannot be done. The message says what to do, and holds no personal data. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: 400 | 404 | 409 | 503,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A request that does not fit a schema: names every wrong member. @param issues as zod reports them. */
export function wrongRequest(issues: readonly { path: readonly PropertyKey[]; message: string }[]): ApiError {
  const what = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
  return new ApiError(400, 'wrong_request', what.join('; '));
}

/** The API of the admin port. */
export interface Api {
  routes: readonly ApiRoute[];
  /** What callers must show: `Authorization: Bearer <token>`. */
  token: string;
}

const USER = /^[\w.@\\-]{1,64}$/;
const BODY_LIMIT = 1_048_576;

/** Adds the routes of the API to the admin server. Every call needs the token. */
export function addApi(http: FastifyInstance, api: Api): void {
  for (const { method, path, run } of api.routes) {
    http.route<{ Params: Record<string, string>; Querystring: Record<string, string> }>({
      method,
      url: `/api/v1${path}`,
      bodyLimit: BODY_LIMIT,
      onRequest: (request, reply, done) => {
        if (hasToken(request, api.token)) {
          done();
        } else {
          void reply.code(401).send({
            error: 'unauthorized',
            message:
              'the API needs the token in the file admin-api.json of the data folder: Authorization: Bearer <token>',
          });
        }
      },
      handler: async (request, reply) => {
        try {
          const answer = await run({
            params: request.params,
            query: request.query,
            body: request.body,
            who: userOf(request),
          });
          return await reply.send(answer);
        } catch (error) {
          return sendError(reply, error);
        }
      },
    });
  }
}

function hasToken(request: FastifyRequest, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function userOf(request: FastifyRequest): string {
  const user = request.headers['x-bridge-user'];
  return typeof user === 'string' && USER.test(user) ? user : 'unknown';
}

/** Requests that the HTTP server refuses before a route sees them. */
const REFUSED: Readonly<Record<number, { error: string; message: string }>> = {
  400: {
    error: 'wrong_request',
    message: 'the request cannot be read: the body must be JSON, and the path well-formed',
  },
  413: { error: 'too_large', message: `the body is longer than ${BODY_LIMIT} bytes` },
  415: { error: 'wrong_media_type', message: 'send the body with Content-Type: application/json' },
};

/** Answers a call that failed, in the one form of all errors of the admin port: `error` (a code) and `message`. */
export function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof ApiError) {
    return reply.code(error.status).send({ error: error.code, message: error.message });
  }
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) {
    return reply.code(status).send(REFUSED[status] ?? REFUSED[400]);
  }
  // The message of any other error may quote what was sent or stored.
  const name = error instanceof Error ? error.name : 'unknown';
  return reply.code(500).send({ error: 'bug', message: `the bridge failed at this call (${name}); please report it` });
}
