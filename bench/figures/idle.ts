import { ruleFor, BridgeProcess } from '../bridge-process';
import { nowMs, until } from '../clock';
import { canReadUsage, usageOf } from '../processes';
import { startTextbook, type Program } from '../program';
import { round } from '../statistics';
import type { Figure, Scale } from './figure';
import { TEXTBOOK } from './throughput';

/** Work of the start is finished after this time. */
const SETTLED_AFTER_MS = 8_000;
const NOWHERE = 'http://127.0.0.1:1';

interface Used {
  name: string;
  cpu_s_a_minute: number;
  memory_mib: number;
}

/** CPU time per minute and memory of each process of the bridge without traffic. */
export async function idle(scale: Scale): Promise<Figure[]> {
  if (!canReadUsage) {
    return [];
  }
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor(NOWHERE) });
  try {
    const own = await watch(bridge, scale.idleS);
    const textbook = await startTextbook({ address: bridge.temporal, pid: bridge.pids()['temporal'] ?? 0 }, NOWHERE);
    const anchor = await watch(textbook, scale.idleS);
    await textbook.stop();
    const sum = (used: readonly Used[], what: 'cpu_s_a_minute' | 'memory_mib'): number =>
      used.reduce((total, one) => total + one[what], 0);
    return [
      {
        title: 'idle memory, all processes',
        bridge: `${sum(own, 'memory_mib')} MiB`,
        anchor: `${sum(anchor, 'memory_mib')} MiB`,
        ratio: sum(own, 'memory_mib') / sum(anchor, 'memory_mib'),
        target: null,
        notes: [
          `anchor: ${TEXTBOOK}; both with Temporal's server`,
          `bridge: ${textOf(own, 'memory_mib')} MiB; textbook program: ${textOf(anchor, 'memory_mib')} MiB`,
        ],
        faults: [],
        raw: { own, anchor },
      },
      {
        title: 'CPU of an idle minute, all processes',
        bridge: `${sum(own, 'cpu_s_a_minute').toFixed(2)} s`,
        anchor: `${sum(anchor, 'cpu_s_a_minute').toFixed(2)} s`,
        ratio: sum(own, 'cpu_s_a_minute') / sum(anchor, 'cpu_s_a_minute'),
        target: null,
        notes: [
          `anchor: ${TEXTBOOK}, on the Temporal server of an idle bridge`,
          `bridge: ${textOf(own, 'cpu_s_a_minute')} s; textbook program: ${textOf(anchor, 'cpu_s_a_minute')} s`,
        ],
        faults: [],
        raw: { seconds: scale.idleS, own, anchor },
      },
    ];
  } finally {
    await bridge.remove();
  }
}

async function watch(program: Program, seconds: number): Promise<Used[]> {
  await until(nowMs() + SETTLED_AFTER_MS);
  const pids = Object.entries(program.pids());
  const before = pids.map(([, pid]) => usageOf(pid));
  await until(nowMs() + seconds * 1_000);
  return pids.map(([name, pid], index) => {
    const now = usageOf(pid);
    return {
      name,
      cpu_s_a_minute: round(((now.cpuS - (before[index]?.cpuS ?? 0)) * 60) / seconds),
      memory_mib: Math.round(now.rssMib),
    };
  });
}

function textOf(used: readonly Used[], what: 'cpu_s_a_minute' | 'memory_mib'): string {
  return used.map((one) => `${one.name} ${one[what]}`).join(', ');
}
