import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AlertBook } from '../../src/alerts/book';
import { progressFrom, ProgressFile } from '../../src/backfill/progress';
import { connectors } from '../../src/connectors/registry';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { Inbox } from '../../src/inbox/inbox';
import { Secret } from '../../src/settings/secret';
import { loadSettings } from '../../src/settings/load';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';
import { closeDoors, openDoor } from '../receiver/door';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const SECRET = 'the-secret-of-the-account';
let cwd: string;
let dataDir: string;
let voipbin: VoipbinStandIn;

beforeEach(async () => {
  cwd = dataFolder();
  dataDir = join(cwd, '.bridge');
  mkdirSync(join(cwd, 'config'));
  cpSync(join(__dirname, '../../config/rules.yaml'), join(cwd, 'config', 'rules.yaml'));
  voipbin = await startVoipbinStandIn({ webhookSecret: SECRET });
});

afterEach(async () => {
  await voipbin.stop();
  await closeDoors();
  removeDataFolders();
});

function bridge(...args: string[]): Promise<Ended> {
  const env = { VOIPBIN_API_URL: voipbin.url, VOIPBIN_ACCESS_KEY: 'vb_stand-in', BRIDGE_DATA_DIR: '' };
  return runBridge(args, { cwd, env });
}

/** What `npm start` reads first. */
function load(): ReturnType<typeof loadSettings> {
  return loadSettings({ env: {}, connectors, directory: cwd });
}

/** Fills the data folder as a bridge that ran. */
async function run(): Promise<void> {
  const inbox = await Inbox.open(inboxOptions(dataDir));
  await inbox.append(entryOf('call_hangup', 'c-1', planOf('log-calls')));
  await inbox.close();
  new AlertBook(dataDir).close();
  await new ProgressFile(dataDir).write(progressFrom(new Date(0), new Date(0)));
}

test('a data folder that is lost with the webhook secret in it comes back, and the settings can be loaded', async () => {
  await run();
  const uri = `${(await openDoor({ secrets: [new Secret(SECRET)] })).url}/voipbin/webhook`;
  const connected = await bridge('webhook', 'connect', uri, '--yes');
  const [line = 'the line is missing'] = /webhook_secrets: \[.*\]/.exec(connected.out) ?? [];
  writeFileSync(join(cwd, 'config', 'bridge.yaml'), `environment: production\nreceiver:\n  ${line}\n`);
  const file = join(cwd, 'bridge.backup');

  const backup = await bridge('backup', file);

  expect(backup).toMatchObject({
    code: 0,
    out: expect.stringContaining('(webhook.secret, backfill.json, alerts.db, operations.db, inbox.db; '),
  });
  const lost = { secret: join(dataDir, 'webhook.secret'), progress: readFileSync(join(dataDir, 'backfill.json')) };
  rmSync(dataDir, { recursive: true });
  expect(load()).toMatchObject({ ok: false, findings: [{ code: 'reference' }] });

  const restored = await bridge('restore', file);

  expect(restored).toMatchObject({ code: 0, out: expect.stringContaining('webhook.secret') });
  expect(restored.out).toContain('unless you delete backfill.json first');
  expect(restored.out + restored.err + backup.out + backup.err).not.toContain(SECRET);
  expect(readFileSync(lost.secret, 'utf8')).toBe(`${SECRET}\n`);
  expect(readFileSync(join(dataDir, 'backfill.json'))).toEqual(lost.progress);
  expect(readdirSync(dataDir).filter((name) => (statSync(join(dataDir, name)).mode & 0o077) !== 0)).toEqual([]);
  const loaded = load();
  expect(loaded.ok && loaded.settings.receiver.webhookSecrets.map((secret) => secret.reveal())).toEqual([SECRET]);
});

test('commands that read events work while secrets are missing', async () => {
  await run();
  writeFileSync(
    join(cwd, 'config', 'bridge.yaml'),
    'environment: production\nreceiver: { webhook_secrets: ["${file:/no/such/file}"] }\nconnections: { slack: { bot_token: "${env:NO_SUCH}" } }\n',
  );

  expect(await bridge('events', 'list')).toMatchObject({ code: 0, out: expect.stringContaining('call_hangup/c-1') });
});
