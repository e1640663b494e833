import { BridgeProcess, ruleFor } from '../bridge-process';
import { startPart } from '../child';
import { makeEvents, type BenchEvent } from '../events';
import { closedLoop } from '../http-load';
import { untilIdle, usageOf } from '../processes';
import { median, round } from '../statistics';
import { faultsOf } from './answers';
import { say, type Figure, type Scale } from './figure';

const CONNECTIONS = 64;

/**
 * The last round has so many times the events of the others, without a pause: checkpoints and garbage collection happen
 * during it.
 */
const LONG = 5;

interface Round {
  per_s: number;
  /** CPU time of the server's process per answer. Microseconds. */
  cpu_us: number;
  /** From the last answer until the process was idle. Milliseconds. */
  idle_after_ms: number;
}

/**
 * Acknowledgements per second in a closed loop, of events that match the rule or do not, compared with the bare route.
 * Only the receiver runs.
 */
export async function acks(scale: Scale, wanted: boolean): Promise<Figure> {
  const outcome = wanted ? 'received' : 'ignored';
  const bare = await startPart('bare-route', null);
  const bridge = await BridgeProcess.start({ mode: 'receiver', rules: ruleFor('http://127.0.0.1:1') });
  const sent: BenchEvent[] = [];
  const rounds: { bridge: Round[]; bare: Round[] } = { bridge: [], bare: [] };
  const faults: string[] = [];
  let aCommit = 0;
  let long: Round = { per_s: 0, cpu_us: 0, idle_after_ms: 0 };
  try {
    const measure = async (who: 'bridge' | 'bare', events: readonly BenchEvent[]): Promise<Round> => {
      const [url, pid] = who === 'bridge' ? [bridge.webhook, bridge.pids()['receiver'] ?? 0] : [bare.url, bare.pid];
      const before = usageOf(pid);
      const load = await closedLoop(url, events, CONNECTIONS);
      faults.push(...faultsOf(who, load.answers, who === 'bridge' ? outcome : 'received'));
      const cpuS = usageOf(pid).cpuS - before.cpuS;
      // Work after the answers must not slow down the next measurement.
      const idleAfterMs = await untilIdle(pid);
      return {
        per_s: Math.round(load.perSecond),
        cpu_us: round((cpuS * 1e6) / events.length),
        idle_after_ms: Math.round(idleAfterMs),
      };
    };
    for (let turn = -1; turn < scale.rounds; turn += 1) {
      // Both receive the same bodies.
      const events = makeEvents(scale.acks, wanted);
      sent.push(...events);
      for (const who of turn % 2 === 0 ? (['bridge', 'bare'] as const) : (['bare', 'bridge'] as const)) {
        const measured = await measure(who, events);
        say(
          `  ${turn < 0 ? 'warm-up' : `round ${turn + 1}`}: ${who} ${measured.per_s}/s, ${measured.cpu_us} us of CPU per ack`,
        );
        if (turn >= 0) {
          rounds[who].push(measured);
        }
      }
    }
    const events = makeEvents(scale.acks * LONG, wanted);
    sent.push(...events);
    long = await measure('bridge', events);
    say(`  ${LONG} rounds at once: bridge ${long.per_s}/s`);
    const commits = await bridge.metric('bridge_inbox_commit_entries_count');
    const entries = await bridge.metric('bridge_inbox_commit_entries_sum');
    aCommit = commits === 0 ? 0 : round(entries / commits);
    await bridge.stop();
    const missing = bridge.missing(sent);
    if (missing > 0) {
      faults.push(`${missing} acknowledged events are not in the inbox`);
    }
  } finally {
    await Promise.all([bridge.remove(), bare.stop()]);
  }
  const of = (who: 'bridge' | 'bare', what: keyof Round): number => median(rounds[who].map((one) => one[what]));
  const ratio = of('bridge', 'per_s') / of('bare', 'per_s');
  return {
    title: wanted ? 'durable acks/s, closed loop' : 'event no rule wants, acks/s',
    bridge: `${Math.round(of('bridge', 'per_s'))}/s`,
    anchor: `${Math.round(of('bare', 'per_s'))}/s`,
    ratio,
    target: wanted ? { better: 'higher', floor: 0.55, aim: 0.7 } : { better: 'higher', floor: 0.6, aim: 0.9 },
    notes: [
      `anchor: bare route (checks the signature, parses, stores nothing)`,
      `CPU per ack: ${Math.round(of('bridge', 'cpu_us'))} us against ${Math.round(of('bare', 'cpu_us'))} us; ${aCommit.toFixed(0)} events per commit; ${CONNECTIONS} connections`,
      `idle ${(of('bridge', 'idle_after_ms') / 1_000).toFixed(1)} s after the last ack; ${LONG} rounds at once: ${long.per_s}/s`,
    ],
    faults,
    raw: { rounds, long, sent: sent.length, events_a_commit: aCommit, connections: CONNECTIONS },
  };
}
