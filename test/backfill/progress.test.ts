import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGapTooLong, lookBackTo, ProgressFile, progressFrom } from '../../src/backfill/progress';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { HOUR, MINUTE } from './set-up';

afterEach(removeDataFolders);

const at = (time: string): Date => new Date(`2026-03-02T${time}Z`);

test('what was written is read again, whole, also when writes overlap', async () => {
  const dataDir = dataFolder();
  const progress = progressFrom(at('01:00:00'), at('02:00:00'), 'customer');
  progress.resources.calls.sweep = {
    began_at: at('01:30:00'),
    until: at('00:50:00'),
    token: 'next',
    newest: at('01:29:00'),
    oldest_open: null,
  };
  const file = new ProgressFile(dataDir);
  const writes: Promise<void>[] = [];
  for (let n = 0; n < 50; n += 1) {
    progress.alive_at = new Date(at('02:00:00').getTime() + n);
    writes.push(file.write(progress));
    expect(new ProgressFile(dataDir).read().found).not.toBe('unreadable');
  }
  await Promise.all(writes);

  expect(new ProgressFile(dataDir).read()).toEqual({ found: 'progress', progress });
  expect(readdirSync(dataDir)).toEqual(['backfill.json']);
});

test.each([
  ['nothing', null, 'none'],
  ['half a file', '{"version": 1', 'unreadable'],
  ['an empty file', '', 'unreadable'],
  ['a later format', '{"version": 2}', 'unreadable'],
])('%s in the data folder', (_, text, found) => {
  const dataDir = dataFolder();
  if (text !== null) {
    writeFileSync(join(dataDir, 'backfill.json'), text);
  }
  expect(new ProgressFile(dataDir).read()).toEqual({ found });
});

test('a write that fails says so, and leaves the file as it was', async () => {
  const dataDir = dataFolder();
  const file = new ProgressFile(dataDir);
  await file.write(progressFrom(at('01:00:00'), at('01:00:00')));
  const before = readFileSync(join(dataDir, 'backfill.json'), 'utf8');
  const lost = new ProgressFile(join(dataDir, 'not-there'));

  await expect(lost.write(progressFrom(at('02:00:00'), at('02:00:00')))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(readFileSync(join(dataDir, 'backfill.json'), 'utf8')).toBe(before);
});

test.each([
  ['to the mark and the overlap below it', '01:00:00', '03:00:00', 24 * HOUR, '02:50:00'],
  ['never below the floor', '02:55:00', '03:00:00', 24 * HOUR, '02:55:00'],
  ['no further than the longest gap', '01:00:00', '03:00:00', HOUR, '04:00:00'],
])('looks back %s', (_, floor, mark, longestGap, expected) => {
  expect(lookBackTo({ floor: at(floor), mark: at(mark), sweep: null }, 10 * MINUTE, longestGap, at('05:00:00'))).toBe(
    at(expected).getTime(),
  );
});

test.each([
  ['looked through a while ago', '04:30:00', false],
  ['looked through long ago', '03:30:00', true],
  ['never looked through, and begun long ago', null, true],
])('a hole between two looks: %s', (_, lookedAt, expected) => {
  const progress = progressFrom(at('01:00:00'), at('04:59:00'));
  progress.looked_at = lookedAt === null ? null : at(lookedAt);
  expect(isGapTooLong(progress, HOUR, at('05:00:00'))).toBe(expected);
});
