import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationsReader, OperationsStore } from '../../src/operations/store';
import { openDatabase } from '../../src/storage/sqlite';

let folder: string;
let store: OperationsStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-operations-'));
  store = new OperationsStore(folder);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const add = (id: string, events: string[], plan: string | null = null): void =>
  store.addJob(
    { id, kind: 'retry', who: 'ann', request: '{"late":false}', plan: '{}' },
    events.map((event_id) => ({ event_id, plan })),
  );

test('a job is not there for the runner before it is confirmed, and its events have no numbers', () => {
  add('one', ['e/1', 'e/2']);
  expect(store.confirmedJobs()).toEqual([]);
  expect(store.items('one', 0, 10).map(({ number }) => number)).toEqual([null, null]);
  expect(store.confirm('one', 'ann')).toBe(true);
  expect(store.confirmedJobs().map(({ id }) => id)).toEqual(['one']);
  expect(store.items('one', 0, 10)).toMatchObject([
    { event_id: 'e/1', number: 2 },
    { event_id: 'e/2', number: 2 },
  ]);
});

test('no two jobs have the same run of an event, whichever is confirmed first', () => {
  add('one', ['e/1']);
  add('two', ['e/1', 'e/2']);
  store.confirm('two', 'ann');
  store.confirm('one', 'ann');
  expect(store.items('two', 0, 10).map(({ number }) => number)).toEqual([2, 2]);
  expect(store.items('one', 0, 10).map(({ number }) => number)).toEqual([3]);
  expect(store.lastNumber('e/1')).toBe(3);
});

test('a job is confirmed once, and not after it was cancelled', () => {
  add('one', ['e/1']);
  expect(store.confirm('one', 'ann')).toBe(true);
  expect(store.confirm('one', 'ann')).toBe(false);
  add('two', ['e/1']);
  expect(store.cancel('two', 'bob')).toBe(true);
  expect(store.confirm('two', 'ann')).toBe(false);
  expect(store.confirmedJobs().map(({ id }) => id)).toEqual(['one']);
});

test('the numbers of a cancelled job hold up no other', () => {
  add('one', ['e/1']);
  store.confirm('one', 'ann');
  store.cancel('one', 'ann');
  expect(store.lastNumber('e/1')).toBe(1);
});

test('every change is in the audit log, which cannot be changed', () => {
  add('one', ['e/1', 'e/2']);
  store.confirm('one', 'ann');
  store.cancel('one', 'bob');
  store.recordOperation('the bridge', 'rules.reload', { ruleset: 'abc' }, 3);
  expect(store.audit({ limit: 10 })).toMatchObject([
    { who: 'the bridge', operation: 'rules.reload', detail: { ruleset: 'abc' }, count: 3 },
    { who: 'bob', operation: 'jobs.cancel', detail: { job: 'one' }, count: null },
    { who: 'ann', operation: 'events.retry', detail: { job: 'one', late: false }, count: 2 },
  ]);
  const other = openDatabase(join(folder, 'operations.db'));
  expect(() => other.exec("UPDATE audit SET who = 'eve'")).toThrow('append-only');
  expect(() => other.exec('DELETE FROM audit')).toThrow('append-only');
  expect(() => other.exec("REPLACE INTO audit SELECT n, at, 'eve', operation, detail, count FROM audit")).toThrow(
    'append-only',
  );
  other.close();
});

test('equal plans are stored once, and another process reads them', () => {
  add('one', ['e/1', 'e/2'], '{"rules":[]}');
  const reader = new OperationsReader(folder);
  expect(reader.items('one', 0, 10).map(({ plan }) => plan)).toEqual(['{"rules":[]}', '{"rules":[]}']);
  expect(reader.items('one', 1, 10)).toHaveLength(1);
  reader.close();
});

test('old jobs are deleted, the audit log stays', () => {
  add('one', ['e/1']);
  store.confirm('one', 'ann');
  store.prune(new Date(Date.now() + 1_000));
  expect(store.job('one')).toBeNull();
  expect(store.items('one', 0, 10)).toEqual([]);
  expect(store.audit({ limit: 10 })).toHaveLength(1);
});
