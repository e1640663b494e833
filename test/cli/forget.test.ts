import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { publishApi } from '../../src/operations/api-access';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const GERMAN = '+491033334444';
const KOREAN = '+821033334444';

let folder: string;
let api: Server;
/** Numbers of which the data folder has an event. */
let known: ReadonlySet<string>;
/** Numbers whose data was removed. */
let removed: string[];

/** An API whose data folder knows some numbers. */
beforeEach(async () => {
  removed = [];
  api = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { number } = JSON.parse(body) as { number: string };
      if (request.url?.includes('dry_run') === false) {
        removed.push(number);
      }
      const counts = { events: known.has(number) ? 1 : 0, quarantined: 0, postponed: 0 };
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ ...counts, runs_at_temporal: 0, at_providers: {} }));
    });
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  folder = dataFolder();
  const address = api.address();
  publishApi(folder, `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, 'token');
  const rules = '[{ name: seoul, country: KR, on: call_hangup, do: [] }]';
  writeFileSync(join(folder, 'rules.yaml'), `version: 1\ndefaults: { country: DE }\nrules: ${rules}\n`);
});

afterEach(async () => {
  await new Promise((resolve) => api.close(resolve));
  removeDataFolders();
});

function forget(): ReturnType<typeof runBridge> {
  return runBridge(['forget', '010-3333-4444', '--yes'], { cwd: folder, env: { BRIDGE_RULES: 'rules.yaml' } });
}

test.each([GERMAN, KOREAN])('a number without its country code is the one that is known: %s', async (number) => {
  known = new Set([number]);
  const { code, out } = await forget();
  expect([code, removed]).toEqual([0, [number]]);
  expect(out).toContain(`The content of 1 event of ${number} was removed`);
});

test('where two numbers are known, nothing is removed', async () => {
  known = new Set([GERMAN, KOREAN]);
  const { code, err } = await forget();
  expect([code, removed]).toEqual([2, []]);
  expect(err).toContain(`"010-3333-4444" can be ${GERMAN} or ${KOREAN}: write the one that you mean`);
});

test('where none is known, nothing is removed, and the number that was looked for is named', async () => {
  known = new Set();
  const { code, out } = await forget();
  expect([code, removed]).toEqual([0, []]);
  expect(out).toContain(`The content of 0 events of ${GERMAN} was removed`);
});
