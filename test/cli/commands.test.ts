import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHubSpotStandIn } from '../../src/connectors/hubspot/stand-in/server';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

let cwd: string;

beforeEach(() => {
  cwd = dataFolder();
  cpSync(join(__dirname, '../../config/rules.yaml'), join(cwd, 'config', 'rules.yaml'), { recursive: true });
});
afterEach(removeDataFolders);

const bridge = (...args: string[]): Promise<Ended> => runBridge(args, { cwd });

test('--help lists every command', async () => {
  const { code, out } = await bridge('--help');
  expect(code).toBe(0);
  for (const name of ['start', 'send', 'rules', 'events', 'backfill', 'connections', 'schema', 'docs']) {
    expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  }
});

test('a command whose output nobody reads any more ends as always', async () => {
  expect(await runBridge(['docs', 'rules'], { cwd, isUnread: true })).toEqual({ code: 0, out: '', err: '' });
});

test('help for one command is its own help, with its subcommands and options', async () => {
  const [help, option] = await Promise.all([bridge('help', 'events', 'list'), bridge('events', 'list', '--help')]);
  expect(help).toEqual(option);
  expect(help.out).toContain('--status <statuses>');
  expect(help.out).not.toContain('--became');
});

test.each([
  ['an unknown command', ['evnts'], /unknown command 'evnts'/],
  ['an unknown option', ['events', 'list', '--colour'], /unknown option '--colour'/],
  ['an unknown connection', ['connections', 'resume', 'hubspt'], /unknown connection "hubspt"; did you mean "hubspot"/],
  ['a proof without a value', ['connections', 'prove', '--with', 'channel'], /--with channel: write it as name=value/],
  ['an unknown proof', ['connections', 'prove', '--only', 'colour'], /unknown proof "colour"/],
  [
    'an event id that is not there',
    ['rules', 'explain', 'call_hangup/none'],
    /^this data folder has no event call_hangup\/none; bridge events list shows the latest\n$/,
  ],
  ['a missing rule file', ['rules', 'check', 'nowhere.yaml'], /nowhere\.yaml/],
  ['an unknown rule', ['rules', 'explain', 'call_hungup_curl', '--rule', 'x'], /no rule "x"; there are /],
  ['a span that is not one', ['rules', 'check', '--traffic', 'often'], /--traffic expects a duration such as 24h/],
  ['an unknown sample', ['send', 'call_hungup_crul'], /did you mean "call_hungup_curl"/],
])('%s is wrong use', async (_case, args, message) => {
  const { code, err } = await bridge(...args);
  expect([code, err]).toEqual([2, expect.stringMatching(message)]);
});

test('connections resume and list say that Temporal does not answer', async () => {
  const away = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
  for (const args of [
    ['connections', 'list'],
    ['connections', 'resume', 'hubspot'],
  ]) {
    const { code, err } = await runBridge(args, { cwd, env: away });
    expect([code, err]).toEqual([1, expect.stringMatching(/^Temporal .*Is the bridge running\?$/m)]);
    // The reason is there once.
    expect(err.match(/Temporal (?:does not|cannot)/g)).toHaveLength(1);
  }
});

test('connections check reports a stand-in as ok, and a provider that cannot be reached as failed', async () => {
  const env = { SLACK_BOT_TOKEN: 'xoxb-test', SLACK_API_URL: 'http://127.0.0.1:1/api/' };
  const { code, out } = await runBridge(['connections', 'check', '--json'], { cwd, env });
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ connection: 'slack', ok: false }),
      expect.objectContaining({ connection: 'hubspot', ok: true }),
    ]),
  );
});

test.each([
  ['without credentials', {}, [], /no connection that has proofs has credentials/],
  [
    'in production',
    { BRIDGE_ENV: 'production', VOIPBIN_WEBHOOK_SECRET: 'a-secret-of-sixteen' },
    ['--yes'],
    /test account/,
  ],
])('connections prove makes nothing %s', async (_case, env, args, message) => {
  const { code, err } = await runBridge(['connections', 'prove', 'http', ...args], { cwd, env });
  expect([code, err]).toEqual([1, expect.stringMatching(message)]);
});

test('start in production names the secret and all credentials that live rules need in one go', async () => {
  writeFileSync(
    join(cwd, 'config', 'rules.yaml'),
    'version: 1\nrules:\n  - { name: post, on: call_hangup, do: [{ slack.post_message: { channel: "#c", text: hi } }] }\n',
  );
  const { code, err } = await runBridge(['start'], { cwd, env: { BRIDGE_ENV: 'production' } });
  expect(code).toBe(2);
  expect(err).toMatch(/receiver\.webhook_secrets/);
  expect(err).toMatch(/SLACK_BOT_TOKEN/);
});

test('connections check names the permissions that live rules need and the token lacks', async () => {
  const standIn = await startHubSpotStandIn({ missingScopes: ['crm.objects.owners.read'] });
  try {
    const rule = (name: string, mode: string): string =>
      `  - name: ${name}\n    mode: ${mode}\n    on: call_hangup\n    do:\n      - hubspot.create_task: { subject: Call back, owner: jane.owner@example.com }\n`;
    writeFileSync(
      join(cwd, 'config', 'rules.yaml'),
      `version: 1\nrules:\n${rule('call-back', 'live')}${rule('trial', 'shadow')}`,
    );
    const env = { HUBSPOT_ACCESS_TOKEN: 'stand-in-token', HUBSPOT_BASE_URL: standIn.url };
    const { code, out } = await runBridge(['connections', 'check'], { cwd, env });
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^hubspot +NO .*crm\.objects\.owners\.read.*\(rule call-back\)/m),
    ]);
  } finally {
    await standIn.stop();
  }
});

test('rules explain takes an event from standard input', async () => {
  const input = JSON.stringify({ type: 'call_hangup', data: { id: 'c1', direction: 'incoming' } });
  const { code, out } = await runBridge(['rules', 'explain', '-', '--json'], { cwd, input });
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ type: 'call_hangup' });
});

test('settings with errors are listed', async () => {
  writeFileSync(join(cwd, 'config', 'bridge.yaml'), 'receiver: { port: seventy }\n');
  const { code, err } = await bridge('events', 'list');
  expect([code, err]).toEqual([2, expect.stringMatching(/^The settings have an error:\n.*receiver\.port/)]);
});

test('a misspelt environment variable is reported', async () => {
  const { code, err } = await runBridge(['events', 'list'], { cwd, env: { BRIDGE_RULE: 'x.yaml' } });
  expect([code, err]).toEqual([
    0,
    'environment BRIDGE_RULE: the bridge has no such setting; did you mean BRIDGE_RULES?\n',
  ]);
});
