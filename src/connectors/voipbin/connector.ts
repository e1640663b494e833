import { z } from 'zod';
import { hostList, plainHttpHost } from '../../net/host-list';
import { secret } from '../../settings/secret';
import { checkAccount, TEXTS } from './account';
import { defineConnector } from '../connector';
import { CALLS, lookUpCall } from './look-up-call';
import { voipbinProofs } from './prove';
import { sendMessage } from './send-message';

const settings = z.strictObject({
  api_url: z
    .url({ protocol: /^https?$/ })
    .refine(
      (url) => /\/v\d+(?:\.\d+)?\/?$/.test(url),
      "expected the API's version at the end: https://api.voipbin.net/v1.0",
    )
    .default('https://api.voipbin.net/v1.0')
    .describe("Where VoIPBIN's API is, with its version; other than the default for a self-hosted VoIPBIN."),
  access_key: secret().describe("Access key of the account (vb_...), from VoIPBIN's console. It expires there."),
  download_allow: hostList()
    .prefault('')
    .describe(
      'Private hosts, addresses or CIDRs that recordings may be downloaded from, comma-separated; public ones always may.',
    ),
});

/** VoIPBIN itself: answers by text message, and access to recordings for other connectors. */
export const voipbin = defineConnector({
  name: 'voipbin',
  summary: 'VoIPBIN: text messages, and the recordings of calls.',
  connection: {
    settings,
    environment: { api_url: 'VOIPBIN_API_URL', access_key: 'VOIPBIN_ACCESS_KEY', download_allow: 'BRIDGE_HTTP_ALLOW' },
    credentials: ['access_key'],
    plainTextHost: ({ api_url }) => {
      const host = plainHttpHost(api_url);
      return host === null ? null : { key: 'api_url', host };
    },
    open: async ({ api_url, access_key, download_allow }: z.infer<typeof settings>) => {
      const { VoipbinClient } = await import('./client.js');
      return new VoipbinClient({ apiUrl: api_url, accessKey: access_key, downloadAllow: download_allow });
    },
    close: (client) => client.close(),
    parts: [CALLS, TEXTS],
    check: async (client, signal, needs) => checkAccount(await client.getAccount(signal), needs),
    prove: voipbinProofs,
    standIn: async (options) => (await import('./stand-in/server.js')).startVoipbinStandIn(options),
  },
  actions: { send_message: sendMessage },
  internalActions: { look_up_call: lookUpCall },
});
