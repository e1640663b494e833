import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A running process. Its id alone does not identify it, because the system reuses ids. */
export interface ProcessInfo {
  pid: number;
  /** Start time as the system reports it: the same text as long as the process lives. Compare it, do not parse it. */
  started: string;
  /** Arguments, joined by blanks. */
  command: string;
}

const PS_WITHIN_MS = 5_000;

/**
 * Reads a process's start time and arguments: from /proc on Linux, with `ps` on other Unix systems.
 *
 * The bridge reads /proc itself because an adopted server is checked twice a second: the libraries for this (ps-list,
 * pid-port) are ES modules and start a program for each look.
 *
 * @returns null when there is no such process (a zombie counts as ended), and always on Windows.
 */
export function readProcess(pid: number): ProcessInfo | null {
  if (process.platform === 'linux') {
    return readFromProc(pid);
  }
  return process.platform === 'win32' ? null : readWithPs(pid);
}

function readFromProc(pid: number): ProcessInfo | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets, which may contain blanks and brackets (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, started] = [fields[0], fields[19]];
    if (state === undefined || started === undefined || 'ZX'.includes(state)) {
      return null;
    }
    return { pid, started, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ') };
  } catch {
    return null;
  }
}

/** Does the same as {@link readProcess} with `ps`, on any Unix system. */
export function readWithPs(pid: number): ProcessInfo | null {
  try {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const line = execFileSync('ps', ['-ww', '-o', 'stat=', '-o', 'lstart=', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      env,
      timeout: PS_WITHIN_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [, state, started, command] = /^\s*(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/m.exec(line) ?? [];
    return state === undefined || started === undefined || command === undefined || state.startsWith('Z')
      ? null
      : { pid, started, command };
  } catch {
    return null;
  }
}
