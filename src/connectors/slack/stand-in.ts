import { createHash } from 'node:crypto';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { JsonObject, JsonValue } from '../../events/json';
import type { RunningStandIn } from '../connector';

const TOKEN = 'xoxb-stand-in';
const TEAM_ID = 'T0STANDIN';
const MOST_KEPT = 1_000;
const MOST_CHARACTERS = 40_000;
const MOST_BLOCKS = 50;

/** A message that was posted. */
export interface PostedMessage {
  /** Id of the channel. */
  channel: string;
  /** The channel as the caller wrote it. */
  postedTo: string;
  ts: string;
  text: string;
  blocks: JsonValue[] | null;
  threadTs: string | null;
  clientMsgId: string | null;
  /** Every argument of the call, as it came over the wire. */
  args: Readonly<Record<string, string>>;
}

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

/** A call that the stand-in got. */
export interface SlackRequest {
  /** `chat.postMessage` */
  method: string;
  args: Readonly<Record<string, string>>;
  authorised: boolean;
}

/**
 * Slack on loopback: its form-encoded Web API with `auth.test`, `chat.postMessage` and `conversations.list`. State is
 * in memory and bounded.
 *
 * A `client_msg_id` that it had before gets the first message's `ts` back and posts nothing. Slack documents no more
 * than the errors of this (`duplicate_message_not_found`: "no duplicate message exists associated with client_msg_id"),
 * which say that a known id is answered with the message that it belongs to; that error is given here when that message
 * was taken away. Every channel exists unless it is in `missing`.
 */
export interface SlackStandIn extends RunningStandIn {
  /** `http://127.0.0.1:<port>/api/` */
  url: string;
  /** Every message that was posted, oldest first. */
  messages: PostedMessage[];
  /** The latest calls, oldest first. */
  requests: readonly SlackRequest[];
  /** Channels, as callers write them, that do not exist. */
  missing: Set<string>;
  /** Makes the next calls fail. */
  failNext(trouble: NextSlackTrouble): void;
}

interface State {
  messages: PostedMessage[];
  requests: SlackRequest[];
  missing: Set<string>;
  troubles: Required<NextSlackTrouble>[];
  /** `ts` by client_msg_id. */
  known: Map<string, string>;
  lastTs: bigint;
}

type Answer = { ok: boolean } & JsonObject;

/** Starts the stand-in on loopback. */
export async function startSlackStandIn(options: { port?: number } = {}): Promise<SlackStandIn> {
  const state: State = { messages: [], requests: [], missing: new Set(), troubles: [], known: new Map(), lastTs: 0n };
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
    requests: state.requests,
    missing: state.missing,
    failNext: ({ times = 1, how }) => void state.troubles.push({ times, how }),
    stop: () => server.close(),
  };
}

function serve(server: FastifyInstance, state: State): void {
  const methods: Readonly<Record<string, (args: Readonly<Record<string, string>>) => Answer>> = {
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
    'chat.postMessage': (args) => post(state, args),
    'conversations.list': () => ({ ok: true, channels: listChannels(state), response_metadata: { next_cursor: '' } }),
  };
  server.setErrorHandler((_error, _request, reply) => reply.code(200).send({ ok: false, error: 'invalid_form_data' }));
  server.route<{ Params: { method: string } }>({
    method: ['GET', 'POST'],
    url: '/api/:method',
    handler: async (request, reply) => {
      const args = argumentsOf(request);
      const authorised = request.headers.authorization === `Bearer ${TOKEN}`;
      keep(state.requests, { method: request.params.method, args, authorised });
      reply.header('x-oauth-scopes', 'chat:write,channels:read');
      const trouble = nextTrouble(state);
      if (trouble !== null && trouble !== 'lose_answer' && trouble !== 'truncate') {
        return makeTrouble(trouble, request, reply);
      }
      const answer = answerTo(methods[request.params.method], args, {
        authorised,
        given: request.headers.authorization !== undefined,
      });
      return trouble === null ? answer : loseAnswer(trouble, answer, request, reply);
    },
  });
}

