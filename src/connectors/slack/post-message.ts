import { z } from 'zod';
import { ActionError, type ActionErrorCode, providerCode } from '../action-error';
import type { ActionContext } from '../action-context';
import { defineAction } from '../connector';
import { keyUuid } from '../idempotency-uuid';
import { LostAnswers } from '../lost-answers';
import type { SlackFailure } from './api-failure';
import { checkBlocks } from './block-limits';
import type { SlackClient } from './client';
import { shortened, verbatimBlocks } from './message-text';

/**
 * The waits after the second and later lost answers grow from this by four, to ten minutes: each such attempt may leave a
 * message, so that an hour of lost answers leaves ten, not sixty.
 */
const FIRST_LONG_WAIT_MS = 4_000;
const LONGEST_WAIT_MS = 600_000;
/** How often a message is tried that Slack refuses with a word that the bridge does not know. */
const TRIES_OF_UNKNOWN_WORD = 3;

const input = z.strictObject({
  channel: z
    .string()
    .describe('Where to post: "#name" or the id of a channel that the bot is in, or the id of a person.'),
  text: z
    .string()
    .describe(
      "The message, in Slack's own markup (`*bold*`, `<https://…|link>`; bare URLs are no links); beside `blocks`, what notifications show. After 4,000 characters it is cut, with `…`.",
    ),
  mention: z
    .union([z.string(), z.array(z.string()).max(20)])
    .optional()
    .describe(
      'People to mention before `text`, by e-mail: one address or a list; not with `blocks`. It takes the scope `users:read.email`. Somebody whom Slack does not find is named by the address.',
    ),
  blocks: z
    .array(z.record(z.string(), z.json()))
    .optional()
    .describe(
      'Block Kit blocks, at most 50 and 13,200 characters; every text in them is a template. Write links as `<https://…|link>`; `verbatim: false` in a text makes links of bare URLs, too. In `markdown` blocks, inserted values can form links.',
    ),
  thread_ts: z
    .string()
    .optional()
    .describe(
      '`ts` of the message to answer in a thread, such as `{{ steps.<id>.ts }}`; not in a thread when it renders to nothing.',
    ),
  on_ambiguous: z
    .enum(['retry', 'fail'])
    .default('retry')
    .describe("After Slack's answer was lost: post again, or fail so that someone looks."),
});

const output = z.object({
  channel: z.string().describe('Id of the channel.'),
  ts: z.string().describe("The message's id within its channel; `thread_ts` of answers to it."),
});

/**
 * `slack.post_message`.
 *
 * Guaranteed: one attempt posts once; values that templates insert cannot become mentions, links or markup of Slack's
 * (`< > &`), though `*` and `_` in them still format, and links in a `markdown` block. After an answer was lost,
 * `on_ambiguous: fail` posts no more; `retry` posts again within the budget, at growing distances. Not guaranteed: that
 * Slack takes such a repeated message for the first one. It carries the same `client_msg_id`, but Slack does not document
 * that argument.
 */
export const postMessage = defineAction<SlackClient>()<z.infer<typeof input>, z.infer<typeof output>>({
  summary: 'Posts a message to a Slack channel.',
  unit: 'post',
  input,
  sinks: { text: 'slack', blocks: 'slack' },
  checks: {
    channel: checkChannel,
    mention: checkMention,
    text: (text, { input: { blocks } }) => checkText(text, blocks),
    blocks: (blocks) => blocks === undefined || checkBlocks(blocks),
  },
  output,
  effect: 'once',
  budget: '1h',
  attemptTimeout: '15s',
  run: async (context, { channel, text, mention, blocks, thread_ts, on_ambiguous }) => {
    const threadTs = thread_ts?.trim() ?? '';
    if (channel.trim() === '') {
      throw empty('channel', providerCode('channel_not_found'));
    }
    checkText(text, blocks);
    if (blocks !== undefined) {
      checkBlocks(blocks);
    }
    const lost = new LostAnswers(context);
    const mayRepeat = on_ambiguous === 'retry';
    if (lost.before > 0 && !mayRepeat) {
      throw maybePosted();
    }
    // Before anything is posted: a failure here leaves nothing behind.
    const mentions = await mentionsOf(context, addressesIn(mention));
    lost.begin();
    const posted = await context.client
      .postMessage(
        {
          channel: channel.trim(),
          text: shortened(`${mentions}${text}`),
          clientMsgId: keyUuid(context.key),
          ...(blocks === undefined ? {} : { blocks: verbatimBlocks(blocks) }),
          ...(threadTs === '' ? {} : { threadTs }),
        },
        context.signal,
      )
      .catch((error: unknown) => {
        lost.takeBack();
        throw error;
      });
    if (posted.outcome === 'failed') {
      throw errorOf(posted.failure, lost, { mayRepeat, attempt: context.attempt });
    }
    return { outcome: 'done', result: { channel: posted.channel, ts: posted.ts } };
  },
});

