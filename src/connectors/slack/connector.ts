import { z } from 'zod';
import { secret } from '../../settings/secret';
import { plainHttpHost } from '../../net/host-list';
import { defineConnector } from '../connector';
import { checkPosting } from './check';
import { postMessage } from './post-message';
import { slackProofs } from './prove';

const settings = z.strictObject({
  bot_token: secret().describe(
    'Bot token of a Slack app (xoxb-...) with the scope chat:write, and chat:write.public for channels that it is not in. With channels:read (and groups:read), `bridge connections check` looks at the channels of the rules.',
  ),
  api_url: z
    .url({ protocol: /^https?$/ })
    .default('https://slack.com/api/')
    .describe("Where Slack's Web API is; ends in /api/."),
});

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
    check: checkPosting,
    prove: slackProofs,
    standIn: async (options) => (await import('./stand-in.js')).startSlackStandIn(options),
  },
  actions: { post_message: postMessage },
});
