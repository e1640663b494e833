import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishApi } from '../../src/operations/api-access';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const RULES = `version: 1
rules:
  - name: log-calls
    on: call_hungup
    do: [{ slack.post_message: { channel: "#calls", text: x } }, { http.request: { url: "https://example.com/" } }]
  - name: only-watched
    on: call_hungup
    mode: shadow
    do: [{ slack.post_message: { channel: "#calls", text: x } }]
  - name: texts
    on: message_created
    do: [{ slack.post_message: { channel: "#texts", text: x } }]
`;

let server: Server;
let received: number;
let bodies: string[];
let answer: { status: string; id: string };
let folder: string;

beforeEach(async () => {
  received = 0;
  bodies = [];
  answer = { status: 'received', id: 'call_hangup/1' };
  server = createServer((request, response) => {
    received += 1;
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => (body += chunk))
      .on('end', () => {
        bodies.push(body);
        response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = dataFolder();
  writeFileSync(join(folder, 'rules.yaml'), RULES);
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  removeDataFolders();
});

function portOf(listening: Server): number {
  const address: AddressInfo | string | null = listening.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Runs `bridge ...` with settings of production. */
function production(args: string[], rules = 'rules.yaml'): Promise<Ended> {
  const env = {
    BRIDGE_ENV: 'production',
    VOIPBIN_WEBHOOK_SECRET: 'a-secret-of-VoIPBIN',
    BRIDGE_RULES: rules,
    BRIDGE_HOST: '127.0.0.1',
    PORT: String(portOf(server)),
    VOIPBIN_ACCESS_KEY: 'vb_key',
  };
  return runBridge(args, { cwd: folder, env });
}

test('in production nothing is sent without --yes, and the live rules that would act are named', async () => {
  const { code, out, err } = await production(['send', 'call_hungup']);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain('It sets off the live rule log-calls (slack.post_message, http.request). To send it: --yes');
  expect(err).not.toContain('only-watched');
  expect(received).toBe(0);
});

test.each([
  ['an event that no live rule matches', ['send', 'recording_updated_done'], 'rules.yaml', /It sets off no live rule/],
  ['rule files with errors', ['send', 'call_hungup'], 'broken.yaml', /rule files have errors, so it is not known/],
])('%s needs --yes too', async (_, args, rules, says) => {
  writeFileSync(join(folder, 'broken.yaml'), 'version: 1\nruls: []\n');
  expect(await production(args, rules)).toMatchObject({ code: 1, err: expect.stringMatching(says) });
  expect(received).toBe(0);
});

test('with --yes it is sent', async () => {
  expect(await production(['send', 'call_hungup', '--yes'])).toMatchObject({ code: 0 });
  expect(received).toBe(1);
});

test('the time of an old event is said, and --now sends it as of now', async () => {
  writeFileSync(
    join(folder, 'rules.yaml'),
    RULES.replace('version: 1', 'version: 1\ndefaults: { timezone: Asia/Seoul }'),
  );
  const env = { BRIDGE_HOST: '127.0.0.1', PORT: String(portOf(server)), BRIDGE_RULES: 'rules.yaml' };
  const old = await runBridge(['send', 'call_hangup'], { cwd: folder, env });
  expect(old.out).toContain(
    'It is of 2026-08-22 15:10:58 (Asia/Seoul), and rules go by that time; with --now it is of now.',
  );
  expect(JSON.parse(bodies.at(-1) ?? '')).toMatchObject({ data: { tm_hangup: '2026-08-22T06:10:58.431201Z' } });
  const { out } = await runBridge(['send', 'call_hangup', '--now'], { cwd: folder, env });
  expect(out).not.toContain('It is of');
  expect(bodies.at(-1)).not.toContain('2026-08-22');
});

test('in development it is sent without a question', async () => {
  const env = { BRIDGE_HOST: '127.0.0.1', PORT: String(portOf(server)) };
  expect(await runBridge(['send', 'call_hungup'], { cwd: folder, env })).toMatchObject({ code: 0 });
  expect(received).toBe(1);
});

test('a path that the event does not have is named, and how to send an event again', async () => {
  const env = { BRIDGE_HOST: '127.0.0.1', PORT: String(portOf(server)) };
  const set = await runBridge(['send', 'call_hangup', '--set', 'data.sorce.target=+15550001111'], { cwd: folder, env });
  expect(set.err).toContain('the event had no data.sorce, so it was added; did you mean "source"?\n');
  expect(set.err).not.toContain('came before');
  answer = { status: 'duplicate', id: 'call_hangup/1' };
  const again = await runBridge(['send', 'call_hangup'], { cwd: folder, env });
  expect(again.err).toBe('It came before, so nothing is done. Send it as another event: --set data.id=another-id\n');
});

test('rule files that the running bridge refused are named, also when the event was taken', async () => {
  const detail = 'the rule files changed and have 1 error (bridge rules check); rule set abc stays in force';
  const admin = createServer((_, response) =>
    response.writeHead(503).end(JSON.stringify({ ready: false, parts: { rules: { ok: false, detail } } })),
  );
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
  try {
    publishApi(folder, `http://127.0.0.1:${portOf(admin)}`, 'token');
    const env = { BRIDGE_HOST: '127.0.0.1', PORT: String(portOf(server)) };
    expect(await runBridge(['send', 'call_hungup', '--json'], { cwd: folder, env })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\{.*"received".*\}\n$/),
      err: expect.stringContaining(`went by earlier rules: ${detail}`),
    });
  } finally {
    await new Promise((resolve) => admin.close(resolve));
  }
});

test.each([
  ['send', ['send', 'call_hungup', '--yes']],
  ['backfill', ['backfill', '--since', '1h']],
])('%s to another machine without TLS is refused in production', async (_, args) => {
  const { code, err } = await production([...args, '--url', 'http://bridge.example.com/voipbin/webhook']);
  expect([code, err]).toEqual([2, expect.stringContaining('without TLS, and this is production: use https://')]);
  expect(await production([...args, '--url', 'bridge.example.com'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--url expects a URL'),
  });
});

test('this machine may be named without TLS', async () => {
  const url = `http://127.0.0.1:${portOf(server)}/voipbin/webhook`;
  expect(await production(['send', 'call_hungup', '--yes', '--url', url])).toMatchObject({ code: 0 });
  expect(received).toBe(1);
});
