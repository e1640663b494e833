import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backUp, restore } from '../../src/operations/backup';
import { DataFolderLock } from '../../src/storage/data-folder';
import { change, openDatabase, prepare, type Bound } from '../../src/storage/sqlite';

let room: string;
let file: string;
let target: string;

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'bridge-backup-'));
  file = join(room, 'backup.db');
  target = join(room, 'restored');
  const dataDir = join(room, 'data');
  mkdirSync(dataDir);
  const inbox = openDatabase(join(dataDir, 'inbox.db'));
  inbox.exec("CREATE TABLE events (id TEXT); INSERT INTO events VALUES ('e/1')");
  inbox.close();
  backUp(dataDir, file);
});
afterEach(() => rmSync(room, { recursive: true }));

/** Changes the backup as somebody might who hands it over. */
function tamper(sql: string, values: Bound[] = []): void {
  const database = openDatabase(file);
  change(prepare(database, sql), values);
  database.close();
}

function refusal(from: string = file): string {
  try {
    restore(from, target);
  } catch (error) {
    return `${error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'}`;
  }
  throw new Error('it was restored');
}

test('a backup and what is restored from it are readable by their owner only, whatever the umask', () => {
  const umask = process.umask(0);
  try {
    restore(file, target);
    expect([file, target, join(target, 'inbox.db')].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o600, 0o700, 0o600,
    ]);
  } finally {
    process.umask(umask);
  }
});

test.each(['../evil', '/tmp/evil', 'admin-api.json', 'inbox.db/../../evil'])(
  'a file that is not a database of the bridge is not restored: %s',
  (name) => {
    tamper('INSERT INTO files (name, bytes, sha256) VALUES (?, 5, ?)', [name, 'x']);
    expect(refusal()).toBe('OperationFailed: the backup is damaged: what it holds is not what a bridge writes');
    expect(readdirSync(target)).toEqual([]);
    expect(readdirSync(room).toSorted()).toEqual(['backup.db', 'data', 'restored']);
  },
);

test.each([
  ["UPDATE parts SET data = x'00'", 'the backup is damaged: inbox.db in it is not what was copied'],
  ['UPDATE about SET made_at = 9e99', 'the backup is damaged: what it holds is not what a bridge writes'],
  ["UPDATE parts SET data = 'text'", 'the backup is damaged: what it holds is not what a bridge writes'],
])('a damaged backup is refused: %s', (sql, message) => {
  tamper(sql);
  expect(refusal()).toBe(`OperationFailed: ${message}`);
});

test.each([
  [
    'a view with rows without end',
    'CREATE VIEW endless AS WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c',
  ],
  ['a trigger', 'CREATE TRIGGER more AFTER INSERT ON files BEGIN SELECT 1; END'],
  ['a computed column', 'ALTER TABLE parts ADD COLUMN huge AS (hex(zeroblob(400000000)))'],
])('a file with %s is no backup', (_what, sql) => {
  const database = openDatabase(file);
  database.exec(sql);
  database.close();
  expect(refusal()).toBe(`WrongUse: ${file} is not a backup of the bridge`);
});

test.each([
  [
    'has more than it says',
    'INSERT INTO parts (name, n, data) VALUES (?, 1, zeroblob(1000))',
    'inbox.db in it is not what was copied',
  ],
  [
    'has parts that are too large',
    'UPDATE parts SET data = zeroblob(9000000) WHERE name = ?',
    'what it holds is not what a bridge writes',
  ],
  [
    'says that it has more than it can',
    'UPDATE files SET bytes = 900000000 WHERE name = ?',
    'what it holds is not what a bridge writes',
  ],
])('a backup that %s is damaged, and the folder is empty again', (_what, sql, message) => {
  tamper(sql, ['inbox.db']);
  expect(refusal()).toBe(`OperationFailed: the backup is damaged: ${message}`);
  expect(readdirSync(target)).toEqual([]);
});

test('nobody can use the folder while a backup is restored into it', () => {
  mkdirSync(target, { mode: 0o700 });
  const lock = DataFolderLock.acquire(target, 'inbox');
  expect(refusal()).toContain('is not empty');
  lock.release();
  rmSync(join(target, 'inbox.lock'));
  restore(file, target);
  expect(readdirSync(target).toSorted()).toEqual(['inbox.db', 'inbox.lock']);
  DataFolderLock.acquire(target, 'inbox').release();
});

test('a data folder that is a link or a volume stays, and is empty, when a backup cannot be restored', () => {
  const volume = join(room, 'volume');
  mkdirSync(volume);
  symlinkSync(volume, target);
  tamper("UPDATE parts SET data = x'00'");
  expect(refusal()).toContain('damaged');
  expect(readdirSync(target)).toEqual([]);
  expect(readdirSync(room)).toContain('restored');
});

test('a folder, a FIFO, and a file that is no database are no backups', () => {
  expect(refusal(room)).toBe(`WrongUse: ${room} is not a file`);
  const fifo = join(room, 'fifo');
  execFileSync('mkfifo', [fifo]);
  expect(refusal(fifo)).toBe(`WrongUse: ${fifo} is not a file`);
  const text = join(room, 'notes.txt');
  writeFileSync(text, 'notes');
  expect(refusal(text)).toBe(`WrongUse: ${text} is not a backup of the bridge`);
});
