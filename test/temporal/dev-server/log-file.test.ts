import { closeSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerLog } from '../../../src/temporal/dev-server/log-file';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-log-'));
  path = join(folder, 'temporal.log');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('shows the last lines of this run only', () => {
  writeFileSync(path, 'an old line\n');
  const log = new ServerLog(path);
  expect(log.tail(5)).toEqual([]);
  const file = log.open();
  writeSync(file, 'one\ntwo\n\nthree\n');
  closeSync(file);
  expect(log.tail(2)).toEqual(['two', 'three']);
  expect(readFileSync(path, 'utf8')).toContain('an old line');
});

test('is rotated when it is too large, at the start and while its writer continues', () => {
  writeFileSync(path, 'x'.repeat(200));
  const log = new ServerLog(path, 100);
  expect(statSync(`${path}.1`).size).toBe(200);
  const file = log.open();
  writeSync(file, `${'y'.repeat(150)}\n`);
  log.rotate();
  writeSync(file, 'afterwards\n');
  closeSync(file);
  expect(readFileSync(path, 'utf8')).toBe('afterwards\n');
  expect(readFileSync(`${path}.1`, 'utf8')).toContain('yyy');
  expect(log.tail(5)).toEqual(['afterwards']);
});
