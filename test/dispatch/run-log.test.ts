import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { oneNumber, openDatabase } from '../../src/storage/sqlite';
import { RunLog, RunLogReader } from '../../src/dispatch/run-log';
import { dataFolder, removeDataFolders } from '../inbox/entries';

const opened: { close(): void }[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) {
    each.close();
  }
  removeDataFolders();
});

function open(dataDir: string): RunLog {
  const log = RunLog.open(dataDir);
  opened.push(log);
  return log;
}

const at = new Date('2026-03-02T01:00:00Z');
const run = (seq: number) => ({ seq, event_id: `call_hangup/c${seq}`, run_id: `run-${seq}`, started_at: at });

test('is empty to a reader before there is one, and known to it afterwards', () => {
  const dataDir = dataFolder();
  const reader = new RunLogReader(dataDir);
  opened.push(reader);
  expect([reader.watermark(), reader.get('x'), reader.openRuns(5), reader.greatestSeq()]).toEqual([0, null, [], 0]);
  open(dataDir).markStarted([run(1)], 1);
  expect([reader.watermark(), reader.get('call_hangup/c1')?.state, reader.openCount()]).toEqual([1, 'started', 1]);
});

test('that was replaced under a reader is noticed', async () => {
  const dataDir = dataFolder();
  const reader = new RunLogReader(dataDir);
  opened.push(reader);
  const first = open(dataDir);
  first.markStarted([run(1)], 1);
  expect(reader.watermark()).toBe(1);
  first.close();
  renameSync(join(dataDir, 'dispatch.db'), join(dataDir, 'dispatch.db.corrupt'));
  open(dataDir).markStarted([run(7)], 7);
  while (reader.watermark() !== 7) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(reader.get('call_hangup/c1')).toBeNull();
});

test('follows a run from its start to its end', () => {
  const log = open(dataFolder());
  log.markStarted([run(1), run(2)], 2);
  const closed_at = new Date('2026-03-02T01:00:05Z');
  log.markClosed([
    { event_id: 'call_hangup/c1', closed_at, outcome: 'done', report: '{"outcome":"done"}' },
    { event_id: 'unknown', closed_at, outcome: 'done', report: null },
  ]);
  expect(log.get('call_hangup/c1')).toEqual({
    ...run(1),
    state: 'closed',
    closed_at,
    outcome: 'done',
    report: '{"outcome":"done"}',
    batch: null,
    own_run: false,
  });
  expect(log.openRuns(10).map((each) => each.event_id)).toEqual(['call_hangup/c2']);
  expect(log.get('unknown')).toBeNull();
});

test('the first start counts, and the watermark never goes back', () => {
  const dataDir = dataFolder();
  const log = open(dataDir);
  log.markStarted([run(5)], 5);
  log.markStarted([{ ...run(5), run_id: 'another' }], 3);
  log.markStarted([run(9)]);
  expect([log.get('call_hangup/c5')?.run_id, log.watermark(), log.greatestSeq(), [...log.startedAfter(5)]]).toEqual([
    'run-5',
    5,
    9,
    [9],
  ]);
  log.close();
  const again = open(dataDir);
  expect([again.watermark(), [...again.startedAfter(5)]]).toEqual([5, [9]]);
});

test('has one writer', () => {
  const dataDir = dataFolder();
  open(dataDir);
  expect(() => open(dataDir)).toThrow(`process ${process.pid}`);
});

test('drops closed runs that are old, a bounded number at a time, and open ones never', () => {
  const log = open(dataFolder());
  log.markStarted(
    Array.from({ length: 10 }, (_, n) => run(n + 1)),
    10,
  );
  log.markClosed(
    Array.from({ length: 9 }, (_, n) => ({
      event_id: `call_hangup/c${n + 1}`,
      closed_at: at,
      outcome: 'done',
      report: null,
    })),
  );
  const later = new Date(at.getTime() + 1);
  expect([log.prune(at), log.prune(later, 5), log.prune(later, 5), log.openCount()]).toEqual([false, true, false, 1]);
  expect(log.get('call_hangup/c9')).toBeNull();
  expect(log.get('call_hangup/c10')?.state).toBe('started');
});

