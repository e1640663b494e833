import { z } from 'zod';
import { ActionError } from '../action-error';
import { keyUuid } from '../idempotency-uuid';
import type { Proof, ProofResult, ProofTools } from '../proof';
import type { SlackClient } from './client';

const NEEDS = { channel: 'the id of a channel for tests that the bot is in, such as C0123456789' };
/** Longer than one message by Slack's advice, well below the 40,000 characters at which Slack cuts. */
const LONG_TEXT_CHARACTERS = 12_000;

const posted = z.object({ channel: z.string(), ts: z.string(), message: z.object({ text: z.string() }) });
const history = z.object({ messages: z.array(z.object({ ts: z.string(), text: z.string().default('') })) });

type Run = (client: SlackClient, tools: ProofTools) => Promise<ProofResult>;

/** Posts a message, and has it removed. @throws ActionError, ZodError */
async function post(
  client: SlackClient,
  tools: ProofTools,
  args: { text: string; client_msg_id?: string },
): Promise<z.infer<typeof posted>> {
  const answer = posted.parse(
    await client.call('chat.postMessage', { channel: tools.given['channel'], ...args }, tools.signal),
  );
  const { channel, ts } = answer;
  tools.cleanup(`the message ${ts} in ${channel}`, (undoing) => remove(client, { channel, ts }, undoing));
  return answer;
}

async function remove(client: SlackClient, which: { channel: string; ts: string }, signal: AbortSignal): Promise<void> {
  await client.call('chat.delete', which, signal).catch((error: unknown) => {
    if (!(error instanceof ActionError) || error.detail.code !== 'message_not_found') {
      throw error;
    }
  });
}

const repeatedId: Run = async (client, tools) => {
  const message = { text: `${tools.mark}: one message, sent twice`, client_msg_id: keyUuid(tools.mark) };
  const first = await post(client, tools, message);
  const second = await post(client, tools, message);
  return second.ts === first.ts
    ? {
        answer: 'the second post with the same client_msg_id got the ts of the first',
        verdict: 'as_assumed',
        means: 'A retry after a lost answer leaves one message, at least within a short time.',
      }
    : {
        answer: 'the second post with the same client_msg_id is a message of its own',
        verdict: 'differs',
        means: 'Each lost answer can leave one more message; `on_ambiguous: fail` forbids it where it matters.',
      };
};

const repeatedAfterRemoval: Run = async (client, tools) => {
  const message = { text: `${tools.mark}: removed, then sent again`, client_msg_id: keyUuid(`${tools.mark}/removed`) };
  const { channel, ts } = await post(client, tools, message);
  await remove(client, { channel, ts }, tools.signal);
  try {
    const again = await post(client, tools, message);
    const same = again.ts === ts;
    return {
      answer: same ? 'the second post got the ts of the removed message' : 'the second post is a new message',
      verdict: 'differs',
      means: same
        ? 'A message that somebody removes before a retry is reported as posted.'
        : 'A message that somebody removes before a retry is posted again.',
    };
  } catch (error) {
    if (error instanceof ActionError && error.errorClass === 'ambiguous') {
      return {
        answer: `the second post is refused (${error.detail.code})`,
        verdict: 'as_assumed',
        means: 'A message that somebody removes before a retry is not posted again; the step asks to look.',
      };
    }
    throw error;
  }
};

const longText: Run = async (client, tools) => {
  const text = `${tools.mark} `.repeat(LONG_TEXT_CHARACTERS).slice(0, LONG_TEXT_CHARACTERS);
  const first = await post(client, tools, { text });
  const { channel, ts } = first;
  // The answer names one message. Every other piece has the mark, too.
  tools.cleanup(`the other pieces of a long text in ${channel}`, async (signal) => {
    const found = await client.call('conversations.history', { channel, oldest: ts, limit: 50 }, signal);
    for (const piece of history.parse(found).messages.filter((each) => each.text.includes(tools.mark))) {
      await remove(client, { channel, ts: piece.ts }, signal);
    }
  });
  const characters = first.message.text.length;
  return characters < LONG_TEXT_CHARACTERS
    ? {
        answer: `of a text of ${LONG_TEXT_CHARACTERS} characters, the message in the answer has ${characters}`,
        verdict: 'as_assumed',
        means: 'Slack divides long texts; the bridge cuts at 4,000 characters, so that a text is one message.',
      }
    : {
        answer: `a text of ${LONG_TEXT_CHARACTERS} characters is one message`,
        verdict: 'differs',
        means: 'The bridge cuts texts earlier than this workspace needs. Please report it.',
      };
};

const scopes: Run = async (client, { signal }) => {
  const known = (await client.whoAmI(signal)).scopes;
  return known === null
    ? {
        answer: 'Slack does not name the scopes of the token',
        verdict: 'differs',
        means: '`bridge connections check` cannot say whether the app may post.',
      }
    : {
        answer: `the scopes of the token are ${known.join(', ')}`,
        verdict: 'as_assumed',
        means: '`bridge connections check` says whether the app may post.',
      };
};

/** What only a workspace can answer about Slack. */
export const slackProofs: readonly Proof<SlackClient>[] = [
  {
    name: 'scopes-named',
    question: 'Does Slack name the scopes of the token?',
    creates: 'nothing',
    run: scopes,
  },
  {
    name: 'repeated-client-msg-id',
    question: 'Does Slack recognise a post with a client_msg_id that it had before?',
    creates: 'one or two messages',
    needs: NEEDS,
    run: repeatedId,
  },
  {
    name: 'repeated-after-removal',
    question: 'What becomes of a repeated post when the first message was removed?',
    creates: 'one or two messages',
    needs: NEEDS,
    run: repeatedAfterRemoval,
  },
  {
    name: 'long-text',
    question: 'Does Slack divide a text of 12,000 characters into several messages?',
    creates: 'a message of 12,000 characters, or its pieces (removed with the scope channels:history only)',
    needs: NEEDS,
    run: longText,
  },
];
