import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtProcess } from './process-info';
import type { ServerLog } from './log-file';

/** Acks and actions go before the server's own work (reference temporal.md 6.4). */
const NICENESS = 10;
const KILLED_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 500;

/** What the server needs of the bridge's environment. It gets nothing else: no credentials, and none of TEMPORAL_*. */
const PASSED_ON = [
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

/** How a process ended. Both are null for one that was not our own child. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A server's process: one that we started, or one that an earlier bridge left behind. It is told to end when this
 * process ends in any way that lets Node run its exit handlers.
 */
export interface ServerProcess {
  readonly pid: number;
  /** When it started, as living-process.ts says it. */
  readonly started: string;
  /** Resolves when it has ended, however. Does not by itself keep the bridge running. */
  readonly ended: Promise<ProcessEnd>;
  /**
   * Ends it: asks first (SIGTERM), and when it is still there after that time does not ask. @throws when it lives on
   * even so.
   */
  stop(askedForMs: number): Promise<void>;
}

/**
 * Starts the server in a process group of its own, so that Ctrl-C reaches only the bridge, which then ends the server
 * when the time has come.
 *
 * Node can do that by a session of its own only (`detached`). Where Linux shares the processor out by sessions
 * (sched(7), "The autogroup feature") the server's lower priority then counts for nothing against the bridge, and acks
 * wait for it: p99 at 200 a second 13-20 ms, against 6 ms in one session. There a shell gives it its group, and stays
 * as its parent.
 */
export async function spawnServer(program: string, args: readonly string[], log: ServerLog): Promise<ServerProcess> {
  const output = log.open();
  const env = Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const shell = sharesBySession() ? SHELLS.find((path) => existsSync(path)) : undefined;
  const child =
    shell === undefined
      ? spawn(program, args, { detached: true, stdio: ['ignore', output, output], env, windowsHide: true })
      : spawn(shell, ['-c', IN_A_GROUP, shell, program, ...args], { stdio: ['ignore', output, output, 'pipe'], env });
  closeSync(output);
  const exited = new Promise<ProcessEnd>((resolve) =>
    child.once('exit', (code, signal) =>
      resolve(shell === undefined ? { code, signal } : endSaidByShell(code, signal)),
    ),
  );
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = shell === undefined ? child.pid : await pidSaidBy(child);
  if (pid === undefined) {
    throw new Error(`${program} has no process id`);
  }
  // Whoever ends the shell has not ended the server.
  const ended = exited.then((end) => {
    const living = shell === undefined ? null : lookAtProcess(pid);
    return living === null ? end : adoptServer(pid, living.started).ended;
  });
  lowerPriority(pid);
  child.unref();
  endWithUs(pid, ended);
  return {
    pid,
    started: lookAtProcess(pid)?.started ?? '',
    ended,
    stop: (askedForMs) => {
      child.ref();
      return stopProcess(pid, askedForMs, ended);
    },
  };
}

/** A server that runs already. It is looked at twice a second, as only a parent is told when a process ends. */
export function adoptServer(pid: number, started: string): ServerProcess {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<ProcessEnd>((resolve) => {
    timer = setInterval(() => {
      if (lookAtProcess(pid)?.started !== started) {
        clearInterval(timer);
        resolve({ code: null, signal: null });
      }
    }, LOOK_EVERY_MS);
    timer.unref();
  });
  endWithUs(pid, ended);
  return {
    pid,
    started,
    ended,
    stop: async (askedForMs) => {
      timer?.ref();
      // It may have ended since the last look, and its id may be another's by now.
      await (lookAtProcess(pid)?.started === started ? stopProcess(pid, askedForMs, ended) : ended);
    },
  };
}

/** The shells that can give a process a group without a terminal. */
const SHELLS = ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'];

/**
 * Runs its arguments in a group of their own, says the process id on its fourth descriptor, and ends as they do. Ctrl-C
 * reaches the shell and is nothing to it. It ignores signals rather than traps them: a trap interrupts `wait`, and a
 * program that ended meanwhile was then said to have ended with 255. Job control is on for the start only: `wait` would
 * return for a server that is stopped (SIGSTOP).
 */
const IN_A_GROUP =
  'set -m; trap \'\' INT TERM HUP; (trap - INT TERM HUP; exec "$@" 3>&-) & set +m; echo $! >&3; exec 3>&- 1>/dev/null 2>&1; wait $!; exit $?';

function sharesBySession(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').trim() === '1';
  } catch {
    // Not Linux, or one that was built without it.
    return false;
  }
}

async function pidSaidBy(shell: ChildProcess): Promise<number | undefined> {
  const [, , , said] = shell.stdio;
  if (said === null || said === undefined) {
    return undefined;
  }
  const [bytes]: unknown[] = await Promise.race([once(said, 'data'), once(shell, 'exit').then(() => [])]);
  said.destroy();
  const pid = Number(String(bytes));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** A shell says 128 and the signal's number of a program that a signal ended. */
function endSaidByShell(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
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

function endWithUs(pid: number, ended: Promise<unknown>): void {
  const end = (): void => signalServer(pid, 'SIGTERM');
  process.once('exit', end);
  void ended.then(() => process.off('exit', end));
}

/** Sends a signal to the server and whatever it started. Nothing happens when it is gone. */
function signalServer(pid: number, signal: NodeJS.Signals): void {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // Gone, or no group of its own.
    }
  }
}

async function stopProcess(pid: number, askedForMs: number, ended: Promise<unknown>): Promise<void> {
  signalServer(pid, 'SIGTERM');
  if (await happens(ended, askedForMs)) {
    return;
  }
  signalServer(pid, 'SIGKILL');
  if (!(await happens(ended, KILLED_WITHIN_MS))) {
    throw new Error(`Temporal's server (process ${pid}) could not be ended`);
  }
}

async function happens(event: Promise<unknown>, withinMs: number): Promise<boolean> {
  const stop = new AbortController();
  try {
    return await Promise.race([event.then(() => true), delay(withinMs, false, { signal: stop.signal })]);
  } finally {
    stop.abort();
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICENESS);
    if (process.platform === 'linux') {
      // There priority belongs to the thread; new ones take it from the one that starts them.
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        setPriority(Number(thread), NICENESS);
      }
    }
  } catch {
    // Not allowed here, or gone already: then it runs as it is.
  }
}
