import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import { Inbox } from '../../src/inbox/inbox';
import { openDatabase } from '../../src/storage/sqlite';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';

// Each command is a process of its own.
jest.setTimeout(60_000);

afterEach(removeDataFolders);

/** Runs `bridge events ...` on a data folder. */
function events(dataDir: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const script = [
      '-r',
      join(__dirname, '../run-typescript.cjs'),
      join(__dirname, '../../src/cli/bridge.ts'),
      'events',
      ...args,
    ];
    execFile(
      process.execPath,
      script,
      { env: { PATH: process.env['PATH'] ?? '', BRIDGE_DATA_DIR: dataDir }, cwd: dataDir },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

/** Three events: two that were started, of which one is done, and one that waits. */
async function threeEvents(): Promise<string> {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  for (const id of ['c1', 'c2', 'c3']) {
    await inbox.append(entryOf('call_hangup', id, planOf('a')));
  }
  await inbox.close();
  const log = RunLog.open(dataDir);
  const at = new Date();
  log.markStarted(
    [1, 2].map((seq) => ({ seq, event_id: `call_hangup/c${seq}`, run_id: 'r', started_at: at })),
    2,
  );
  log.markClosed([{ event_id: 'call_hangup/c1', closed_at: at, outcome: 'done', report: null }]);
  log.close();
  return dataDir;
}

const became = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/).slice(1));

test('list says in a word what became of each event', async () => {
  const { code, out } = await events(await threeEvents(), 'list');
  expect([code, became(out)]).toEqual([
    0,
    [
      ['waiting', 'call_hangup/c3'],
      ['started', 'call_hangup/c2'],
      ['done', 'call_hangup/c1'],
    ],
  ]);
});

test('list --became and --since choose among all events, not among the latest', async () => {
  const dataDir = await threeEvents();
  const listed = async (...args: string[]) => became((await events(dataDir, 'list', ...args)).out).map(([, id]) => id);
  expect(await listed('--became', 'done', '--limit', '1')).toEqual(['call_hangup/c1']);
  expect((await events(dataDir, 'list', '--limit', '2')).out.split('\n')[2]).toBe(
    'These are the latest 2; there are more (--limit, up to 1000).',
  );
  expect(await listed('--became', 'waiting, done')).toEqual(['call_hangup/c3', 'call_hangup/c1']);
  expect(await listed('--since', '1h', '--type', 'call_hungup', '--limit', '3')).toEqual([
    'call_hangup/c3',
    'call_hangup/c2',
    'call_hangup/c1',
  ]);
  expect((await events(dataDir, 'list', '--since', '1ms')).out).toBe('There are no such events.\n');
});

test.each([
  [['--became', 'failed,lost'], /--became takes one or more of ignored, .*; got "lost"/],
  [['--since', 'yesterday'], /--since takes a duration such as 2h or 3d, .*got "yesterday"/],
  [['--quarantine', '--since', '1h'], /--quarantine .* goes with --limit and --json only/],
  [['--type', 'call_ended'], /unknown event type "call_ended"/],
])('list %s is wrong use', async (args, message) => {
  const { code, out, err } = await events(await threeEvents(), 'list', ...args);
  expect([code, out, err]).toEqual([2, '', expect.stringMatching(message)]);
});

test('what had a run of which the record is lost is forgotten, and does not look as if it waited', async () => {
  const dataDir = await threeEvents();
  const store = openDatabase(join(dataDir, 'inbox.db'));
  store.exec("INSERT INTO meta (name, value) VALUES ('dispatched', 2)");
  store.close();
  rmSync(join(dataDir, 'dispatch.db'));
  expect(became((await events(dataDir, 'list')).out)).toEqual([
    ['waiting', 'call_hangup/c3'],
    ['forgotten', 'call_hangup/c2'],
    ['forgotten', 'call_hangup/c1'],
  ]);
});

test('a damaged file is told of in a sentence', async () => {
  const dataDir = await threeEvents();
  writeFileSync(join(dataDir, 'inbox.db'), Buffer.alloc(20_000, 7));
  const { code, out, err } = await events(dataDir, 'list');
  expect([code, out, err]).toEqual([
    1,
    '',
    expect.stringMatching(/^A file of the data folder is damaged\. Start the bridge/),
  ]);
});
