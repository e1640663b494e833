import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTextFile } from '../../src/yaml/text-file';

const folder = mkdtempSync(join(tmpdir(), 'text-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

/** Reads a file of at most 100 characters. */
const read = (path: string) => readTextFile(path, 100);

test('reads up to the limit, in characters, without the byte order mark', () => {
  writeFileSync(at('text'), `\uFEFF${'김'.repeat(99)}`);
  expect(read(at('text'))).toEqual({ ok: true, text: '김'.repeat(99) });
  writeFileSync(at('longer'), 'x'.repeat(101));
  expect(read(at('longer'))).toEqual({ ok: false, code: 'too-long', problem: 'is longer than 100 characters' });
});

test.each([
  ['Windows-1252', Buffer.from('a: x\nb: "Caf\xe9"\n', 'latin1'), 'is not UTF-8 text (line 2)', [2, 8, 0xe9]],
  [
    'a character that is cut',
    Buffer.from('a\n\uFFFD \u20AC', 'utf8').subarray(0, -1),
    'is not UTF-8 text (line 2)',
    [2, 3, 0xe2],
  ],
  ['UTF-16 with its mark', Buffer.from('\uFEFFa: x\n', 'utf16le'), 'is saved as UTF-16, not as UTF-8', null],
  ['UTF-16 without its mark', Buffer.from('a: x\n', 'utf16le').swap16(), 'is saved as UTF-16, not as UTF-8', null],
])('%s is refused, not read with other letters', (_, bytes, problem, bad) => {
  writeFileSync(at('encoded'), bytes);
  const [line, column, byte] = bad ?? [];
  const badByte = bad === null ? {} : { badByte: { line, column, byte } };
  expect(read(at('encoded'))).toEqual({ ok: false, code: 'encoding', problem, ...badByte });
});

test('a huge file is not read to its end', () => {
  writeFileSync(at('huge'), '');
  truncateSync(at('huge'), 2 ** 40);
  expect(read(at('huge'))).toMatchObject({ ok: false, code: 'too-long' });
});

test('a file whose size is 0 in /proc is read', () => {
  expect(readTextFile('/proc/self/status', 100_000)).toMatchObject({ ok: true, text: expect.stringContaining('Pid:') });
});

test.each([
  [
    'a FIFO that nobody writes to',
    () => execFileSync('mkfifo', [at('fifo')]),
    () => at('fifo'),
    'is not a regular file',
  ],
  ['a device without end', () => undefined, () => '/dev/zero', 'is not a regular file'],
  ['a folder', () => undefined, () => folder, 'is a folder'],
  ['a file that is missing', () => undefined, () => at('none'), 'cannot be read (ENOENT)'],
])('%s is a problem, and is not waited for', (_, prepare, path, problem) => {
  prepare();
  expect(read(path())).toMatchObject({ ok: false, problem });
});
