import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { publishApi } from '../../src/operations/api-access';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

let folder: string;
let api: Server;
let asked: unknown[];

const NOTHING = { events: 0, rules: {}, steps: {}, effects: {}, left_out: {}, sample: [], cut: false };
let plan: object;

/** An API that has nothing to do, and remembers what it was asked. */
beforeEach(async () => {
  asked = [];
  plan = NOTHING;
  api = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(JSON.parse(body));
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ plan }));
    });
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  folder = dataFolder();
  const address = api.address();
  publishApi(folder, `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, 'token');
  writeFileSync(join(folder, 'rules.yaml'), 'version: 1\ndefaults: { timezone: Asia/Seoul }\nrules: []\n');
});

afterEach(async () => {
  await new Promise((resolve) => api.close(resolve));
  removeDataFolders();
});

test.each([
  ['retry', ['--failed']],
  ['rerun', []],
])('%s reads times in the zone of the rule file, as the list of events shows them', async (command, more) => {
  const times = ['--since', '2026-03-02 09:00', '--until', '2026-03-02 18:00'];
  const env = { BRIDGE_RULES: 'rules.yaml' };
  for (const zone of [[], ['--timezone', 'UTC']]) {
    const args = ['events', command, ...more, ...times, ...zone];
    expect(await runBridge(args, { cwd: folder, env })).toMatchObject({ code: 0, err: '' });
  }
  expect(asked).toMatchObject([
    { since: '2026-03-02T00:00:00.000Z', until: '2026-03-02T09:00:00.000Z' },
    { since: '2026-03-02T09:00:00.000Z', until: '2026-03-02T18:00:00.000Z' },
  ]);
});

test.each(['retry', 'rerun'])('%s takes steps that may have happened, by name or all of a rule', async (command) => {
  const ask = (...args: string[]) => runBridge(['events', command, ...args], { cwd: folder });
  plan = { ...NOTHING, left_out: { ambiguous: 2 } };
  const leftOut = await ask('message_created/m', '--dry-run');
  expect(leftOut.out).toContain('look at the provider; --ambiguous does it all the same');
  plan = { ...NOTHING, events: 30, rules: { crm: 30 }, steps: { 'http.request': 30 }, may_have_happened: 30 };
  const ofRule = await ask('--failed', '--rule', 'crm', '--since', '1h', '--ambiguous', '--dry-run');
  expect(ofRule.out).toContain('30 steps may have happened already');
  await ask('message_created/m', '--ambiguous', 'crm/a', '--ambiguous', 'crm/b', '--dry-run');
  expect(asked).toMatchObject([
    { events: ['message_created/m'], ambiguous: [] },
    { rule: 'crm', ambiguous: ['*'] },
    { events: ['message_created/m'], ambiguous: ['crm/a', 'crm/b'] },
  ]);
  const unclear = await ask('--since', '1h', '--ambiguous', 'message_created');
  expect(unclear.err).toContain('write RULE/STEP, or --ambiguous alone for every such step');
});
