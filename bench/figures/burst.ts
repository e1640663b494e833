import { BridgeProcess, ruleFor } from '../bridge-process';
import { startPart } from '../child';
import { nowMs } from '../clock';
import { effectsOf } from '../effects';
import { makeEvents } from '../events';
import { closedLoop } from '../http-load';
import { MemoryWatch } from '../processes';
import { round, spreadOf } from '../statistics';
import { faultsOf } from './answers';
import { say, type Figure, type Scale } from './figure';

const CONNECTIONS = 128;
const SLOWEST_RUNS_PER_SECOND = 5;
const SAY_EVERY_MS = 15_000;

/** The most memory that each process may use during a burst: a quarter of a small server's. MiB. */
const MOST_MEMORY: Readonly<Record<string, number>> = { receiver: 384, worker: 768, temporal: 768 };

/**
 * Ten thousand events at once: all answered with 200, each with one effect, memory bounded. Every id is looked up at the
 * CRM.
 */
export async function burst(scale: Scale): Promise<Figure> {
  const crm = await startPart('crm', 25);
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor(crm.url) });
  const memory = new MemoryWatch(() => bridge.pids());
  const events = makeEvents(scale.burst, true);
  const faults: string[] = [];
  try {
    const began = nowMs();
    const load = await closedLoop(bridge.webhook, events, CONNECTIONS);
    faults.push(...faultsOf('bridge', load.answers, 'received'));
    say(`  ${events.length} events acknowledged in ${load.seconds.toFixed(1)} s`);
    let saidAt = nowMs();
    const verified = await effectsOf(
      crm.url,
      events.map(({ id }) => id),
      0,
      (events.length * 1_000) / SLOWEST_RUNS_PER_SECOND,
      (done) => {
        if (nowMs() - saidAt > SAY_EVERY_MS) {
          saidAt = nowMs();
          say(`  ${done} done after ${Math.round((saidAt - began) / 1_000)} s`);
        }
      },
    );
    if (verified.lost > 0 || verified.twice > 0) {
      faults.push(`${verified.lost} effects were lost, ${verified.twice} occurred twice`);
    }
    const drainedS = (verified.lastAt - began) / 1_000;
    const peaks = memory.stop();
    for (const [name, most] of Object.entries(MOST_MEMORY)) {
      if ((peaks[name] ?? 0) > most) {
        faults.push(`${name} used ${peaks[name]} MiB, more than ${most}`);
      }
    }
    const acks = spreadOf(load.answers.map(({ sentAt, answeredAt }) => answeredAt - sentAt));
    return {
      title: `${events.length} events in a burst`,
      bridge: `acknowledged in ${load.seconds.toFixed(1)} s, done in ${drainedS.toFixed(0)} s`,
      anchor: '',
      ratio: null,
      target: null,
      notes: [
        `${events.length - verified.lost} of ${events.length} ids at the CRM, ${verified.twice} twice; ${(events.length / drainedS).toFixed(1)} done/s; ack p99 ${acks.p99} ms`,
        `most memory: ${Object.entries(peaks)
          .map(([name, mib]) => `${name} ${mib}`)
          .join(', ')} MiB`,
      ],
      faults,
      raw: {
        events: events.length,
        taken_in_s: round(load.seconds),
        drained_in_s: round(drainedS),
        acks_ms: acks,
        lost: verified.lost,
        twice: verified.twice,
        peak_mib: peaks,
        most_mib: MOST_MEMORY,
      },
    };
  } finally {
    memory.stop();
    await bridge.remove();
    await crm.stop();
  }
}
