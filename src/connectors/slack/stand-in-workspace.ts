import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../events/json';
import type { TakenItem } from '../mailbox';

const MOST_KEPT = 1_000;
const MOST_CHARACTERS = 40_000;
const MOST_CHARACTERS_IN_A_PIECE = 4_000;
const MOST_BLOCKS = 50;
const MOST_CHARACTERS_IN_BLOCKS = 13_200;

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

/** How fast one channel may be posted to. */
export interface SlackRate {
  perSecond: number;
  /** How many messages may come at once after a quiet time. */
  burst: number;
}

/** A Slack workspace in memory, bounded. */
export interface Workspace {
  messages: PostedMessage[];
  missing: Set<string>;
  notJoined: Set<string>;
  /** The ids of people by e-mail. */
  people: Map<string, string>;
  scopes: Set<string>;
  /** Whether a `client_msg_id` that came before is recognised. */
  recognises: boolean;
  rate: SlackRate;
  /** When the next message of a channel is due at the rate, by channel id, in milliseconds. */
  dueAt: Map<string, number>;
  /** `ts` by client_msg_id. */
  known: Map<string, string>;
  lastTs: bigint;
}

/** An answer of the Web API. */
export type Answer = { ok: boolean } & JsonObject;

/** `users.lookupByEmail`. */
export function lookUpPerson({ people }: Workspace, { email = '' }: Readonly<Record<string, string>>): Answer {
  const id = people.get(email);
  return id === undefined ? refuse('users_not_found') : { ok: true, user: { id, team_id: 'T0STANDIN' } };
}

/** `chat.postMessage`. */
export function post(state: Workspace, args: Readonly<Record<string, string>>): Answer {
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
  if (blocks !== null && charactersIn(blocks) > MOST_CHARACTERS_IN_BLOCKS) {
    return refuse('msg_blocks_too_long');
  }
  if (state.notJoined.has(postedTo) && !state.scopes.has('chat:write.public')) {
    return refuse('not_in_channel');
  }
  const channel = channelId(postedTo);
  const knownTs = clientMsgId === null || !state.recognises ? undefined : state.known.get(clientMsgId);
  if (knownTs !== undefined) {
    const first = state.messages.find((message) => message.ts === knownTs);
    return first === undefined ? refuse('duplicate_message_not_found') : accept(first);
  }
  const waitMs = waitForRate(state, channel);
  if (waitMs > 0) {
    return { ...refuse('ratelimited'), retry_after: Math.ceil(waitMs / 1_000) };
  }
  const pieces = (blocks === null ? piecesOf(text.slice(0, MOST_CHARACTERS)) : [text]).map((piece): PostedMessage => ({
    channel,
    postedTo,
    ts: nextTs(state),
    text: piece,
    blocks,
    threadTs,
    clientMsgId,
    args,
  }));
  pieces.forEach((piece) => keep(state.messages, piece));
  const [first] = pieces;
  if (first === undefined) {
    return refuse('no_text');
  }
  if (clientMsgId !== null) {
    remember(state.known, clientMsgId, first.ts);
  }
  return accept(first);
}

function piecesOf(text: string): string[] {
  const count = Math.max(1, Math.ceil(text.length / MOST_CHARACTERS_IN_A_PIECE));
  return Array.from({ length: count }, (_none, index) =>
    text.slice(index * MOST_CHARACTERS_IN_A_PIECE, (index + 1) * MOST_CHARACTERS_IN_A_PIECE),
  );
}

/** Takes a message's turn in its channel. @returns 0, or for how many milliseconds the channel takes none. */
function waitForRate({ rate, dueAt }: Workspace, channel: string): number {
  const intervalMs = 1_000 / rate.perSecond;
  const now = Date.now();
  const due = Math.max(dueAt.get(channel) ?? 0, now - intervalMs * (rate.burst - 1));
  if (due > now) {
    return due - now;
  }
  dueAt.set(channel, due + intervalMs);
  return 0;
}

/** `chat.delete`. */
export function remove(state: Workspace, { channel = '', ts = '' }: Readonly<Record<string, string>>): Answer {
  const index = state.messages.findIndex((message) => message.channel === channelId(channel) && message.ts === ts);
  if (index < 0) {
    return refuse('message_not_found');
  }
  state.messages.splice(index, 1);
  return { ok: true, channel: channelId(channel), ts };
}

/** `conversations.history`, newest first. */
export function history(state: Workspace, { channel = '', oldest = '0' }: Readonly<Record<string, string>>): Answer {
  const found = state.messages.filter(
    (message) => message.channel === channelId(channel) && Number(message.ts) > Number(oldest),
  );
  return {
    ok: true,
    messages: found.reverse().map(({ ts, text }) => ({ type: 'message', ts, text })),
    has_more: false,
  };
}

/** @returns the refusal of a token without the scope; null when it has it. */
export function needing(state: Workspace, scope: string): Answer | null {
  return state.scopes.has(scope)
    ? null
    : { ...refuse('missing_scope'), needed: scope, provided: [...state.scopes].join(',') };
}

/** The characters of every `text` in blocks. */
function charactersIn(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  return Object.entries(value).reduce<number>(
    (all, [key, inside]) => all + (key === 'text' && typeof inside === 'string' ? inside.length : charactersIn(inside)),
    0,
  );
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

/** A refusal in Slack's words. */
export function refuse(error: string): Answer {
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

/** The channels of `conversations.list`: those that were posted to, and those without the bot. */
export function listChannels(state: Workspace): JsonObject[] {
  const names = [...state.messages.map(({ postedTo }) => postedTo), ...state.notJoined];
  return [...new Set(names.map((name) => name.replace(/^#/, '')))].map((name) => ({
    id: channelId(name),
    name,
    is_channel: true,
    is_member: !state.notJoined.has(name) && !state.notJoined.has(`#${name}`),
  }));
}

/** Ids stay as they are; a name always gets the same one. */
function channelId(channel: string): string {
  return /^[CDGU][A-Z0-9]{6,}$/.test(channel)
    ? channel
    : `C${createHash('sha1').update(channel.replace(/^#/, '')).digest('hex').slice(0, 10).toUpperCase()}`;
}

/** Microseconds since 1970, written as Slack does, each later than the one before. */
function nextTs(state: Workspace): string {
  const now = BigInt(Date.now()) * 1_000n;
  state.lastTs = now > state.lastTs ? now : state.lastTs + 1n;
  return `${state.lastTs / 1_000_000n}.${String(state.lastTs % 1_000_000n).padStart(6, '0')}`;
}

/** Adds to a list that drops its oldest items. */
export function keep<T>(list: T[], item: T): void {
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

/** A message as people look at it. */
export function takenPost({ ts, postedTo, threadTs, text, blocks }: PostedMessage): TakenItem {
  return {
    at: new Date(Number(ts) * 1_000).toISOString(),
    what: threadTs === null ? 'post' : 'post in a thread',
    to: postedTo,
    lines: [...text.split('\n'), ...(blocks === null ? [] : [`blocks: ${JSON.stringify(blocks)}`])],
  };
}