test('a damaged one is set aside, with a message, and begun again', () => {
  const dataDir = dataFolder();
  writeFileSync(join(dataDir, 'dispatch.db'), Buffer.alloc(20_000, 7));
  const log = open(dataDir);
  expect(log.setAside).toContain('dispatch.db was damaged');
  expect(readdirSync(dataDir).some((name) => name.startsWith('dispatch.db.corrupt-'))).toBe(true);
  log.markStarted([run(1)], 1);
  expect(log.watermark()).toBe(1);
});

test('a batch is recorded before its start, until its events are recorded as started', () => {
  const dataDir = dataFolder();
  const log = open(dataDir);
  const members = [1, 2].map((seq) => ({ seq, event_id: `call_hangup/c${seq}` }));
  log.beginBatch({ id: 'batch/1-2/aa', members });
  log.beginBatch({ id: 'batch/1-2/aa', members });
  log.beginBatch({ id: 'batch/0-1/bb', members: [{ seq: 0, event_id: 'call_hangup/c0' }] });
  log.close();
  const again = open(dataDir);
  expect(again.begunBatches().map(({ id }) => id)).toEqual(['batch/0-1/bb', 'batch/1-2/aa']);
  expect(again.begunBatches()[1]?.members).toEqual(members);
  again.dropBatch('batch/0-1/bb');
  again.markStarted([1, 2].map((seq) => ({ ...run(seq), batch: 'batch/1-2/aa' })));
  expect([again.begunBatches(), again.sizeOfBatch('batch/1-2/aa')]).toEqual([[], 2]);
  expect(again.receiver()).toBe(again.receiver());
});

test('an event of a batch ends in it, or goes on in a run of its own', () => {
  const log = open(dataFolder());
  log.markStarted([...[1, 2, 3].map((seq) => ({ ...run(seq), batch: 'batch/1-3/aa' })), run(4)]);
  log.markOwnRuns(['call_hangup/c2', 'call_hangup/c4']);
  log.markClosed([
    { event_id: 'call_hangup/c1', closed_at: at, outcome: 'done', report: null, in_batch: true },
    { event_id: 'call_hangup/c3', closed_at: at, outcome: 'failed', report: null },
  ]);
  expect(
    [1, 2, 3, 4].map((seq) => log.get(`call_hangup/c${seq}`)).map((entry) => [entry?.batch, entry?.own_run]),
  ).toEqual([
    ['batch/1-3/aa', false],
    ['batch/1-3/aa', true],
    ['batch/1-3/aa', true],
    [null, false],
  ]);
});

test('a file of a version without batches is read as it is, and gets what it lacks from its writer', () => {
  const dataDir = dataFolder();
  open(dataDir).markStarted([run(1)], 1);
  opened.splice(0).forEach((each) => each.close());
  const old = openDatabase(join(dataDir, 'dispatch.db'));
  old.exec(`
    DROP INDEX runs_by_batch; DROP TABLE begun_batches;
    ALTER TABLE runs DROP COLUMN batch; ALTER TABLE runs DROP COLUMN own_run;
  `);
  old.close();
  const reader = new RunLogReader(dataDir);
  opened.push(reader);
  expect(reader.get('call_hangup/c1')).toMatchObject({ state: 'started', batch: null, own_run: false });
  expect([reader.begunBatches(), reader.sizeOfBatch('batch/1-1/aa')]).toEqual([[], 0]);
  const log = open(dataDir);
  log.markStarted([{ ...run(2), batch: 'batch/2-1/aa' }]);
  expect([reader.get('call_hangup/c1')?.batch, reader.get('call_hangup/c2')?.batch]).toEqual([null, 'batch/2-1/aa']);
  const database = openDatabase(join(dataDir, 'dispatch.db'));
  opened.push(database);
  expect(oneNumber(database, 'PRAGMA user_version')).toBe(1);
});
