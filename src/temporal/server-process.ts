import { spawn } from 'node:child_process';
import { closeSync, readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtProcess } from './living-process';
import type { ServerLog } from './server-log';

/** Acks and actions go before the server's own work (reference temporal.md 6.4). */
const NICENESS = 10;
const KILLED_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 500;

/** What the server needs of the bridge's environment. It gets nothing else: no credentials, and none of TEMPORAL_*. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TMP', 'TEMP', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'SystemRoot', 'LANG', 'GOMAXPROCS', 'GOMEMLIMIT', 'GOGC'];

/** How a process ended. Both are null for one that was not our own child. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A server's process: one that we started, or one that an earlier bridge left behind. It is told to end when this process ends in any way
 * that lets Node run its exit handlers.
 */
export interface ServerProcess {
  readonly pid: number;
  /** When it started, as living-process.ts says it. */
  readonly started: string;
  /** Resolves when it has ended, however. Does not by itself keep the bridge running. */
  readonly ended: Promise<ProcessEnd>;
  /** Ends it: asks first (SIGTERM), and when it is still there after that time does not ask. @throws when it lives on even so. */
  stop(askedForMs: number): Promise<void>;
}

/** Starts the server in a process group of its own, so that Ctrl-C reaches only the bridge, which then ends the server when the time has come. */
export async function spawnServer(program: string, args: readonly string[], log: ServerLog): Promise<ServerProcess> {
  const output = log.open();
  const env = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  const child = spawn(program, args, { detached: true, stdio: ['ignore', output, output], env, windowsHide: true });
  closeSync(output);
  const ended = new Promise<ProcessEnd>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid === undefined) {
    throw new Error(`${program} has no process id`);
  }
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
