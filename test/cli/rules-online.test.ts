import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { startHubSpotStandIn, type HubSpotStandIn } from '../../src/connectors/hubspot/stand-in/server';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const RULES = `version: 1
rules:
  - name: note-call
    on: call_hangup
    do:
      - hubspot.update_contact:
          properties: { last_hangup_reason: "{{ reason | default: 'unknown' }}", lead_scor: "1" }
`;

let cwd: string;
let standIn: HubSpotStandIn;
let credentials: Record<string, string>;
beforeEach(async () => {
  cwd = dataFolder();
  writeFileSync(join(cwd, 'rules.yaml'), RULES);
  standIn = await startHubSpotStandIn();
  const { access_token, base_url } = z
    .looseObject({ access_token: z.string(), base_url: z.string() })
    .parse(standIn.settings);
  credentials = { HUBSPOT_ACCESS_TOKEN: access_token, HUBSPOT_BASE_URL: base_url };
});
afterEach(async () => {
  await standIn.stop();
  removeDataFolders();
});

function bridge(args: string[], env: Record<string, string> = credentials): Promise<Ended> {
  return runBridge(args, { cwd, env: { ...env, BRIDGE_RULES: 'rules.yaml' } });
}

test('rules check asks HubSpot only with --online, and says what it did not check', async () => {
  const offline = await bridge(['rules', 'check']);
  expect([offline.code, offline.out]).toEqual([
    0,
    expect.stringContaining(
      'Not checked: whether hubspot has the properties and people that the rules name (bridge rules check --online).',
    ),
  ]);
  expect(standIn.requests).toEqual([]);

  const online = await bridge(['rules', 'check', '--online']);
  expect(online.code).toBe(1);
  expect(online.out).toContain(
    'rules.yaml:6:9  input "properties.lead_scor" of hubspot.update_contact: HubSpot\'s contacts have no property lead_scor',
  );

  expect(online.out).toContain('rules.yaml: 1 error');

  const without = await bridge(['rules', 'check', '--online'], {});
  expect([without.code, without.out]).toEqual([
    0,
    expect.stringContaining(
      'Not checked: whether hubspot has the properties and people that the rules name: no credentials (HUBSPOT_ACCESS_TOKEN).',
    ),
  ]);
});

test('connections check names the properties that the rules write and HubSpot does not have', async () => {
  const { code, out } = await bridge(['connections', 'check']);
  expect(code).toBe(1);
  expect(out).toMatch(
    /hubspot +NO +Rule note-call: HubSpot's contacts have no property lead_scor; create it in HubSpot/,
  );
});
