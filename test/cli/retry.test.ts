import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { publishApi } from '../../src/operations/api-access';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(60_000);

let folder: string;
let api: Server;
let asked: unknown[];

/** An API that has nothing to do, and remembers what it was asked. */
beforeEach(async () => {
  asked = [];
  api = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(JSON.parse(body));
      const plan = { events: 0, rules: {}, steps: {}, effects: {}, left_out: {}, sample: [], cut: false };
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
