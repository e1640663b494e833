import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKFILL_CONTENT_TYPE } from '../../src/ingest/trusted-body';
import { openDatabase } from '../../src/storage/sqlite';
import { Secret } from '../../src/settings/secret';
import { runBridge, type Ended } from '../cli/run-bridge';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import {
  endedCall,
  HOUR,
  kept,
  MINUTE,
  openAccount,
  openBridge,
  planned,
  RULES,
  text,
  type Account,
  type Bridge,
} from './set-up';

// Each command is a process of its own.
jest.setTimeout(120_000);

let account: Account;
let bridge: Bridge;
let dataDir: string;

beforeEach(async () => {
  account = await openAccount();
  dataDir = dataFolder();
  bridge = await openBridge(dataDir, { secrets: [new Secret('a secret')] });
  account.standIn.addCall(endedCall('c-came', 30 * MINUTE));
  account.standIn.addCall(endedCall('c-missed', 20 * MINUTE));
  // Long, so that it began before the span.
  account.standIn.addCall({
    ...endedCall('c-long', 10 * MINUTE),
    tm_create: new Date(Date.now() - 3 * HOUR).toISOString(),
  });
  account.standIn.addCall(endedCall('c-old', 3 * HOUR));
  account.standIn.addMessage(text('m-missed', 5_000));
  account.standIn.addRecording({ id: 'r-missed' });
});

afterEach(async () => {
  await bridge.close();
  await account.close();
  removeDataFolders();
});

/** Runs `bridge backfill`. */
async function run(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const folder = dataFolder();
  writeFileSync(join(folder, 'rules.yaml'), RULES);
  const environment = {
    BRIDGE_DATA_DIR: dataDir,
    BRIDGE_RULES: join(folder, 'rules.yaml'),
    BRIDGE_HOST: '127.0.0.1',
    PORT: new URL(bridge.webhook).port,
    VOIPBIN_API_URL: account.standIn.url,
    VOIPBIN_ACCESS_KEY: 'vb_stand-in',
    VOIPBIN_WEBHOOK_SECRET: 'a secret',
    ...env,
  };
  return runBridge(['backfill', ...args], { cwd: folder, env: environment });
}

/** Has all taken but what is older than an hour. */
async function recoverTheHour(): Promise<void> {
  expect((await run(['--since', '1h'])).code).toBe(0);
}

test('a dry run shows what is missing and which rules match it, and changes nothing', async () => {
  const { code, out } = await run(['--since', '1h', '--dry-run']);

  expect(code).toBe(0);
  expect(out).toMatch(/^ {2}missing {3}call_hangup\/c-missed {2}log-calls$/m);
  expect(out).toMatch(/^ {2}missing {3}message_created\/m-missed {2}auto-reply$/m);
  expect(out).toMatch(/^ {2}missing {3}recording_finished\/r-missed {2}\(no rule matches\)$/m);
  expect(out).toMatch(
    /^5 events \(3 call_hangup, 1 message_created, 1 recording_finished\) between \S+ and \S+ are missing since \S+; the inbox has 0\.$/m,
  );
  expect(kept(bridge.reader)).toEqual([]);
});

test('a dry run needs no running bridge', async () => {
  await bridge.close();
  const { code, out } = await run(['--since', '1h', '--dry-run', '--json']);

  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    dry_run: true,
    complete: true,
    missing: 5,
    present: 0,
    by_type: { call_hangup: 3, message_created: 1, recording_finished: 1 },
  });
  bridge = await openBridge(dataFolder());
});

test('the running bridge takes what is missing, signed and marked; a second time there is nothing', async () => {
  const { code, out } = await run(['--since', '1h']);

  expect(code).toBe(0);
  expect(out).toMatch(/^recovered 5 events \(3 call_hangup, 1 message_created, 1 recording_finished\) between /m);
  expect(kept(bridge.reader)).toEqual([
    'call_hangup/c-came',
    'call_hangup/c-long',
    'call_hangup/c-missed',
    'message_created/m-missed',
    'recording_finished/r-missed',
  ]);
  expect(planned(bridge.reader)).toEqual([
    'auto-reply m-missed',
    'log-calls c-came',
    'log-calls c-long',
    'log-calls c-missed',
  ]);
  expect(bridge.reader.get('call_hangup/c-missed')?.content_type).toBe(BACKFILL_CONTENT_TYPE);

  const again = await run(['--since', '1h']);
  expect(again.out).toMatch(/^Nothing is missing since \S+: the inbox has all 5 events that VoIPBIN lists\.$/m);
});

test('JSON has the status of each event', async () => {
  await recoverTheHour();
  const since = new Date(Date.now() - 4 * HOUR).toISOString();
  const { out } = await run(['--since', since, '--json']);

  expect(JSON.parse(out)).toMatchObject({
    since,
    dry_run: false,
    recovered: 1,
    present: 5,
    events: [{ event_id: 'call_hangup/c-old', type: 'call_hangup', status: 'received', rules: ['log-calls'] }],
  });
});

test.each([
  ['a --since that is not a time', ['--since', 'yesterday'], {}, 2, /expects a duration such as 2h or 3d/],
  ['a time in the future', ['--since', '2099-01-01T00:00:00Z'], {}, 2, /a time in the past/],
  ['further back than the inbox remembers', ['--since', '40d'], {}, 2, /retention\.max_age/],
  ['no access key', ['--since', '1h'], { VOIPBIN_ACCESS_KEY: '' }, 2, /set VOIPBIN_ACCESS_KEY/],
  [
    'a wrong access key',
    ['--since', '1h'],
    { VOIPBIN_ACCESS_KEY: 'vb_other' },
    1,
    /VoIPBIN could not be asked: .*\(401\)\. Set VOIPBIN_ACCESS_KEY/,
  ],
  [
    'no running bridge',
    ['--since', '1h'],
    { PORT: '1' },
    1,
    /no bridge answers at http:\/\/127\.0\.0\.1:1\/voipbin\/webhook: start it/,
  ],
  [
    'another webhook secret',
    ['--since', '1h'],
    { VOIPBIN_WEBHOOK_SECRET: 'another' },
    1,
    /answered 401: it has another webhook secret/,
  ],
])('%s: it fails, with what to do', async (_, args, env, code, says) => {
  const refused = await run(args, env);

  expect(refused).toMatchObject({ err: expect.stringMatching(says), code });
  expect(kept(bridge.reader)).toEqual([]);
  expect(refused.err).not.toMatch(/vb_|a secret|another$|\+1555/);
});

test('events of a time that the inbox has forgotten are not recovered without --force', async () => {
  await recoverTheHour();
  // Dropped by its size, as the retention does.
  const store = openDatabase(join(dataDir, 'inbox.db'));
  store.exec("DELETE FROM events WHERE event_id <> 'recording_finished/r-missed'");
  store.close();

  const refused = await run(['--since', '1h']);
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/has forgotten the events before \S+, so these could be handled twice/),
  });
  expect((await run(['--since', '1h', '--dry-run'])).out).toMatch(/some of these may have been handled then/);
  expect((await run(['--since', '1h', '--force'])).out).toMatch(/^recovered 4 events/m);
});
