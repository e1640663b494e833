import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createAdmin, type Admin } from '../../src/admin/server';
import { publishApi } from '../../src/operations/api-access';
import type { Question } from '../../src/service/child/messages';
import { connectionRoutes } from '../../src/service/connections-api';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge, type Ended } from './run-bridge';

const TOKEN = 'a'.repeat(64);
/** The shell of this machine has other credentials than the bridge that runs. */
const SHELL = {
  SLACK_BOT_TOKEN: 'xoxb-test',
  SLACK_API_URL: 'http://127.0.0.1:1/api/',
  TEMPORAL_ADDRESS: '127.0.0.1:1',
};

jest.setTimeout(120_000);

let admin: Admin | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});
afterAll(removeDataFolders);

/** A folder whose bridge answers so. */
async function running(mode: 'all' | 'receiver', answer: (question: Question) => unknown): Promise<string> {
  const cwd = dataFolder();
  mkdirSync(cwd, { recursive: true });
  admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    registry: new Registry(),
    parts: () => ({}),
    ready: () => true,
    api: {
      token: TOKEN,
      routes: [
        { method: 'GET', path: '/jobs', run: () => Promise.resolve([]) },
        ...connectionRoutes({
          mode,
          ask: (question) => Promise.resolve(answer(question)),
          rules: () => [],
          record: () => undefined,
        }),
      ],
    },
  });
  publishApi(cwd, await admin.listen(), TOKEN);
  return cwd;
}

function connections(cwd: string, ...args: string[]): Promise<Ended> {
  return runBridge(['connections', ...args], { cwd, env: { ...SHELL, BRIDGE_DATA_DIR: cwd } });
}

test('list shows what the running bridge uses and from which setting, whatever the shell has', async () => {
  const status = { state: 'not_parked', parked: null, missing: [], read_from: [] };
  const cwd = await running('all', () => [
    { ...status, connection: 'hubspot', uses: 'credentials', read_from: ['/etc/bridge.yaml:12'] },
    { ...status, connection: 'slack', uses: 'stand-in', missing: ['SLACK_BOT_TOKEN'] },
  ]);
  const { code, out, err } = await connections(cwd, 'list');
  expect([code, err, out.trimEnd().split('\n')]).toEqual([
    0,
    '',
    [
      'hubspot   credentials not parked  (/etc/bridge.yaml:12)',
      'slack     stand-in    not parked  (not set: SLACK_BOT_TOKEN)',
    ],
  ]);
});

test('check has the running bridge ask the providers', async () => {
  const cwd = await running('all', ({ about }) =>
    about === 'check' ? [{ connection: 'slack', ok: false, detail: 'Slack refuses the token' }] : null,
  );
  const { code, out } = await connections(cwd, 'check');
  expect([code, out]).toEqual([1, 'slack     NO    Slack refuses the token\n']);
});

test('with a receiver, list says that workers have settings of their own, and check says with which settings it checks', async () => {
  const cwd = await running('receiver', ({ about }) =>
    about === 'check'
      ? null
      : [{ connection: 'slack', uses: 'unknown', read_from: [], missing: [], state: 'not_parked', parked: null }],
  );
  const list = await connections(cwd, 'list');
  expect([list.code, list.out]).toEqual([0, 'slack     unknown     not parked\n']);
  expect(list.err).toMatch(/is a receiver: its workers have settings of their own/);
  const check = await connections(cwd, 'check', '--json');
  expect(check.err).toMatch(/is a receiver.*run this command where they run.*environment of this command/s);
  expect(JSON.parse(check.out)).toContainEqual(expect.objectContaining({ connection: 'slack', ok: false }));
});

test('without a running bridge, check says that it goes by the settings file and the environment of the command', async () => {
  const { out, err } = await connections(dataFolder(), 'check', '--json');
  expect(err).toMatch(/No receiver runs with the data folder .*environment of this command/);
  expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ connection: 'slack', ok: false }));
});

