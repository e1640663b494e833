import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk for a data folder that can be filled. */
export interface SmallDisk {
  /** Where it is; the data folder is below it. */
  path: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  /** Lets nobody write. Only for a mounted one that nobody has open. */
  setReadOnly(readOnly: boolean): void;
  end(): void;
}

const MIB = 1_048_576;

/** Whether this process may mount file systems. It tries. */
export function canMount(): boolean {
  const trial = mkdtempSync(join(tmpdir(), 'bridge-chaos-mount-'));
  const isMounted = mount(trial, 1);
  if (isMounted) {
    spawnSync('umount', [trial]);
  }
  rmSync(trial, { recursive: true });
  return isMounted;
}

function mount(path: string, mib: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', path]).status === 0;
}

/**
 * A file system of its own, in memory.
 * @param path an empty folder.
 * @throws Error when this process may not mount one (see {@link canMount}).
 */
export function mountSmallDisk(path: string, mib: number): SmallDisk {
  if (!mount(path, mib)) {
    throw new Error(`no file system could be mounted on ${path}`);
  }
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => writeUntilFull(filler),
    free: () => rmSync(filler, { force: true }),
    setReadOnly: (readOnly) => {
      const { status, stderr } = spawnSync('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, path], {
        encoding: 'utf8',
      });
      if (status !== 0) {
        throw new Error(`cannot be made ${readOnly ? 'read-only' : 'writable'}: ${stderr}`);
      }
    },
    end: () => void spawnSync('umount', ['--lazy', path]),
  };
}

/**
 * A folder whose writer may make no file longer (`prlimit`), which fails its writes in the middle as a full disk does.
 * @param pids asked when it is filled and freed: the processes that write there.
 */
export function limitedDisk(path: string, pids: () => number[]): SmallDisk {
  const limit = (bytes: string): void =>
    pids().forEach((pid) => void spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]));
  return {
    path,
    fill: () => limit('1000'),
    free: () => limit('unlimited'),
    setReadOnly: () => undefined,
    end: () => undefined,
  };
}

/** Small pieces at the end, so that not even a page is left. */
function writeUntilFull(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (let size = MIB; size >= 1; size = Math.floor(size / 4)) {
      try {
        for (;;) {
          writeSync(file, Buffer.alloc(size));
        }
      } catch (error) {
        // Told by shape: errors of Node itself are no instances of this realm's Error in jest.
        if (typeof error !== 'object' || error === null || !('code' in error) || error.code !== 'ENOSPC') {
          throw error;
        }
      }
    }
  } finally {
    closeSync(file);
  }
}
