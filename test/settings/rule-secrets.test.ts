import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectors } from '../../src/connectors/registry';
import { loadSettings } from '../../src/settings/load';

const folder = mkdtempSync(join(tmpdir(), 'bridge-secrets-'));

beforeAll(() => {
  mkdirSync(join(folder, 'config'));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'crm'), 'from a file\n');
  writeFileSync(join(folder, 'secrets', 'hubspot'), 'own');
  writeFileSync(
    join(folder, 'config', 'bridge.yaml'),
    'connections:\n  hubspot: { access_token: "${file:../secrets/hubspot}" }\n  slack: { bot_token: "${env:MY_SLACK}" }\n',
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

const ENV = {
  CRM_TOKEN: 'crm',
  CRM_OTHER: 'other',
  MY_SLACK: 'own',
  SLACK_BOT_TOKEN: 'own',
  HTTPS_PROXY: 'http://user:own@proxy:3128',
  VOIPBIN_ACCESS_KEY: 'own-key-of-the-account',
  VOIPBIN_WEBHOOK_SECRET: 'own-secret-of-the-webhook',
};

function lookUp(reference: string, env: Record<string, string> = {}): string {
  const loaded = loadSettings({ env: { ...ENV, ...env }, connectors, directory: folder });
  if (!loaded.ok) {
    throw new Error(JSON.stringify(loaded.findings));
  }
  const found = loaded.settings.ruleSecrets.lookUp(reference);
  return found.ok ? found.value : found.kind;
}

const FILE = (name: string): string => `file:${join(folder, 'secrets', name)}`;

test.each([
  ['env:CRM_TOKEN', 'crm'],
  ['env:GONE', 'missing'],
  ['env:GONE:-instead', 'instead'],
  [FILE('crm'), 'from a file'],
  [FILE('gone'), 'missing'],
])('in development rules may refer to what is not of the bridge: %s', (reference, expected) => {
  expect(lookUp(reference)).toBe(expected);
});

test.each([
  'env:SLACK_BOT_TOKEN',
  'env:MY_SLACK',
  'env:HTTPS_PROXY',
  'env:VOIPBIN_ACCESS_KEY',
  'env:VOIPBIN_WEBHOOK_SECRET',
  'env:BRIDGE_ANYTHING:-x',
  'env:TEMPORAL_API_KEY',
  FILE('hubspot'),
  FILE('../config/bridge.yaml'),
  FILE('../.bridge/inbox.db'),
])("never to what the bridge's own settings come from: %s", (reference) => {
  expect(lookUp(reference)).toBe('refused');
  expect(lookUp(reference, { BRIDGE_RULES_SECRETS: 'SLACK_*, VOIPBIN_*, M*, H*, CRM_TOKEN' })).toBe('refused');
});

test.each(['/proc/self/environ', `/proc/self/root${join(folder, 'secrets', 'hubspot')}`, '/dev/stdin'])(
  'nor to processes, which have all of it: %s',
  (path) => {
    expect(lookUp(`file:${path}`)).toBe('refused');
  },
);

test('nor through a link', () => {
  symlinkSync('hubspot', join(folder, 'secrets', 'link'));
  expect(lookUp(FILE('link'))).toBe('refused');
  expect(lookUp(FILE('link'), { BRIDGE_RULES_SECRETS: './secrets' })).toBe('own');
});

test('in production rules may refer to nothing until a setting allows it', () => {
  const production = { BRIDGE_ENV: 'production' };
  expect(lookUp('env:CRM_TOKEN', production)).toBe('refused');
  expect(lookUp(FILE('crm'), production)).toBe('refused');
  expect(lookUp('env:CRM_TOKEN', { ...production, BRIDGE_RULES_SECRETS: 'CRM_TOKEN' })).toBe('crm');
});

test.each([
  ['CRM_TOKEN', 'env:CRM_TOKEN', 'crm'],
  ['CRM_TOKEN', 'env:CRM_OTHER', 'refused'],
  ['CRM_*', 'env:CRM_OTHER', 'other'],
  ['CRM_*', FILE('crm'), 'refused'],
  ['./secrets', FILE('crm'), 'from a file'],
  ['./secrets/crm', FILE('crm'), 'from a file'],
  ['./secrets/crm', FILE('crm2'), 'refused'],
  ['./secrets', FILE('../config/bridge.yaml'), 'refused'],
])('with BRIDGE_RULES_SECRETS=%s, %s is %s', (allowed, reference, expected) => {
  expect(lookUp(reference, { BRIDGE_RULES_SECRETS: allowed })).toBe(expected);
});
