import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { TakenItem } from '../../mailbox';
import { partsOf } from '../text-parts';
import { addTo, keep, pageOf, type Listed, type StandInClock } from './lists';
import { refuse } from './refuse';

/** A text that was sent, as VoIPBIN would have handed it on. */
export interface SentText {
  id: string;
  from: string;
  to: string;
  text: string;
}

/** What decides in the stand-in whether the account may send texts. Default: verified, 10 dollars. */
export interface StandInAccount {
  identity: 'none' | 'pending' | 'verified' | 'rejected';
  /** In millionths of a dollar; a text costs 8,000. */
  credit: number;
}

/** What the messages of the stand-in need of it. */
export interface MessagesState {
  customerId: string;
  messages: Listed[];
  sent: SentText[];
  account: StandInAccount;
  clock: StandInClock;
}

const TEXT_COSTS = 8_000;

const address = z.object({ type: z.string().default(''), target: z.string().min(1) });
const newMessage = z.object({ source: address, destinations: z.array(address).min(1), text: z.string().min(1) });

/** Serves the list of messages, sending and deleting. */
export function serveMessages(api: FastifyInstance, state: MessagesState): void {
  api.get('/messages', (request) => pageOf(state.messages, request.query));
  api.delete<{ Params: { id: string } }>('/messages/:id', async ({ params }, reply) => {
    const found = state.messages.find(({ item }) => item['id'] === params.id && item['tm_delete'] === null);
    if (found === undefined) {
      return refuse(reply, 404, 'NOT_FOUND', 'MESSAGE_NOT_FOUND');
    }
    // It stays in the list: VoIPBIN lists deleted messages too.
    found.item['tm_delete'] = state.clock.stamp().text;
    return found.item;
  });
  api.post('/messages', async (request, reply) => {
    const parsed = newMessage.safeParse(request.body);
    if (!parsed.success) {
      return refuse(reply, 400, 'INVALID_ARGUMENT', 'INVALID_REQUEST');
    }
    if (state.account.identity !== 'verified' || state.account.credit < TEXT_COSTS) {
      return refuse(reply, 500, 'INTERNAL', 'INTERNAL');
    }
    const { source, destinations, text } = parsed.data;
    const id = randomUUID();
    const parts = partsOf(text);
    const message = {
      id,
      customer_id: state.customerId,
      type: 'sms',
      source,
      targets: destinations.map((each) => ({ destination: each, status: 'queued', parts, tm_update: null })),
      text,
      direction: 'outbound',
    };
    const stored = addTo(state.messages, message, state.clock);
    for (const destination of destinations) {
      keep(state.sent, { id, from: source.target, to: destination.target, text });
    }
    return stored;
  });
}

/** The texts that were sent, as people look at them. */
export function takenTexts({ sent, messages }: MessagesState): TakenItem[] {
  const times = new Map(messages.map(({ createdAt, item }) => [item['id'], createdAt]));
  return sent.map(({ id, from, to, text }) => ({
    at: (times.get(id) ?? new Date(0)).toISOString(),
    what: 'text',
    to,
    lines: [`from: ${from}`, ...text.split('\n')],
  }));
}
