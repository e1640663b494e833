import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that is running now. A process id alone says little: ids are used again. */
export interface LivingProcess {
  pid: number;
  /** When it started, in the system's own words: equal for one process as long as it lives. */
  started: string;
  /** Its arguments, joined by blanks. */
  command: string;
}

const PS_WITHIN_MS = 5_000;

/**
 * Looks at a process: from /proc on Linux, from `ps` on other Unix systems.
 *
 * @returns null when there is no such process (one that has ended and waits to be collected counts as gone), and always
 *   on Windows.
 */
export function lookAtProcess(pid: number): LivingProcess | null {
  if (process.platform === 'linux') {
    return lookInProc(pid);
  }
  return process.platform === 'win32' ? null : lookWithPs(pid);
}

function lookInProc(pid: number): LivingProcess | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets, which may hold blanks and brackets itself (proc(5)).
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

/** As {@link lookAtProcess}, with `ps` whatever the system. */
export function lookWithPs(pid: number): LivingProcess | null {
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
