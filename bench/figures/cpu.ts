import { nowMs, until } from '../clock';
import { canReadUsage, cpuSOf } from '../processes';
import type { Program } from '../program';
import { median, round } from '../statistics';
import { backlog, CALLERS, inWorld, paced, type Handled } from '../world';
import { say, type Figure, type Scale } from './figure';
import { TEXTBOOK } from './throughput';

/** A rate that both programs can sustain without a backlog. */
const PER_SECOND = 25;
/** What a program does after the last effect (ends of runs, records) counts, too. */
const RECORDED_AFTER_MS = 2_000;

/** CPU time of each process for one event. Milliseconds. */
type CpuMs = Record<string, number>;

interface Rounds {
  bridge: CpuMs[];
  textbook: CpuMs[];
  batched: CpuMs[];
}

/**
 * CPU time of all processes of a program, Temporal's server included, for one event: one at a time at a fixed rate,
 * compared with the textbook program; and in full batches, compared with one at a time.
 */
export async function cpu(scale: Scale): Promise<Figure[]> {
  if (!canReadUsage) {
    return [];
  }
  const rounds: Rounds = { bridge: [], textbook: [], batched: [] };
  const faults: string[] = [];
  const count = PER_SECOND * scale.pacedS;
  const batches = await inWorld(async ({ crm, bridge, programs }) => {
    const measure = async (what: keyof Rounds, program: Program, events: number, work: () => Promise<Handled>) => {
      const before = cpuSOf(program.pids());
      faults.push(...(await work()).faults);
      await until(nowMs() + RECORDED_AFTER_MS);
      const used = Object.entries(cpuSOf(program.pids())).map(
        ([name, cpuS]) => [name, round(((cpuS - (before[name] ?? 0)) * 1_000) / events)] as const,
      );
      rounds[what].push(Object.fromEntries(used));
      say(`  ${what}: ${textOf(Object.fromEntries(used))}`);
    };
    for (let turn = 0; turn < scale.rounds; turn += 1) {
      for (const who of turn % 2 === 0 ? (['bridge', 'textbook'] as const) : (['textbook', 'bridge'] as const)) {
        await measure(who, programs[who], count, () => paced(crm, programs[who], count, PER_SECOND));
      }
      const many = scale.backlog.bridge;
      await measure('batched', bridge, many, () => backlog(crm, bridge, many, CALLERS));
    }
    return bridge.metric('bridge_batches_started_total');
  });
  const totalOf = (what: keyof Rounds): number => median(rounds[what].map(totalMs));
  const detail = (what: keyof Rounds): string => textOf(mediansOf(rounds[what]));
  return [
    {
      title: `CPU an event, one at a time at ${PER_SECOND}/s`,
      bridge: `${totalOf('bridge').toFixed(1)} ms`,
      anchor: `${totalOf('textbook').toFixed(1)} ms`,
      ratio: totalOf('bridge') / totalOf('textbook'),
      target: { better: 'lower', floor: 1, aim: 0.7 },
      notes: [
        `anchor: ${TEXTBOOK}; both with Temporal's server`,
        `bridge: ${detail('bridge')}; textbook program: ${detail('textbook')}`,
      ],
      faults,
      raw: { rounds, per_second: PER_SECOND, events_a_round: count },
    },
    {
      title: 'CPU an event in full batches',
      bridge: `${totalOf('batched').toFixed(2)} ms`,
      anchor: `${totalOf('bridge').toFixed(1)} ms`,
      ratio: totalOf('batched') / totalOf('bridge'),
      target: { better: 'lower', floor: 0.15, aim: 0.08 },
      notes: [
        `anchor: the bridge, one event at a time at ${PER_SECOND}/s`,
        `in batches: ${detail('batched')}; ${batches} batches of ${scale.rounds * scale.backlog.bridge} events`,
      ],
      faults,
      raw: { rounds: rounds.batched, events_a_round: scale.backlog.bridge, batches },
    },
  ];
}

function totalMs(used: CpuMs): number {
  return Object.values(used).reduce((sum, ms) => sum + ms, 0);
}

function mediansOf(rounds: readonly CpuMs[]): CpuMs {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((used) => used[name] ?? 0))]));
}

function textOf(used: CpuMs): string {
  const parts = Object.entries(used).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
  return `${parts.join(', ')} ms`;
}
