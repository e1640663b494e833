import { plainHttpHost } from '../../net/host-list';
import { defineConnector } from '../connector';
import type { HubSpotClient } from './client';
import { createTask } from './create-task';
import { HUBSPOT_PARTS } from './failure';
import { ensureKeyProperty } from './key-property';
import { logCall } from './log-call';
import { checkPermissions } from './permissions';
import { hubspotProofs } from './prove/proofs';
import { HubSpotSession } from './session';
import { hubspotSettings, type HubSpotSettings } from './settings';
import { updateContact } from './update-contact';
import { judgeWrittenInputs } from './written-inputs';

/** The object types that have a key property of the bridge. */
const KEYED = ['calls', 'tasks', 'contacts'] as const;

/** HubSpot: contacts, calls and tasks of one account, by the official SDK's generated APIs. */
export const hubspot = defineConnector<HubSpotSettings, HubSpotClient>({
  name: 'hubspot',
  summary: 'Logs calls, updates contacts and creates tasks in a HubSpot account.',
  connection: {
    settings: hubspotSettings,
    environment: { access_token: 'HUBSPOT_ACCESS_TOKEN', base_url: 'HUBSPOT_BASE_URL' },
    credentials: ['access_token'],
    parts: HUBSPOT_PARTS,
    plainTextHost: ({ base_url }) => {
      const host = plainHttpHost(base_url);
      return host === null ? null : { key: 'base_url', host };
    },
    open: async (settings) => {
      const [{ HubSpotClient: Client }, { openApis }] = await Promise.all([import('./client.js'), import('./sdk.js')]);
      return new Client(settings, openApis);
    },
    close: (client) => client.close(),
    prepare: async (client, signal, log) => {
      const session = new HubSpotSession(client, signal, log);
      for (const type of KEYED) {
        await ensureKeyProperty(session, type);
      }
    },
    check: async (client, signal, needs) => {
      const reasons = new Set<string>();
      const session = new HubSpotSession(client, signal, {
        info: () => undefined,
        warn: (fields) => void reasons.add(String(fields['reason'])),
      });
      await checkPermissions(session, needs);
      const uniqueness = [];
      for (const type of KEYED) {
        uniqueness.push(await ensureKeyProperty(session, type));
      }
      if (uniqueness.every((each) => each === 'unique')) {
        return 'contacts can be read; calls, tasks and new contacts are kept unique';
      }
      const why = reasons.size === 0 ? '' : ` (${[...reasons].join(', ')})`;
      return `contacts can be read; duplicates are found by search only${why}`;
    },
    judge: (client, signal, uses, isTemplate) =>
      judgeWrittenInputs(
        new HubSpotSession(client, signal, { info: () => undefined, warn: () => undefined }),
        uses,
        isTemplate,
      ),
    prove: hubspotProofs,
    standIn: async (options) => (await import('./stand-in/server.js')).startHubSpotStandIn(options),
  },
  actions: { update_contact: updateContact, log_call: logCall, create_task: createTask },
});