const WITH_SECRET = `version: 1
rules:
  - name: push
    on: message_created
    do: [{ http.request: { url: "https://crm.example/", headers: { Authorization: "Bearer \${env:CRM_TOKEN}" } } }]
`;

/** What `rules check` warns of, in a shell with or without the token. */
async function checkRules(cwd: string, env: Record<string, string> = {}): Promise<string> {
  writeFileSync(join(cwd, 'rules.yaml'), WITH_SECRET);
  const { out } = await runBridge(['rules', 'check', '--no-traffic'], {
    cwd,
    env: { ...env, BRIDGE_DATA_DIR: cwd, BRIDGE_RULES: 'rules.yaml' },
  });
  return out;
}

test('rules check goes by the secrets of the running bridge, whatever the shell has', async () => {
  const asked: Question[] = [];
  const has = await running('all', (question) => {
    asked.push(question);
    return { 'env:CRM_TOKEN': { ok: true } };
  });
  expect(await checkRules(has)).not.toContain('CRM_TOKEN');
  expect(asked).toEqual([{ about: 'secrets', references: ['env:CRM_TOKEN'] }]);
  await admin?.close();
  const message = 'the environment variable CRM_TOKEN is not set';
  const lacks = await running('all', () => ({
    'env:CRM_TOKEN': { ok: false, kind: 'missing', message, hint: 'set it' },
  }));
  expect(await checkRules(lacks, { CRM_TOKEN: 'x' })).toContain(`${message} for the running bridge; set it`);
});

test.each(['receiver', 'all'] as const)(
  'rules check goes by the shell where the bridge has no worker that it can ask: mode %s',
  async (mode) => {
    const cwd = await running(mode, (): unknown =>
      mode === 'receiver' ? null : Promise.reject(new Error('the worker process is not there')),
    );
    expect(await checkRules(cwd, { CRM_TOKEN: 'x' })).not.toContain('CRM_TOKEN');
    expect(await checkRules(cwd)).toContain(
      'the environment variable CRM_TOKEN is not set for this command; the worker',
    );
  },
);

test('rules check goes by the shell where the answer of the bridge is not of this form', async () => {
  const cwd = await running('all', () => ({ 'env:CRM_TOKEN': 'there' }));
  expect(await checkRules(cwd)).toContain('the environment variable CRM_TOKEN is not set for this command; the worker');
});

function standIns(cwd: string, ...args: string[]): Promise<Ended> {
  return runBridge(['stand-ins', 'show', ...args], { cwd, env: { ...SHELL, BRIDGE_DATA_DIR: cwd } });
}

test('stand-ins show prints what would have been sent, and no character that a terminal acts on', async () => {
  const asked: Question[] = [];
  const cwd = await running('all', (question) => {
    asked.push(question);
    return [
      { connection: 'email', items: [] },
      {
        connection: 'voipbin',
        items: [
          {
            at: '2026-03-02T10:00:00.000Z',
            what: 'text',
            to: '+15551234567',
            lines: ['from: +15550001111', 'Hi \u001b[2J'],
          },
        ],
      },
    ];
  });
  const { code, out } = await standIns(cwd, '--last', '3');
  expect([code, out.trimEnd().split('\n')]).toEqual([
    0,
    [
      'email: nothing yet',
      'voipbin: the last 1',
      '  2026-03-02T10:00:00.000Z  text to +15551234567',
      '      from: +15550001111',
      '      Hi \\u001b[2J',
    ],
  ]);
  expect(asked).toEqual([{ about: 'stand-ins', connection: null, last: 3 }]);
});

test('stand-ins show says of a connection without one which have one', async () => {
  const { code, err } = await standIns(dataFolder(), 'http');
  expect([code, err]).toEqual([2, expect.stringMatching(/"http" has no stand-in; there are email, hubspot/)]);
});
