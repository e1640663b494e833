import { z } from 'zod';
import { ActionError, type ActionErrorCode, providerCode } from '../action-error';
import { defineAction } from '../connector';
import { keyUuid } from '../idempotency-uuid';
import { checkBlocks } from './block-limits';
import type { SlackClient } from './client';

/** Slack cuts longer texts itself, in the middle of an escape if need be. */
const MOST_CHARACTERS = 40_000;

const input = z.strictObject({
  channel: z
    .string()
    .describe('Where to post: "#name" or the id of a channel that the bot is in, or the id of a person.'),
  text: z
    .string()
    .describe(
      "The message, in Slack's own markup (`*bold*`, `<https://…|link>`); beside `blocks`, what notifications show.",
    ),
  blocks: z
    .array(z.record(z.string(), z.json()))
    .optional()
    .describe('Block Kit blocks, at most 50; every text in them is a template.'),
  thread_ts: z
    .string()
    .optional()
    .describe(
      '`ts` of the message to answer in a thread, such as `{{ steps.<id>.ts }}`; not in a thread when it renders to nothing.',
    ),
});

const output = z.object({
  channel: z.string().describe('Id of the channel.'),
  ts: z.string().describe("The message's id within its channel; `thread_ts` of answers to it."),
});

/**
 * `slack.post_message`.
 *
 * Guaranteed: one attempt posts once; values that templates insert cannot become mentions, links or markup of Slack's
 * (`< > &`), though `*` and `_` in them still format. Within the time that Slack knows a `client_msg_id` again, a retry
 * after a lost answer posts nothing new and gets the first message's `ts`. Not guaranteed: how long that time is (Slack
 * documents the errors of it, not the argument: reference connectors.md 2); a retry after it posts again.
 */
export const postMessage = defineAction<SlackClient>()<z.infer<typeof input>, z.infer<typeof output>>({
  summary: 'Posts a message to a Slack channel.',
  input,
  sinks: { text: 'slack', blocks: 'slack' },
  output,
  effect: 'repeatable',
  budget: '1h',
  attemptTimeout: '15s',
  run: async (context, { channel, text, blocks, thread_ts }) => {
    const threadTs = thread_ts?.trim() ?? '';
    if (channel.trim() === '') {
      throw empty('channel', providerCode('channel_not_found'));
    }
    if (text.trim() === '' && (blocks === undefined || blocks.length === 0)) {
      throw empty('text', 'no_text');
    }
    if (blocks !== undefined) {
      checkBlocks(blocks);
    }
    const result = await context.client.postMessage(
      {
        channel: channel.trim(),
        text: shortened(text),
        clientMsgId: keyUuid(context.key),
        ...(blocks === undefined ? {} : { blocks }),
        ...(threadTs === '' ? {} : { threadTs }),
      },
      context.signal,
    );
    return { outcome: 'done', result };
  },
});

function empty(inputName: string, code: ActionErrorCode): ActionError {
  return new ActionError('permanent', `the rendered ${inputName} is empty`, {
    connection: 'slack',
    code,
    remedy: `Look at the template of \`${inputName}\` in the rule.`,
  });
}

/**
 * At most what Slack takes, ending in an ellipsis when something was left out, and never within an escape or a
 * surrogate pair.
 */
function shortened(text: string): string {
  if (text.length <= MOST_CHARACTERS) {
    return text;
  }
  return `${text.slice(0, MOST_CHARACTERS - 1).replace(/(?:&[a-z]{0,4}|[\ud800-\udbff])$/, '')}…`;
}
