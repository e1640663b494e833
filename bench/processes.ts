import { readdirSync, readFileSync } from 'node:fs';
import { eventually, nowMs, until } from './clock';

/** What a process has used. */
export interface Usage {
  /** Processor time since it began, own and of the system for it. Seconds. */
  cpuS: number;
  /** Memory that is in RAM. MiB. */
  rssMib: number;
}

/**
 * Linux counts processor time in hundredths of a second for programs, whatever the kernel uses itself (proc(5),
 * `USER_HZ`).
 */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1_024;

/** Whether {@link usageOf} works here: it reads /proc. */
export const canReadUsage = process.platform === 'linux';

/** What a process has used so far; zeros when it is gone, or where there is no /proc. */
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

const IDLE_MS = 300;
const IDLE_WITHIN_MS = 60_000;

/**
 * Waits until a process has next to nothing to do: at most two hundredths of a second within three tenths. @returns how
 * long that took, in milliseconds.
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

/** A process' children whose command line holds a text. */
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
        // It ended while we looked.
        return false;
      }
    });
}

/** The most memory that each process was seen with. */
export class MemoryWatch {
  readonly peaks: Record<string, number> = {};
  readonly #timer: NodeJS.Timeout;

  constructor(pids: () => Record<string, number>, everyMs = 250) {
    const look = (): void => {
      for (const [name, pid] of Object.entries(pids())) {
        this.peaks[name] = Math.max(this.peaks[name] ?? 0, Math.round(usageOf(pid).rssMib));
      }
    };
    look();
    this.#timer = setInterval(look, everyMs);
  }

  stop(): Record<string, number> {
    clearInterval(this.#timer);
    return this.peaks;
  }
}
