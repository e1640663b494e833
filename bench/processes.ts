import { readdirSync, readFileSync } from 'node:fs';
import { eventually, nowMs, until } from './clock';

/** CPU time and memory of a process. */
export interface Usage {
  /** CPU time since its start, user and system. Seconds. */
  cpuS: number;
  /** Resident memory. MiB. */
  rssMib: number;
}

/**
 * Linux reports CPU time in hundredths of a second, whatever the kernel uses internally (proc(5), `USER_HZ`).
 */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1_024;

/** Whether {@link usageOf} works here: it reads /proc. */
export const canReadUsage = process.platform === 'linux';

/** The usage of a process so far; zeros when it has ended, or without /proc. */
export function usageOf(pid: number): Usage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssMib: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / KIB_PER_MIB,
    };
  } catch {
    return { cpuS: 0, rssMib: 0 };
  }
}

/** CPU time of each of these processes so far. Seconds. */
export function cpuSOf(pids: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, usageOf(pid).cpuS]));
}

const IDLE_MS = 300;
const IDLE_WITHIN_MS = 60_000;

/**
 * Waits until a process is idle: at most 20 ms of CPU within 300 ms. @returns how long that took, in milliseconds.
 */
export async function untilIdle(pid: number): Promise<number> {
  const began = nowMs();
  await eventually(
    'a process was idle',
    async () => {
      const { cpuS } = usageOf(pid);
      await until(nowMs() + IDLE_MS);
      return usageOf(pid).cpuS - cpuS <= 0.02 ? true : null;
    },
    IDLE_WITHIN_MS,
  );
  return nowMs() - began - IDLE_MS;
}

/** The children of a process whose command line contains a text. */
export function childrenOf(pid: number, command: string): number[] {
  if (!canReadUsage) {
    return [];
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => {
      try {
        const stat = readFileSync(`/proc/${child}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return parent === pid && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(command);
      } catch {
        // It has just ended.
        return false;
      }
    });
}

/** Records the highest memory of each process, and of all together. */
export class MemoryWatch {
  readonly peaks: Record<string, number> = {};
  /** The highest sum at one time. MiB. */
  together = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pids: () => Record<string, number>, everyMs = 250) {
    const look = (): void => {
      let sum = 0;
      for (const [name, pid] of Object.entries(pids())) {
        const { rssMib } = usageOf(pid);
        sum += rssMib;
        this.peaks[name] = Math.max(this.peaks[name] ?? 0, Math.round(rssMib));
      }
      this.together = Math.max(this.together, Math.round(sum));
    };
    look();
    this.#timer = setInterval(look, everyMs);
  }

  stop(): Record<string, number> {
    clearInterval(this.#timer);
    return this.peaks;
  }
}
