import { BridgeProcess, ruleFor } from '../bridge-process';
import { nowMs, until } from '../clock';
import { canReadUsage, usageOf } from '../processes';
import { round } from '../statistics';
import type { Figure, Scale } from './figure';

/** Work of the start is finished after this time. */
const SETTLED_AFTER_MS = 8_000;

/** CPU time per minute and memory of each process of the bridge without traffic. */
export async function idle(scale: Scale): Promise<Figure> {
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor('http://127.0.0.1:1') });
  try {
    await until(nowMs() + SETTLED_AFTER_MS);
    const pids = Object.entries(bridge.pids());
    const before = pids.map(([, pid]) => usageOf(pid));
    await until(nowMs() + scale.idleS * 1_000);
    const used = pids.map(([name, pid], index) => {
      const now = usageOf(pid);
      return {
        name,
        cpu_s_a_minute: round(((now.cpuS - (before[index]?.cpuS ?? 0)) * 60) / scale.idleS),
        memory_mib: Math.round(now.rssMib),
      };
    });
    const sum = (what: 'cpu_s_a_minute' | 'memory_mib'): number => used.reduce((total, one) => total + one[what], 0);
    return {
      title: 'CPU per idle minute, memory idle',
      bridge: canReadUsage
        ? `${sum('cpu_s_a_minute').toFixed(2)} s, ${sum('memory_mib')} MiB`
        : 'not measured on this system',
      anchor: '',
      ratio: null,
      target: null,
      notes: used.map(
        ({ name, cpu_s_a_minute, memory_mib }) => `${name}: ${cpu_s_a_minute.toFixed(2)} s a minute, ${memory_mib} MiB`,
      ),
      faults: [],
      raw: { seconds: scale.idleS, used },
    };
  } finally {
    await bridge.remove();
  }
}
