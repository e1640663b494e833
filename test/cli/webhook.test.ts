import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { OperationsStore } from '../../src/operations/store';
import { Secret } from '../../src/settings/secret';
import { dataFolder } from '../inbox/entries';
import { closeDoors, openDoor } from '../receiver/door';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const SECRET = 'the-secret-of-the-account';
let cwd: string;
let voipbin: VoipbinStandIn;
let uri: string;

beforeEach(async () => {
  cwd = dataFolder();
  mkdirSync(join(cwd, 'config'));
  cpSync(join(__dirname, '../../config/rules.yaml'), join(cwd, 'config', 'rules.yaml'));
  voipbin = await startVoipbinStandIn({ webhookSecret: SECRET });
  // The bridge that VoIPBIN is to reach: on another machine, as far as this command knows.
  uri = `${(await openDoor({ secrets: [new Secret(SECRET)] })).url}/voipbin/webhook`;
});

afterEach(async () => {
  await voipbin.stop();
  await closeDoors();
});

function bridge(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const account = { VOIPBIN_API_URL: voipbin.url, VOIPBIN_ACCESS_KEY: 'vb_stand-in' };
  return runBridge(['webhook', ...args], { cwd, env: { ...account, BRIDGE_DATA_DIR: join(cwd, 'data'), ...env } });
}

test('the webhook is connected before the first start in production, whose secret is still missing', async () => {
  const secret = join(cwd, 'config', 'webhook.secret');
  writeFileSync(
    join(cwd, 'config', 'bridge.yaml'),
    `environment: production\nreceiver: { public_url: "${uri}", webhook_secrets: ["\${file:webhook.secret}"] }\n`,
  );

  const connected = await bridge(['connect', '--yes']);

  expect(connected).toMatchObject({
    code: 0,
    out: expect.stringContaining('Whether it is the one of this data folder'),
  });
  expect(readFileSync(secret, 'utf8')).toBe(`${SECRET}\n`);
  expect(statSync(secret).mode & 0o777).toBe(0o600);
  expect(voipbin.customer['webhook_uri']).toBe(uri);
  expect(connected.out + connected.err).not.toContain(SECRET);
  const store = new OperationsStore(join(cwd, 'data'));
  const audit = store.audit({ limit: 10 });
  store.close();
  expect(audit).toMatchObject([{ operation: 'webhook.connect' }, { operation: 'webhook.secret' }]);
  expect(await bridge(['status'])).toMatchObject({ code: 1, out: expect.stringContaining('no bridge runs') });
});

test('a dry run changes nothing, and nothing is changed while nobody confirms', async () => {
  const dry = await bridge(['connect', uri, '--dry-run', '--json']);
  expect(dry.code).toBe(0);
  expect(JSON.parse(dry.out)).toMatchObject({
    api: 'customer',
    steps: [expect.stringContaining('webhook secret'), `set the webhook of the account to ${uri} (POST)`],
  });

  expect(await bridge(['set', uri])).toMatchObject({ code: 2, err: expect.stringContaining('--yes does it') });
  expect(voipbin.customer['webhook_uri']).toBe('');
});

test('what is missing or wrong is named', async () => {
  expect(await bridge(['list'], { VOIPBIN_ACCESS_KEY: '' })).toMatchObject({
    code: 1,
    err: expect.stringMatching(
      /^no running bridge answers, .* set VOIPBIN_ACCESS_KEY\. .* try again in some seconds$/m,
    ),
  });
  expect(await bridge(['connect', 'bridge.example.com'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('expected a URL'),
  });
  expect(await bridge(['connect', '--yes'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('BRIDGE_PUBLIC_URL'),
  });
});
