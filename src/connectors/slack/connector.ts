import { z } from 'zod';
import { secret } from '../../settings/secret';
import { plainHttpHost } from '../../net/host-list';
import { ActionError, providerCode } from '../action-error';
import { defineConnector } from '../connector';
import { postMessage } from './post-message';
import { slackProofs } from './prove';

const settings = z.strictObject({
  bot_token: secret().describe(
    'Bot token of a Slack app (xoxb-...) with the scope chat:write, and chat:write.public for channels that it is not in.',
  ),
  api_url: z
    .url({ protocol: /^https?$/ })
    .default('https://slack.com/api/')
    .describe("Where Slack's Web API is; ends in /api/."),
});

/** The scopes that allow to post: today's, and those of tokens from before 2020. */
const POSTING: ReadonlySet<string> = new Set(['chat:write', 'chat:write:bot', 'chat:write:user', 'bot']);

/** Slack: posts to channels. */
export const slack = defineConnector({
  name: 'slack',
  summary: 'Slack: messages to channels.',
  connection: {
    settings,
    environment: { bot_token: 'SLACK_BOT_TOKEN', api_url: 'SLACK_API_URL' },
    credentials: ['bot_token'],
    plainTextHost: ({ api_url }) => {
      const host = plainHttpHost(api_url);
      return host === null ? null : { key: 'api_url', host };
    },
    open: async ({ bot_token, api_url }: z.infer<typeof settings>) => {
      const { SlackClient } = await import('./client.js');
      return new SlackClient({ token: bot_token, apiUrl: api_url });
    },
    close: (client) => client.close(),
    check: async (client, signal) => {
      const { user, team, scopes } = await client.whoAmI(signal);
      if (scopes !== null && !scopes.some((scope) => POSTING.has(scope))) {
        throw new ActionError('credential', `${user} in ${team} may not post messages`, {
          connection: 'slack',
          code: providerCode('missing_scope'),
          remedy: 'Give the Slack app the scope chat:write and install it again.',
        });
      }
      return `${user} in ${team}`;
    },
    prove: slackProofs,
    standIn: async (options) => (await import('./stand-in.js')).startSlackStandIn(options),
  },
  actions: { post_message: postMessage },
});
