import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../src/storage/sqlite';
import { EffectMemory } from '../../src/worker/effect-memory';
import { dataFolder, removeDataFolders } from '../inbox/entries';

const KEY = 'recording_finished/5371/rule/step';
const RESULT = { message_id: '<1@example.com>', accepted: 2, nested: { list: [1, null, 'x'] } };
const DAY_MS = 86_400_000;

let dataDir: string;
let notKept: number;
let errors: string[];
let infos: string[];
const open: EffectMemory[] = [];

beforeEach(() => {
  dataDir = dataFolder();
  [notKept, errors, infos] = [0, [], []];
});
afterEach(() => {
  open.splice(0).forEach((memory) => memory.close());
  jest.useRealTimers();
  removeDataFolders();
});

function memoryIn(folder: string = dataDir, maxBytes?: number): EffectMemory {
  const memory = EffectMemory.open(folder, {
    log: {
      error: (_fields: unknown, message?: string) => void errors.push(message ?? ''),
      info: (_fields: unknown, message?: string) => void infos.push(message ?? ''),
    },
    onNotKept: () => (notKept += 1),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  open.push(memory);
  return memory;
}

test('a result outlives the process, and is only found under its key', async () => {
  const memory = memoryIn();
  expect(memory.recall(KEY)).toBeNull();
  await memory.remember(KEY, RESULT);
  // Another process reads the file as it is on the disk, without the first one closing it.
  const other = memoryIn();
  expect(other.recall(KEY)).toEqual(RESULT);
  expect(other.recall(`${KEY}#2`)).toBeNull();
});

test('what the latest failed attempt left is kept beside the results', async () => {
  const memory = memoryIn();
  expect(memory.recallProgress(KEY)).toBeNull();
  await memory.rememberProgress(KEY, { attempt: 1, saved: null });
  await memory.rememberProgress(KEY, { attempt: 2, saved: { taken: ['a'] } });
  expect(memoryIn().recallProgress(KEY)).toEqual({ attempt: 2, saved: { taken: ['a'] } });
  expect(memory.recall(KEY)).toBeNull();
});

test('the first result of a key stays', async () => {
  const memory = memoryIn();
  await memory.remember(KEY, RESULT);
  await memory.remember(KEY, { message_id: 'another' });
  expect(memory.recall(KEY)).toEqual(RESULT);
});

test('results of the same moment are kept together, those of two workers as well', async () => {
  const [one, other] = [memoryIn(), memoryIn()];
  const keys = Array.from({ length: 50 }, (_, index) => `${KEY}/${index}`);
  await Promise.all(keys.map((key, index) => (index % 2 === 0 ? one : other).remember(key, { key })));
  expect(keys.map((key) => one.recall(key))).toEqual(keys.map((key) => ({ key })));
});

test('what still waits is kept when the worker stops', () => {
  const memory = memoryIn();
  void memory.remember(KEY, RESULT);
  memory.close();
  expect(memoryIn().recall(KEY)).toEqual(RESULT);
});

test('the file holds no key in clear, and only its owner reads it', async () => {
  await memoryIn().remember('message_created/+15551234567/rule/step', { id: 'x' });
  const files = ['effects.db', 'effects.db-wal'].map((name) => join(dataDir, name)).filter((path) => existsSync(path));
  for (const path of files) {
    expect(readFileSync(path).includes('15551234567')).toBe(false);
    expect(statSync(path).mode & 0o077).toBe(0);
  }
});

test('results are dropped after 32 days, not before', async () => {
  const day = (number: number): void => jest.setSystemTime(Date.UTC(2026, 0, 1) + number * DAY_MS);
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance', 'queueMicrotask', 'setTimeout'] });
  day(0);
  const memory = memoryIn();
  await memory.remember('old', RESULT);
  day(31);
  await memory.remember('new', RESULT);
  expect(memory.recall('old')).toEqual(RESULT);
  day(33);
  await memory.remember('newest', RESULT);
  expect([memory.recall('old'), memory.recall('new')]).toEqual([null, RESULT]);
});

test('above its size the oldest results are dropped', async () => {
  const memory = memoryIn(dataDir, 500_000);
  const large = { text: 'x'.repeat(1_000) };
  for (let index = 0; index < 3_000; index += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, more) => memory.remember(`${index + more}`, large)));
  }
  await memory.remember('last', large);
  expect([memory.recall('0'), memory.recall('last')]).toEqual([null, large]);
});

test('a damaged file is set aside, and the worker starts', async () => {
  await memoryIn().remember(KEY, RESULT);
  open.splice(0).forEach((memory) => memory.close());
  ['effects.db-wal', 'effects.db-shm'].forEach((name) => rmSync(join(dataDir, name), { force: true }));
  writeFileSync(join(dataDir, 'effects.db'), 'no database at all, and longer than a header of SQLite'.repeat(100));
  const memory = memoryIn();
  expect(errors).toEqual([expect.stringContaining('effects.db was damaged')]);
  await memory.remember(KEY, RESULT);
  expect(memory.recall(KEY)).toEqual(RESULT);
});

test('without a folder that it can use, nothing is kept and nothing fails', async () => {
  const file = join(dataDir, 'a-file');
  writeFileSync(file, '');
  const memory = memoryIn(file);
  await memory.remember(KEY, RESULT);
  expect([memory.recall(KEY), notKept, errors.length]).toEqual([null, 1, 1]);
});

test('a file that refuses writes is reported once, until it takes them again', async () => {
  const [memory, other] = [memoryIn(), memoryIn()];
  await memory.remember('before', RESULT);
  // As long as another connection is in a transaction, every write fails.
  const blocked = holdWriteLock();
  await memory.remember('one', RESULT);
  await memory.remember('two', RESULT);
  expect([memory.recall('one'), notKept, errors.length]).toEqual([null, 2, 1]);
  expect(memory.recall('before')).toEqual(RESULT);
  blocked.release();
  await memory.remember('three', RESULT);
  expect([other.recall('three'), infos]).toEqual([RESULT, ['effects.db can be written again']]);
});

function holdWriteLock(): { release: () => void } {
  const database = openDatabase(join(dataDir, 'effects.db'));
  database.exec('BEGIN IMMEDIATE');
  return {
    release: () => {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}
