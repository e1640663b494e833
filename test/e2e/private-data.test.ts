import {
  chmodSync,
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
import { openDataFolder } from '../../src/storage/private-folder';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

let room: string;
let dataDir: string;
const umask = process.umask();

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'bridge-private-'));
  dataDir = join(room, 'data');
  mkdirSync(dataDir);
});

afterEach(() => {
  process.umask(umask);
  rmSync(room, { recursive: true, force: true });
});

function modesIn(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  );
}

test('whoever made the folder and whatever the umask, only the owner can read what the bridge and its Temporal write', async () => {
  chmodSync(dataDir, 0o755);
  process.umask(0);
  const bridge = await RunningBridge.ready({ dataDir, env: { TEMPORAL_ADDRESS: '' } });
  try {
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    const modes = modesIn(dataDir);
    expect(Object.keys(modes)).toEqual(
      expect.arrayContaining(['inbox.db', 'inbox.db-wal', 'inbox.lock', 'dispatch.db', 'temporal.db', 'temporal.log']),
    );
    expect(new Set(Object.values(modes))).toEqual(new Set(['600']));
    expect(bridge.output.split('other users could read the data folder')).toHaveLength(2);
    // None is taken for somebody else's: a copy of the folder, which others can read, is closed as well.
    const copy = join(room, 'copy');
    mkdirSync(copy);
    Object.keys(modes).forEach((name) => writeFileSync(join(copy, name), ''));
    chmodSync(copy, 0o755);
    expect(openDataFolder(copy)).toBe(true);
  } finally {
    await bridge.remove();
  }
});

test('a link in place of a file keeps the bridge from starting, with a message that names it', async () => {
  chmodSync(dataDir, 0o1777);
  const victim = join(room, 'victim.txt');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, join(dataDir, 'inbox.pid'));
  const bridge = RunningBridge.start({ dataDir });
  try {
    expect(await bridge.ended()).toBe(1);
    expect(bridge.output).toContain(`${join(dataDir, 'inbox.pid')} is a link to another file`);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  } finally {
    await bridge.remove();
  }
});
