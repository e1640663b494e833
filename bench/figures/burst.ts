import { BridgeProcess, ruleFor } from '../bridge-process';
import { startPart, type Part } from '../child';
import { nowMs } from '../clock';
import { canReadUsage, MemoryWatch } from '../processes';
import { startTextbook, type Program } from '../program';
import { round, spreadOf, type Spread } from '../statistics';
import { backlog, CRM_ANSWERS_AFTER_MS } from '../world';
import { say, type Figure, type Scale } from './figure';
import { TEXTBOOK } from './throughput';

const CONNECTIONS = 128;
const SAY_EVERY_MS = 15_000;

/** What one program did in a burst. */
interface Burst {
  events: number;
  /** Effects per second, from the first request to the last effect. */
  per_s: number;
  acknowledged_s: number;
  done_s: number;
  acks_ms: Spread;
  peak_mib: Record<string, number>;
  together_mib: number;
  faults: string[];
}

/**
 * Ten thousand events at once: all answered with 200, each with one effect, memory bounded. Every id is looked up at the
 * CRM. Each program has a Temporal server of its own that has done nothing before.
 */
export async function burst(scale: Scale): Promise<Figure[]> {
  const crm = await startPart('crm', CRM_ANSWERS_AFTER_MS);
  try {
    const { bridge, batches } = await withBridge(crm, async (running) => ({
      bridge: await burstInto(crm, running, scale.burst.bridge),
      batches: await running.metric('bridge_batches_started_total'),
    }));
    const textbook = await withBridge(crm, async (server) => {
      const temporal = { address: server.temporal, pid: server.pids()['temporal'] ?? 0 };
      const program = await startTextbook(temporal, crm.url);
      try {
        return await burstInto(crm, program, scale.burst.textbook);
      } finally {
        await program.stop();
      }
    });
    const faults = [...bridge.faults, ...textbook.faults];
    const raw = { bridge, textbook, batches };
    const rate: Figure = {
      title: `burst of ${bridge.events} events, effects/s`,
      bridge: `${bridge.per_s.toFixed(1)}/s`,
      anchor: `${textbook.per_s.toFixed(1)}/s`,
      ratio: bridge.per_s / textbook.per_s,
      target: { better: 'higher', floor: 6, aim: 14 },
      notes: [
        `anchor: ${TEXTBOOK}, with ${textbook.events} events; ${CONNECTIONS} connections each`,
        `acknowledged in ${bridge.acknowledged_s.toFixed(1)} s (p99 ${bridge.acks_ms.p99} ms), done in ${bridge.done_s.toFixed(1)} s; ${batches} batches`,
      ],
      faults,
      raw,
    };
    const memory: Figure = {
      title: 'most memory in the burst, all processes',
      bridge: `${bridge.together_mib} MiB`,
      anchor: `${textbook.together_mib} MiB`,
      ratio: bridge.together_mib / textbook.together_mib,
      target: {
        better: 'lower',
        floor: 1_000,
        aim: 700,
        absolute: { value: bridge.together_mib, unit: ' MiB' },
      },
      notes: [
        `anchor: ${TEXTBOOK}, with ${textbook.events} events; both with Temporal's server`,
        `bridge: ${peaksOf(bridge)}; textbook program: ${peaksOf(textbook)}`,
      ],
      faults,
      raw,
    };
    return canReadUsage ? [rate, memory] : [rate];
  } finally {
    await crm.stop();
  }
}

async function withBridge<Result>(crm: Part, work: (bridge: BridgeProcess) => Promise<Result>): Promise<Result> {
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor(crm.url) });
  try {
    return await work(bridge);
  } finally {
    await bridge.remove();
  }
}

async function burstInto(crm: Part, program: Program, events: number): Promise<Burst> {
  const memory = new MemoryWatch(() => program.pids());
  const began = nowMs();
  let saidAt = began;
  try {
    const handled = await backlog(crm, program, events, CONNECTIONS, (done) => {
      if (nowMs() - saidAt > SAY_EVERY_MS) {
        saidAt = nowMs();
        say(`  ${program.name}: ${done} done after ${Math.round((saidAt - began) / 1_000)} s`);
      }
    });
    const measured: Burst = {
      events,
      per_s: round(events / handled.doneS),
      acknowledged_s: round(handled.acknowledgedS),
      done_s: round(handled.doneS),
      acks_ms: spreadOf(handled.answers.map(({ sentAt, answeredAt }) => answeredAt - sentAt)),
      peak_mib: memory.stop(),
      together_mib: memory.together,
      faults: handled.faults,
    };
    say(`  ${program.name}: ${measured.per_s.toFixed(1)} effects/s, ${measured.together_mib} MiB`);
    return measured;
  } finally {
    memory.stop();
  }
}

function peaksOf({ peak_mib }: Burst): string {
  return Object.entries(peak_mib)
    .map(([name, mib]) => `${name} ${mib}`)
    .join(', ');
}
