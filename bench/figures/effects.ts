import { BridgeProcess, ruleFor } from '../bridge-process';
import { startPart, type Part } from '../child';
import { nowMs } from '../clock';
import { countAt, effectsAt, effectsOf, type Verified } from '../effects';
import { makeEvents } from '../events';
import { closedLoop, openLoop } from '../http-load';
import { median, round, spreadOf, type Spread } from '../statistics';
import { Starters } from '../textbook/starters';
import { faultsOf } from './answers';
import { say, type Figure, type Scale } from './figure';

const CRM_ANSWERS_AFTER_MS = 25;
const CALLERS = 50;
const CALM_PER_SECOND = 20;
const WARM_UP = 60;
const SLOWEST_RUNS_PER_SECOND = 5;

/**
 * Both programs on one Temporal server (the bridge's own, so with the same settings), writing to one CRM. Only one of
 * them runs at a time.
 */
interface World {
  crm: Part;
  bridge: BridgeProcess;
  textbook: Part;
  starters: Starters;
}

async function inWorld<Result>(work: (world: World) => Promise<Result>): Promise<Result> {
  const crm = await startPart('crm', CRM_ANSWERS_AFTER_MS);
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor(crm.url) });
  try {
    const textbook = await startPart('textbook/worker', { address: bridge.temporal, crm: crm.url });
    const starters = await Starters.connect(bridge.temporal);
    try {
      const world = { crm, bridge, textbook, starters };
      await byBridge(world, WARM_UP);
      await byTextbook(world, WARM_UP);
      return await work(world);
    } finally {
      await starters.close();
      await textbook.stop();
    }
  } finally {
    await bridge.remove();
    await crm.stop();
  }
}

/** Effects per second, from the first request to the last effect. */
interface Done {
  per_s: number;
  verified: Verified;
  faults: string[];
}

async function byBridge({ bridge, crm }: World, count: number): Promise<Done> {
  const events = makeEvents(count, true);
  const before = await countAt(crm.url);
  const began = nowMs();
  const { answers } = await closedLoop(bridge.webhook, events, CALLERS);
  return done(
    crm,
    events.map(({ id }) => id),
    before,
    began,
    faultsOf('bridge', answers, 'received'),
  );
}

async function byTextbook({ starters, crm }: World, count: number): Promise<Done> {
  const events = makeEvents(count, true);
  const before = await countAt(crm.url);
  const began = nowMs();
  await starters.unpaced(events, CALLERS);
  return done(
    crm,
    events.map(({ id }) => id),
    before,
    began,
    [],
  );
}

async function done(crm: Part, ids: string[], before: number, began: number, faults: string[]): Promise<Done> {
  const verified = await effectsOf(crm.url, ids, before, (ids.length * 1_000) / SLOWEST_RUNS_PER_SECOND);
  return {
    per_s: round((ids.length * 1_000) / (verified.lastAt - began)),
    verified,
    faults: [...faults, ...faultsIn(verified)],
  };
}

function faultsIn({ lost, twice }: Verified): string[] {
  return lost > 0 || twice > 0 ? [`${lost} effects were lost, ${twice} occurred twice`] : [];
}

/** Effects per second, each one request to a CRM, compared with a textbook Temporal program. */
export async function throughput(scale: Scale): Promise<Figure> {
  const rounds: { bridge: number[]; textbook: number[] } = { bridge: [], textbook: [] };
  const faults: string[] = [];
  await inWorld(async (world) => {
    for (let turn = 0; turn < scale.rounds; turn += 1) {
      for (const who of turn % 2 === 0 ? (['bridge', 'textbook'] as const) : (['textbook', 'bridge'] as const)) {
        const result = await (who === 'bridge' ? byBridge(world, scale.effects) : byTextbook(world, scale.effects));
        rounds[who].push(result.per_s);
        faults.push(...result.faults.map((fault) => `${who}: ${fault}`));
        say(`  round ${turn + 1}: ${who} ${result.per_s.toFixed(1)}/s`);
      }
    }
  });
  return {
    title: 'events/s done, one HTTP action',
    bridge: `${median(rounds.bridge).toFixed(1)}/s`,
    anchor: `${median(rounds.textbook).toFixed(1)}/s`,
    ratio: median(rounds.bridge) / median(rounds.textbook),
    target: { better: 'higher', floor: 1.2, aim: 1.6 },
    notes: [
      `textbook: one workflow, one regular activity, ${CALLERS} unpaced starters, own worker process; the CRM answers after ${CRM_ANSWERS_AFTER_MS} ms`,
    ],
    faults,
    raw: { rounds, events_a_round: scale.effects },
  };
}

