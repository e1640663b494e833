import { BridgeProcess, ruleFor } from '../bridge-process';
import { startPart } from '../child';
import { nowMs } from '../clock';
import { countAt, effectsOf } from '../effects';
import { makeEvents } from '../events';
import { closedLoop, openLoop } from '../http-load';
import { median, spreadOf, type Spread } from '../statistics';
import { faultsOf } from './answers';
import { say, type Figure, type Scale } from './figure';

const PER_SECOND = 200;
/** Events that wait for their run when a round begins, so that batches are worked off from its start. */
const BACKLOG = 1_000;
const WARM_UP = 2_000;
/** The slowest rate of runs that is waited for. */
const SLOWEST_RUNS_PER_SECOND = 5;

/**
 * Time from request to answer at 200 matching events per second, while worker and Temporal work off a backlog as fast as
 * they can; compared with the bare route at the same rate and nothing else.
 */
export async function ackLatency(scale: Scale): Promise<Figure> {
  const [bare, crm] = await Promise.all([startPart('bare-route', null), startPart('crm', 25)]);
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor(crm.url) });
  const rounds: { bridge: Spread[]; bare: Spread[]; drained_per_s: number[] } = {
    bridge: [],
    bare: [],
    drained_per_s: [],
  };
  const faults: string[] = [];
  let batches = 0;
  try {
    // Warm-up. Events that match no rule leave no runs behind.
    await closedLoop(bare.url, makeEvents(WARM_UP, true), 16);
    faults.push(
      ...faultsOf('bridge', (await closedLoop(bridge.webhook, makeEvents(WARM_UP, false), 16)).answers, 'ignored'),
    );
    for (let turn = 0; turn < scale.rounds; turn += 1) {
      const events = makeEvents(PER_SECOND * scale.pacedS, true);
      const anchor = await openLoop(bare.url, events, PER_SECOND);
      rounds.bare.push(spreadOf(anchor.map(({ sentAt, answeredAt }) => answeredAt - sentAt)));
      const before = await countAt(crm.url);
      const backlog = makeEvents(BACKLOG, true);
      const began = nowMs();
      faults.push(...faultsOf('bridge', (await closedLoop(bridge.webhook, backlog, 16)).answers, 'received'));
      const answers = await openLoop(bridge.webhook, events, PER_SECOND);
      const meanwhile = (await countAt(crm.url)) - before;
      rounds.bridge.push(spreadOf(answers.map(({ sentAt, answeredAt }) => answeredAt - sentAt)));
      rounds.drained_per_s.push(Math.round((meanwhile * 1_000) / (nowMs() - began)));
      faults.push(...faultsOf('bridge', answers, 'received'));
      say(
        `  round ${turn + 1}: p50/p99 bridge ${rounds.bridge.at(-1)?.p50}/${rounds.bridge.at(-1)?.p99} ms (${rounds.drained_per_s.at(-1)} effects/s meanwhile), bare ${rounds.bare.at(-1)?.p50}/${rounds.bare.at(-1)?.p99} ms`,
      );
      const ids = [...backlog, ...events].map(({ id }) => id);
      const { lost, twice } = await effectsOf(crm.url, ids, before, (ids.length * 1_000) / SLOWEST_RUNS_PER_SECOND);
      if (lost > 0 || twice > 0) {
        faults.push(`${lost} effects were lost, ${twice} occurred twice`);
      }
    }
    batches = await bridge.metric('bridge_batches_started_total');
  } finally {
    await bridge.remove();
    await Promise.all([bare.stop(), crm.stop()]);
  }
  const of = (who: 'bridge' | 'bare', what: keyof Spread): number => median(rounds[who].map((one) => one[what]));
  return {
    title: 'ack p99 at 200/s while batches drain',
    bridge: `${of('bridge', 'p99').toFixed(1)} ms`,
    anchor: `${of('bare', 'p99').toFixed(1)} ms`,
    ratio: of('bridge', 'p99') / of('bare', 'p99'),
    target: { better: 'lower', floor: 4, aim: 3 },
    notes: [
      `anchor: bare route (checks the signature, parses, stores nothing) at the same rate and nothing beside it`,
      `p50 ${of('bridge', 'p50').toFixed(1)} against ${of('bare', 'p50').toFixed(1)} ms; ${median(rounds.drained_per_s)} effects/s meanwhile; a backlog of ${BACKLOG} before each round; ${batches} batches`,
    ],
    faults,
    raw: { rounds, per_second: PER_SECOND, backlog: BACKLOG, batches },
  };
}
