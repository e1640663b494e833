import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