function answerTo(
  method: ((args: Readonly<Record<string, string>>) => Answer) | undefined,
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

function post(state: State, args: Readonly<Record<string, string>>): Answer {
  const { channel: postedTo = '', text = '', thread_ts: threadTs = null, client_msg_id: clientMsgId = null } = args;
  if (postedTo === '' || state.missing.has(postedTo)) {
    return refuse('channel_not_found');
  }
  const blocks = args['blocks'] === undefined ? null : readBlocks(args['blocks']);
  if (blocks === undefined) {
    return refuse('invalid_blocks');
  }
  if (text === '' && (blocks === null || blocks.length === 0)) {
    return refuse('no_text');
  }
  const channel = channelId(postedTo);
  const knownTs = clientMsgId === null ? undefined : state.known.get(clientMsgId);
  if (knownTs !== undefined) {
    const first = state.messages.find((message) => message.ts === knownTs);
    return first === undefined ? refuse('duplicate_message_not_found') : accept(first);
  }
  const message: PostedMessage = {
    channel,
    postedTo,
    ts: nextTs(state),
    text: text.slice(0, MOST_CHARACTERS),
    blocks,
    threadTs,
    clientMsgId,
    args,
  };
  keep(state.messages, message);
  if (clientMsgId !== null) {
    remember(state.known, clientMsgId, message.ts);
  }
  return accept(message);
}

function accept({ channel, ts, text, threadTs }: PostedMessage): Answer {
  return {
    ok: true,
    channel,
    ts,
    message: {
      type: 'message',
      subtype: 'bot_message',
      text,
      ts,
      bot_id: 'B0STANDIN',
      ...(threadTs === null ? {} : { thread_ts: threadTs }),
    },
  };
}

function refuse(error: string): Answer {
  return { ok: false, error };
}

/** @returns undefined when they are not blocks. */
function readBlocks(given: string): JsonValue[] | undefined {
  let blocks: unknown;
  try {
    blocks = JSON.parse(given);
  } catch {
    return undefined;
  }
  const fine =
    Array.isArray(blocks) &&
    blocks.length <= MOST_BLOCKS &&
    blocks.every((block: unknown) => typeof block === 'object' && block !== null && 'type' in block);
  return fine ? (blocks as JsonValue[]) : undefined;
}

function listChannels(state: State): JsonObject[] {
  const byId = new Map(state.messages.map(({ channel, postedTo }) => [channel, postedTo.replace(/^#/, '')]));
  return [...byId].map(([id, name]) => ({ id, name, is_channel: true, is_member: true }));
}

/** Ids stay as they are; a name always gets the same one. */
function channelId(channel: string): string {
  return /^[CDGU][A-Z0-9]{6,}$/.test(channel)
    ? channel
    : `C${createHash('sha1').update(channel.replace(/^#/, '')).digest('hex').slice(0, 10).toUpperCase()}`;
}

/** Microseconds since 1970, written as Slack does, each later than the one before. */
function nextTs(state: State): string {
  const now = BigInt(Date.now()) * 1_000n;
  state.lastTs = now > state.lastTs ? now : state.lastTs + 1n;
  return `${state.lastTs / 1_000_000n}.${String(state.lastTs % 1_000_000n).padStart(6, '0')}`;
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

function nextTrouble(state: State): SlackTrouble | null {
  const [trouble] = state.troubles;
  if (trouble === undefined) {
    return null;
  }
  trouble.times -= 1;
  if (trouble.times <= 0) {
    state.troubles.shift();
  }
  return trouble.how;
}

async function makeTrouble(
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

function loseAnswer(
  how: 'lose_answer' | 'truncate',
  answer: Answer,
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

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MOST_KEPT) {
    list.shift();
  }
}

function remember(map: Map<string, string>, key: string, value: string): void {
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > MOST_KEPT && oldest !== undefined) {
    map.delete(oldest);
  }
}
