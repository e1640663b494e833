import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataFolderLock } from '../../src/storage/data-folder';
import { DataFolderUnsafe, openDataFolder } from '../../src/storage/private-folder';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

let room: string;
let folder: string;
const umask = process.umask();

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'bridge-folder-'));
  folder = join(room, 'data');
});

afterEach(() => {
  process.umask(umask);
  rmSync(room, { recursive: true, force: true });
});

function make(mode: number): void {
  mkdirSync(folder);
  chmodSync(folder, mode);
}

function file(name: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, 'what it held');
  chmodSync(path, mode);
  return path;
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

function refusal(): string {
  try {
    openDataFolder(folder);
  } catch (error) {
    if (error instanceof DataFolderUnsafe) {
      return error.message;
    }
    throw error;
  }
  throw new Error('the folder was not refused');
}

test.each([0o000, 0o022, 0o077])("a new folder is its owner's alone, with umask %o", (mask) => {
  process.umask(mask);
  expect(openDataFolder(join(folder, 'deeper'))).toBe(false);
  expect([modeOf(folder), modeOf(join(folder, 'deeper'))]).toEqual(['700', '700']);
});

test.each([0o755, 0o750, 0o777, 0o1777, 0o2770])(
  'a folder of ours with mode %o is closed, which is reported once',
  (mode) => {
    make(mode);
    expect(openDataFolder(folder)).toBe(true);
    expect(modeOf(folder)).toBe('700');
    expect(openDataFolder(folder)).toBe(false);
  },
);

test("the bridge's files are closed, and no others", () => {
  make(0o700);
  const ours = [
    'inbox.db',
    'inbox.db-wal',
    'inbox.db-shm',
    'inbox.db.corrupt-2026',
    'inbox.lock',
    'dispatch.db',
    'effects.db',
    'operations.db',
    'alerts.db-wal',
    'admin-api.json',
    'journal.0',
    'backfill.json',
    'temporal.db',
    'temporal.db-wal',
    'temporal.log',
    'temporal.log.1',
    'temporal.pid',
  ].map((name) => file(name, 0o644));
  const other = file('notes.txt', 0o644);
  // Nobody could read them: the folder was closed.
  expect(openDataFolder(folder)).toBe(false);
  expect(new Set(ours.map(modeOf))).toEqual(new Set(['600']));
  expect(modeOf(other)).toBe('644');
});

test('a volume with lost+found is closed', () => {
  make(0o755);
  mkdirSync(join(folder, 'lost+found'));
  expect(openDataFolder(folder)).toBe(true);
});

test('an open folder with other files is refused, not closed: it may be one that others need', () => {
  make(0o755);
  file('somebody.txt', 0o644);
  expect(refusal()).toContain(
    `${folder} is open to other users (mode 0755), and contains more than the bridge's files: somebody.txt`,
  );
  expect(modeOf(folder)).toBe('755');
});

test('a folder of another user is refused, and nothing is written there', () => {
  if (isRoot) {
    make(0o777);
    chownSync(folder, NOBODY, NOBODY);
  } else {
    folder = '/usr';
  }
  const before = readdirSync(folder);
  expect(refusal()).toMatch(
    /belongs to user \d+, and the bridge runs as user \d+\. Run the bridge as user \d+, change /,
  );
  expect(() => DataFolderLock.acquire(folder, 'inbox')).toThrow(DataFolderUnsafe);
  expect(readdirSync(folder)).toEqual(before);
});

const NAMES = [
  'inbox.db',
  'inbox.db-wal',
  'inbox.pid',
  'inbox.lock',
  'dispatch.db',
  'dispatch.pid',
  'journal.1',
  'temporal.db',
  'temporal.log',
  'temporal.pid',
  'backfill.json',
];

describe.each(NAMES)('in place of %s', (name) => {
  test.each<[string, (victim: string, path: string) => void]>([
    ['a symbolic link', symlinkSync],
    ['a hard link', linkSync],
  ])('%s is refused, and its target is untouched', (_kind, link) => {
    make(0o1777);
    const victim = join(room, 'victim');
    writeFileSync(victim, 'precious', { mode: 0o644 });
    link(victim, join(folder, name));
    expect(refusal()).toContain(`${join(folder, name)} is a link to another file`);
    expect(() => DataFolderLock.acquire(folder, 'inbox')).toThrow(DataFolderUnsafe);
    expect([readFileSync(victim, 'utf8'), modeOf(victim)]).toEqual(['precious', '644']);
  });
});

test('a link that leads nowhere is refused, and its target is not made', () => {
  make(0o777);
  symlinkSync(join(room, 'nowhere'), join(folder, 'inbox.db'));
  expect(refusal()).toContain('inbox.db is a link');
  expect(existsSync(join(room, 'nowhere'))).toBe(false);
});

test.each<[string, (path: string) => void]>([
  ['folder', mkdirSync],
  ['FIFO', (path) => execFileSync('mkfifo', [path])],
])('a %s in place of a file is refused', (_kind, put) => {
  make(0o700);
  put(join(folder, 'inbox.pid'));
  expect(refusal()).toContain('inbox.pid is not a file');
});

(isRoot ? describe : describe.skip)('as root', () => {
  test('a file of another user is refused', () => {
    make(0o700);
    chownSync(file('temporal.db'), NOBODY, NOBODY);
    expect(refusal()).toContain('temporal.db belongs to user 65534, and the bridge runs as user 0');
  });
});

test('locks and process ids are private, with umask 0', () => {
  process.umask(0);
  const lock = DataFolderLock.acquire(folder, 'inbox');
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['inbox.lock', 'inbox.pid']));
  expect(new Set(readdirSync(folder).map((name) => modeOf(join(folder, name))))).toEqual(new Set(['600']));
  lock.release();
});