/** The addresses that are not empty: a template may render to nothing. */
function addressesIn(mention: string | readonly string[] | undefined): string[] {
  const written = mention === undefined ? [] : typeof mention === 'string' ? [mention] : mention;
  return written.map((address) => address.trim()).filter((address) => address !== '');
}

function checkMention(
  mention: string | readonly string[] | undefined,
  { input: { blocks } }: { input: { blocks?: readonly unknown[] | undefined } },
): void {
  const addresses = addressesIn(mention);
  const problem =
    addresses.length > 0 && blocks !== undefined
      ? 'mention stands beside blocks, where it is not shown'
      : addresses.every((address) => ADDRESS.test(address))
        ? null
        : 'the rendered mention is not an e-mail address';
  if (problem !== null) {
    throw new ActionError('permanent', problem, {
      connection: 'slack',
      code: 'invalid_address',
      remedy: 'Write the e-mail of a person: mention: anna@example.com; in blocks, write <@U…>.',
    });
  }
}

/** One address; nothing in it forms markup of Slack's. */
const ADDRESS = /^[^@\s<>&|]+@[^@\s<>&|]+$/;

/** What comes before the text: `<@U…> `, or the address of somebody whom Slack does not find. */
async function mentionsOf(
  { client, signal }: ActionContext<SlackClient>,
  addresses: readonly string[],
): Promise<string> {
  let mentions = '';
  for (const address of addresses.filter((one) => ADDRESS.test(one))) {
    const id = await client.findPerson(address, signal);
    mentions += id === null ? `${address} ` : `<@${id}> `;
  }
  return mentions;
}

function checkText(text: string, blocks: readonly unknown[] | undefined): void {
  if (text.trim() === '' && (blocks === undefined || blocks.length === 0)) {
    throw empty('text', 'no_text');
  }
}

/** Slack's reference of chat.postMessage: a name with its `#`, or an id. Whether it exists, only Slack knows. */
function checkChannel(channel: string): void {
  const name = channel.trim();
  if (name === '') {
    throw empty('channel', providerCode('channel_not_found'));
  }
  if (!/^#\S+$/.test(name) && !/^[CDGUW][A-Z0-9]+$/.test(name)) {
    throw new ActionError('permanent', 'the rendered channel is neither a name with its # nor an id', {
      connection: 'slack',
      code: providerCode('channel_not_found'),
      remedy: 'Write "#name", with the # and in quotes, or the id of a channel or person.',
    });
  }
}

function errorOf(
  { error, maybeDone, unknownWord }: SlackFailure,
  lost: LostAnswers,
  { mayRepeat, attempt }: { mayRepeat: boolean; attempt: number },
): ActionError {
  if (maybeDone) {
    return mayRepeat ? laterAfterLost(error, lost.before) : maybePosted();
  }
  lost.takeBack();
  return unknownWord && attempt >= TRIES_OF_UNKNOWN_WORD
    ? new ActionError('permanent', `${error.message}, ${attempt} times`, {
        ...error.detail,
        remedy: "Look the word up in Slack's list of the errors of chat.postMessage.",
      })
    : error;
}

/** @param lostBefore after the first lost answer, the step's own rhythm is right: most are accidents of the network. */
function laterAfterLost(error: ActionError, lostBefore: number): ActionError {
  if (lostBefore === 0) {
    return error;
  }
  const waitMs = Math.min(FIRST_LONG_WAIT_MS * 4 ** (lostBefore - 1), LONGEST_WAIT_MS);
  return new ActionError(error.errorClass, error.message, {
    ...error.detail,
    retryAfterMs: Math.max(waitMs, error.detail.retryAfterMs ?? 0),
  });
}

function maybePosted(): ActionError {
  return new ActionError('ambiguous', 'the message may have been posted: slack did not say', {
    connection: 'slack',
    code: 'answer_lost',
    remedy: 'Look in the channel whether the message is there.',
  });
}

function empty(inputName: string, code: ActionErrorCode): ActionError {
  return new ActionError('permanent', `the rendered ${inputName} is empty`, {
    connection: 'slack',
    code,
    remedy: `Look at the template of \`${inputName}\` in the rule.`,
  });
}
