import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { settlesWithin } from '../../timing/settles-within';
import { readProcess } from './process-info';
import type { ServerLog } from './log-file';

/**
 * How much lower than the bridge's the server's priority is: acknowledgements and actions take precedence over the
 * server's own work (reference temporal.md 6.4).
 */
const NICENESS = 10;
const LOWEST_PRIORITY = 19;
/** The umask of the server: its files contain what events contain. */
const PRIVATE = 0o077;
const KILLED_WITHIN_MS = 5_000;
const CHECK_EVERY_MS = 500;

/** The environment variables that the server inherits. It gets no others: no credentials and no TEMPORAL_*. */
const INHERITED_VARIABLES = [
  'PATH',
  'HOME',
  'TMPDIR',
  'TMP',
  'TEMP',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'SystemRoot',
  'LANG',
  'GOMAXPROCS',
  'GOMEMLIMIT',
  'GOGC',
];

/** How a process ended. Both fields are null for an adopted process: only a parent learns them. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * The process of a server that this bridge started, or that an earlier one left running.
 *
 * Guarantees: it gets SIGTERM when this process ends in any way that lets Node run its exit handlers.
 */
export interface ServerProcess {
  readonly pid: number;
  /** When it started, as process-info.ts reports it. */
  readonly started: string;
  /** Resolves when it has ended, in whatever way. Does not keep the bridge's process alive. */
  readonly ended: Promise<ProcessEnd>;
  /** Sends SIGTERM, and after `graceMs` SIGKILL. @throws when it is still running five seconds after that. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts the server with files that only its owner can read, in its own process group: Ctrl-C reaches only the bridge,
 * which stops the server when its work is done.
 *
 * Node can make a process group only together with a new session (`detached`). Where Linux schedules by session
 * (sched(7), "The autogroup feature"), the server's lower priority then has no effect against the bridge, and
 * acknowledgements are delayed: p99 at 200 a second is 13-20 ms, against 6 ms in one session. There a shell makes the
 * group and stays the server's parent.
 */
export async function spawnServer(program: string, args: readonly string[], log: ServerLog): Promise<ServerProcess> {
  const output = log.open();
  const env = Object.fromEntries(
    INHERITED_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const shell = schedulesBySession() ? SHELLS.find((path) => existsSync(path)) : undefined;
  const child = withUmask(PRIVATE, () =>
    shell === undefined
      ? spawn(program, args, { detached: true, stdio: ['ignore', output, output], env, windowsHide: true })
      : spawn(shell, ['-c', RUN_IN_GROUP, shell, program, ...args], { stdio: ['ignore', output, output, 'pipe'], env }),
  );
  closeSync(output);
  const exited = new Promise<ProcessEnd>((resolve) =>
    child.once('exit', (code, signal) =>
      resolve(shell === undefined ? { code, signal } : endReportedByShell(code, signal)),
    ),
  );
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = shell === undefined ? child.pid : await pidReportedBy(child);
  if (pid === undefined) {
    throw new Error(`${program} has no process id`);
  }
  // The end of the shell is not the end of the server.
  const ended = exited.then((end) => {
    const running = shell === undefined ? null : readProcess(pid);
    return running === null ? end : adoptServer(pid, running.started).ended;
  });
  lowerPriority(pid);
  child.unref();
  stopOnExit(pid, ended);
  return {
    pid,
    started: readProcess(pid)?.started ?? '',
    ended,
    stop: (graceMs) => {
      child.ref();
      return stopProcess(pid, graceMs, ended);
    },
  };
}

/** Runs `work` with a umask, which the processes that it starts inherit. */
function withUmask<Result>(umask: number, work: () => Result): Result {
  const before = process.umask(umask);
  try {
    return work();
  } finally {
    process.umask(before);
  }
}

/** A server that is running already. It is checked twice a second, because only a parent is notified of an end. */
export function adoptServer(pid: number, started: string): ServerProcess {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<ProcessEnd>((resolve) => {
    timer = setInterval(() => {
      if (readProcess(pid)?.started !== started) {
        clearInterval(timer);
        resolve({ code: null, signal: null });
      }
    }, CHECK_EVERY_MS);
    timer.unref();
  });
  stopOnExit(pid, ended);
  return {
    pid,
    started,
    ended,
    stop: async (graceMs) => {
      timer?.ref();
      // It may have ended since the last check, and its id may belong to another process.
      await (readProcess(pid)?.started === started ? stopProcess(pid, graceMs, ended) : ended);
    },
  };
}

/** Shells that can make a process group without a terminal. */
const SHELLS = ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'];

/**
 * Runs its arguments in a process group of their own, writes the process id to its descriptor 3, and exits as they do.
 * Ctrl-C reaches the shell, which ignores it. The shell ignores signals and does not trap them: a trap interrupts
 * `wait`, and a program that ended meanwhile was then reported with exit code 255. Job control is on during the start
 * only: with it, `wait` returns for a suspended server (SIGSTOP).
 */
const RUN_IN_GROUP =
  'set -m; trap \'\' INT TERM HUP; (trap - INT TERM HUP; exec "$@" 3>&-) & set +m; echo $! >&3; exec 3>&- 1>/dev/null 2>&1; wait $!; exit $?';

function schedulesBySession(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').trim() === '1';
  } catch {
    // Not Linux, or a kernel without the feature.
    return false;
  }
}

async function pidReportedBy(shell: ChildProcess): Promise<number | undefined> {
  const [, , , pidPipe] = shell.stdio;
  if (pidPipe === null || pidPipe === undefined) {
    return undefined;
  }
  const [bytes]: unknown[] = await Promise.race([once(pidPipe, 'data'), once(shell, 'exit').then(() => [])]);
  pidPipe.destroy();
  const pid = Number(String(bytes));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** A shell's exit code for a program that a signal ended is 128 plus the signal's number. */
function endReportedByShell(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  const named = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128)?.[0];
  const found = SIGNALS.find((one) => one === named);
  return found === undefined ? { code, signal } : { code: null, signal: found };
}

const SIGNALS: readonly NodeJS.Signals[] = [
  'SIGTERM',
  'SIGKILL',
  'SIGINT',
  'SIGHUP',
  'SIGSEGV',
  'SIGABRT',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGQUIT',
  'SIGPIPE',
];

function stopOnExit(pid: number, ended: Promise<unknown>): void {
  const terminate = (): void => signalServer(pid, 'SIGTERM');
  process.once('exit', terminate);
  void ended.then(() => process.off('exit', terminate));
}

/** Sends a signal to the server and to what it started. No effect when it has ended. */
function signalServer(pid: number, signal: NodeJS.Signals): void {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // It has ended, or has no process group of its own.
    }
  }
}

async function stopProcess(pid: number, graceMs: number, ended: Promise<unknown>): Promise<void> {
  signalServer(pid, 'SIGTERM');
  if (await settlesWithin(ended, graceMs)) {
    return;
  }
  signalServer(pid, 'SIGKILL');
  if (!(await settlesWithin(ended, KILLED_WITHIN_MS))) {
    throw new Error(`Temporal's server (process ${pid}) could not be stopped`);
  }
}

function lowerPriority(pid: number): void {
  try {
    const priority = Math.min(getPriority() + NICENESS, LOWEST_PRIORITY);
    setPriority(pid, priority);
    if (process.platform === 'linux') {
      // On Linux each thread has its own priority, inherited from the thread that starts it.
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        setPriority(Number(thread), priority);
      }
    }
  } catch {
    // Not permitted, or it has ended: it keeps its priority.
  }
}
