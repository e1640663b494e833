import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { RunningStandIn } from '../connector';
import { loseAnswer, makeTrouble, nextTrouble, type NextSlackTrouble } from './stand-in-failures';
import {
  history,
  keep,
  listChannels,
  lookUpPerson,
  needing,
  post,
  refuse,
  remove,
  takenPost,
  type Answer,
  type PostedMessage,
  type SlackRate,
  type Workspace,
} from './stand-in-workspace';

const TOKEN = 'xoxb-stand-in';
const TEAM_ID = 'T0STANDIN';
/** Slack: "generally" one message per second and channel, and "generous burst behavior", without a number. */
const RATE: SlackRate = { perSecond: 1, burst: 100 };

/** A call that the stand-in got. */
export interface SlackRequest {
  /** `chat.postMessage` */
  method: string;
  args: Readonly<Record<string, string>>;
  authorised: boolean;
}

/** How the stand-in behaves where Slack's behaviour depends on the account, or is in no manual. */
export interface SlackStandInOptions {
  /** 0 or absent: a free one. */
  port?: number;
  /**
   * What a `client_msg_id` does that came before. `ignored`: nothing, the message is posted again. `recognised`: the first
   * message's `ts` comes back and nothing is posted; where that message was taken away, `duplicate_message_not_found`.
   * Slack documents errors that only make sense with the second, and its staff advises apps not to rely on it.
   */
  clientMsgId?: 'ignored' | 'recognised';
  rate?: SlackRate;
}

/**
 * Slack on loopback: its form-encoded Web API with `auth.test`, `chat.postMessage`, `chat.delete`, `conversations.list`,
 * `conversations.history` and `users.lookupByEmail`. State is in memory and bounded.
 *
 * Every channel exists and has the bot in it, unless a test says otherwise. A text of more than 4,000 characters without
 * blocks becomes several messages; the answer names the first.
 */
export interface SlackStandIn extends RunningStandIn {
  /** `http://127.0.0.1:<port>/api/` */
  url: string;
  /** Every message that was posted, oldest first. */
  messages: PostedMessage[];
  /** The latest calls, oldest first. */
  requests: readonly SlackRequest[];
  /** Channels, as callers write them, that do not exist, or are private and without the bot. */
  missing: Set<string>;
  /** Public channels, as callers write them, that the bot is not in. */
  notJoined: Set<string>;
  /** The ids of people by e-mail. */
  people: Map<string, string>;
  /** The scopes of the token. */
  scopes: Set<string>;
  /** Makes the next calls fail. */
  failNext(trouble: NextSlackTrouble): void;
  /** Ends all trouble that still waits. */
  heal(): void;
}

interface State extends Workspace {
  requests: SlackRequest[];
  troubles: Required<NextSlackTrouble>[];
}

type Method = (args: Readonly<Record<string, string>>) => Answer;

/** Starts the stand-in on loopback. */
export async function startSlackStandIn(options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const state: State = {
    messages: [],
    requests: [],
    missing: new Set(),
    notJoined: new Set(),
    people: new Map(),
    scopes: new Set(['chat:write', 'channels:history', 'users:read.email']),
    recognises: options.clientMsgId === 'recognised',
    rate: options.rate ?? RATE,
    dueAt: new Map(),
    troubles: [],
    known: new Map(),
    lastTs: 0n,
  };
  const server = fastify({ forceCloseConnections: true });
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  serve(server, state);
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const url = `${server.listeningOrigin}/api/`;
  return {
    url,
    settings: { bot_token: TOKEN, api_url: url },
    messages: state.messages,
    taken: () => state.messages.map(takenPost),
    requests: state.requests,
    missing: state.missing,
    notJoined: state.notJoined,
    people: state.people,
    scopes: state.scopes,
    failNext: ({ times = 1, how }) => void state.troubles.push({ times, how }),
    heal: () => void state.troubles.splice(0),
    stop: () => server.close(),
  };
}

function serve(server: FastifyInstance, state: State): void {
  const methods: Readonly<Record<string, Method>> = {
    'auth.test': () => ({
      ok: true,
      url: 'https://stand-in.slack.com/',
      team: 'stand-in',
      user: 'voipbin',
      team_id: TEAM_ID,
      user_id: 'U0STANDIN',
      bot_id: 'B0STANDIN',
      is_enterprise_install: false,
    }),
    'chat.postMessage': (args) => needing(state, 'chat:write') ?? post(state, args),
    'users.lookupByEmail': (args) => needing(state, 'users:read.email') ?? lookUpPerson(state, args),
    'chat.delete': (args) => needing(state, 'chat:write') ?? remove(state, args),
    'conversations.list': () =>
      needing(state, 'channels:read') ?? {
        ok: true,
        channels: listChannels(state),
        response_metadata: { next_cursor: '' },
      },
    'conversations.history': (args) => needing(state, 'channels:history') ?? history(state, args),
  };
  server.setErrorHandler((_error, _request, reply) => reply.code(200).send({ ok: false, error: 'invalid_form_data' }));
  server.route<{ Params: { method: string } }>({
    method: ['GET', 'POST'],
    url: '/api/:method',
    handler: async (request, reply) => {
      const args = argumentsOf(request);
      const authorised = request.headers.authorization === `Bearer ${TOKEN}`;
      keep(state.requests, { method: request.params.method, args, authorised });
      reply.header('x-oauth-scopes', [...state.scopes].join(','));
      const trouble = nextTrouble(state.troubles);
      if (trouble !== null && trouble !== 'lose_answer' && trouble !== 'truncate') {
        return makeTrouble(trouble, request, reply);
      }
      const answer = answerTo(methods[request.params.method], args, {
        authorised,
        given: request.headers.authorization !== undefined,
      });
      if (answer['error'] === 'ratelimited') {
        return reply.code(429).header('retry-after', answer['retry_after']).send({ ok: false, error: 'ratelimited' });
      }
      return trouble === null ? answer : loseAnswer(trouble, answer, request, reply);
    },
  });
}

function answerTo(
  method: Method | undefined,
  args: Readonly<Record<string, string>>,
  credential: { authorised: boolean; given: boolean },
): Answer {
  if (method === undefined) {
    return refuse('unknown_method');
  }
  if (!credential.authorised) {
    return refuse(credential.given ? 'invalid_auth' : 'not_authed');
  }
  return method(args);
}

function argumentsOf(request: FastifyRequest): Record<string, string> {
  const given = { ...asObject(request.query), ...asObject(request.body) };
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
