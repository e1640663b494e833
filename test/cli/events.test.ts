import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunLog } from '../../src/dispatch/run-log';
import { Inbox } from '../../src/inbox/inbox';
import { openDatabase } from '../../src/storage/sqlite';
import { runBridge, type Ended } from './run-bridge';
import { dataFolder, entryOf, inboxOptions, planOf, removeDataFolders } from '../inbox/entries';

// Each command is a process of its own.
jest.setTimeout(120_000);

afterEach(removeDataFolders);

/** Runs `bridge events ...` on a data folder. */
function events(dataDir: string, ...args: string[]): Promise<Ended> {
  return runBridge(['events', ...args], { cwd: dataDir });
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

const rows = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/).slice(1, 3));

test('list shows the status of each event', async () => {
  const { code, out } = await events(await threeEvents(), 'list');
  expect([code, rows(out)]).toEqual([
    0,
    [
      ['waiting', 'call_hangup/c3'],
      ['started', 'call_hangup/c2'],
      ['done', 'call_hangup/c1'],
    ],
  ]);
});

test('list --status and --since filter all events, not only the latest', async () => {
  const dataDir = await threeEvents();
  const listed = async (...args: string[]) => rows((await events(dataDir, 'list', ...args)).out).map(([, id]) => id);
  expect(await listed('--status', 'done', '--limit', '1')).toEqual(['call_hangup/c1']);
  expect((await events(dataDir, 'list', '--limit', '2')).out.split('\n')[2]).toBe(
    'These are the latest 2; there are more (--limit, up to 1000, or older ones: --before 2).',
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
  [['--status', 'failed,lost'], /--status expects one or more of ignored, .*; got "lost"/],
  [['--since', 'yesterday'], /--since expects a duration such as 2h or 3d, .*got "yesterday"/],
  [['--quarantine', '--since', '1h'], /--quarantine .* with --limit and --json only/],
  [['--type', 'call_ended'], /unknown event type "call_ended"/],
])('list %s is wrong use', async (args, message) => {
  const { code, out, err } = await events(await threeEvents(), 'list', ...args);
  expect([code, out, err]).toEqual([2, '', expect.stringMatching(message)]);
});

test('an event whose run is missing from a lost run log is forgotten, not waiting', async () => {
  const dataDir = await threeEvents();
  const store = openDatabase(join(dataDir, 'inbox.db'));
  store.exec("INSERT INTO meta (name, value) VALUES ('dispatched', 2)");
  store.close();
  rmSync(join(dataDir, 'dispatch.db'));
  expect(rows((await events(dataDir, 'list')).out)).toEqual([
    ['waiting', 'call_hangup/c3'],
    ['forgotten', 'call_hangup/c2'],
    ['forgotten', 'call_hangup/c1'],
  ]);
});

test('a damaged file is reported in a sentence', async () => {
  const dataDir = await threeEvents();
  writeFileSync(join(dataDir, 'inbox.db'), Buffer.alloc(20_000, 7));
  const { code, out, err } = await events(dataDir, 'list');
  expect([code, out, err]).toEqual([
    1,
    '',
    expect.stringMatching(/^A file in the data folder is damaged\. Start the bridge/),
  ]);
});

test('show lists the parts that a run of a large event does not have', async () => {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  const data = { id: 'c1', executed_actions: 'a'.repeat(600_000) };
  const body = Buffer.from(JSON.stringify({ type: 'call_hangup', data }));
  await inbox.append(entryOf('call_hangup', 'c1', planOf('a'), { body }));
  await inbox.append(entryOf('call_hangup', 'c2', planOf('a')));
  await inbox.close();
  expect((await events(dataDir, 'show', 'call_hangup/c1')).out).toMatch(
    /^ {2}left out {2}data\.executed_actions \(too large for Temporal/m,
  );
  expect((await events(dataDir, 'show', 'call_hangup/c2')).out).not.toContain('left out');
});

test('show names the batch that an event was started in, and its own run', async () => {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  for (const id of ['c1', 'c2', 'c3']) {
    await inbox.append(entryOf('call_hangup', id, planOf('a')));
  }
  await inbox.close();
  const log = RunLog.open(dataDir);
  const at = new Date();
  const batch = 'batch/1-3/0123456789abcdef';
  log.markStarted(
    [1, 2, 3].map((seq) => ({ seq, event_id: `call_hangup/c${seq}`, run_id: 'r', started_at: at, batch })),
    3,
  );
  const closed = { closed_at: at, outcome: 'done', report: null };
  log.markClosed([
    { ...closed, event_id: 'call_hangup/c1', in_batch: true },
    { ...closed, event_id: 'call_hangup/c2' },
  ]);
  log.close();
  const first = await events(dataDir, 'show', 'call_hangup/c1');
  expect(first.out).toContain(`  batch     in ${batch}, with 2 others\n`);
  const second = await events(dataDir, 'show', 'call_hangup/c2');
  expect(second.out).toContain(`  batch     in ${batch}, with 2 others; it went on in a run of its own\n`);
  expect(JSON.parse((await events(dataDir, 'show', 'call_hangup/c1', '--json')).out)).toMatchObject({
    status: 'done',
    became: 'done',
    batch: { id: batch, others: 2, own_run: false, link: null },
    runs: [{ run: batch, kind: 'first', outcome: 'done' }],
  });
});