interface Delay {
  from_ack: Spread;
  from_request: Spread;
}

/**
 * Time until the effect, at a rate that both programs can sustain. The textbook program acknowledges when Temporal has
 * accepted the start: before that, it could lose the event.
 */
export async function timeToEffect(scale: Scale): Promise<Figure> {
  const rounds: { bridge: Delay[]; textbook: Delay[] } = { bridge: [], textbook: [] };
  const faults: string[] = [];
  const count = CALM_PER_SECOND * scale.pacedS;
  await inWorld(async (world) => {
    for (let turn = 0; turn < scale.rounds; turn += 1) {
      for (const who of turn % 2 === 0 ? (['bridge', 'textbook'] as const) : (['textbook', 'bridge'] as const)) {
        const measured = await (who === 'bridge'
          ? calmBridge(world, count, faults)
          : calmTextbook(world, count, faults));
        rounds[who].push(measured);
        say(
          `  round ${turn + 1}: ${who} p50 ${measured.from_ack.p50} ms from ack, ${measured.from_request.p50} ms from request`,
        );
      }
    }
  });
  const of = (who: 'bridge' | 'textbook', from: keyof Delay): number => median(rounds[who].map((one) => one[from].p50));
  return {
    title: 'time from ack to effect at 20/s, p50',
    bridge: `${of('bridge', 'from_ack').toFixed(1)} ms`,
    anchor: `${of('textbook', 'from_ack').toFixed(1)} ms`,
    ratio: of('bridge', 'from_ack') / of('textbook', 'from_ack'),
    target: { better: 'lower', floor: 1, aim: 0.7 },
    notes: [
      `from request: ${of('bridge', 'from_request').toFixed(1)} against ${of('textbook', 'from_request').toFixed(1)} ms (the textbook program acknowledges when Temporal accepted the start)`,
    ],
    faults,
    raw: { rounds, per_second: CALM_PER_SECOND, events_a_round: count },
  };
}

async function calmBridge({ bridge, crm }: World, count: number, faults: string[]): Promise<Delay> {
  const before = await countAt(crm.url);
  const answers = await openLoop(bridge.webhook, makeEvents(count, true), CALM_PER_SECOND);
  faults.push(...faultsOf('bridge', answers, 'received'));
  return delays(
    crm,
    before,
    answers.map(({ event, sentAt, answeredAt }) => ({ id: event.id, sentAt, ackedAt: answeredAt })),
    faults,
  );
}

async function calmTextbook({ starters, crm }: World, count: number, faults: string[]): Promise<Delay> {
  const before = await countAt(crm.url);
  const starts = await starters.paced(makeEvents(count, true), CALM_PER_SECOND);
  return delays(
    crm,
    before,
    starts.map(({ id, sentAt, startedAt }) => ({ id, sentAt, ackedAt: startedAt })),
    faults,
  );
}

async function delays(
  crm: Part,
  before: number,
  acked: { id: string; sentAt: number; ackedAt: number }[],
  faults: string[],
): Promise<Delay> {
  faults.push(
    ...faultsIn(
      await effectsOf(
        crm.url,
        acked.map(({ id }) => id),
        before,
        (acked.length * 1_000) / SLOWEST_RUNS_PER_SECOND,
      ),
    ),
  );
  const effects = await effectsAt(crm.url);
  const measured = acked.flatMap(({ id, sentAt, ackedAt }) => {
    const effect = effects.get(id);
    return effect === undefined ? [] : [{ ack: effect.at - ackedAt, request: effect.at - sentAt }];
  });
  return {
    from_ack: spreadOf(measured.map(({ ack }) => ack)),
    from_request: spreadOf(measured.map(({ request }) => request)),
  };
}
