import { effectsAt } from '../effects';
import { median, spreadOf, type Spread } from '../statistics';
import { inWorld, paced, type World } from '../world';
import type { Program } from '../program';
import { say, type Figure, type Scale } from './figure';
import { TEXTBOOK } from './throughput';

/** A rate that both programs can sustain. */
const PER_SECOND = 20;

interface Delay {
  from_ack: Spread;
  from_request: Spread;
}

/**
 * Time until the effect, at a rate that both programs can sustain. The textbook program acknowledges when Temporal has
 * accepted the start.
 */
export async function timeToEffect(scale: Scale): Promise<Figure> {
  const rounds: { bridge: Delay[]; textbook: Delay[] } = { bridge: [], textbook: [] };
  const faults: string[] = [];
  const count = PER_SECOND * scale.pacedS;
  await inWorld(async (world) => {
    for (let turn = 0; turn < scale.rounds; turn += 1) {
      for (const who of turn % 2 === 0 ? (['bridge', 'textbook'] as const) : (['textbook', 'bridge'] as const)) {
        const measured = await delayOf(world, world.programs[who], count, faults);
        rounds[who].push(measured);
        say(
          `  round ${turn + 1}: ${who} p50 ${measured.from_ack.p50} ms from ack, ${measured.from_request.p50} ms from request`,
        );
      }
    }
  });
  const of = (who: Program['name'], from: keyof Delay): number => median(rounds[who].map((one) => one[from].p50));
  return {
    title: `time from ack to effect at ${PER_SECOND}/s, p50`,
    bridge: `${of('bridge', 'from_ack').toFixed(1)} ms`,
    anchor: `${of('textbook', 'from_ack').toFixed(1)} ms`,
    ratio: of('bridge', 'from_ack') / of('textbook', 'from_ack'),
    target: { better: 'lower', floor: 0.55, aim: 0.4 },
    notes: [
      `anchor: ${TEXTBOOK}, which acknowledges when Temporal has accepted the start`,
      `from request: ${of('bridge', 'from_request').toFixed(1)} against ${of('textbook', 'from_request').toFixed(1)} ms`,
    ],
    faults,
    raw: { rounds, per_second: PER_SECOND, events_a_round: count },
  };
}

async function delayOf({ crm }: World, program: Program, count: number, faults: string[]): Promise<Delay> {
  const handled = await paced(crm, program, count, PER_SECOND);
  faults.push(...handled.faults);
  const effects = await effectsAt(crm.url);
  const measured = handled.answers.flatMap(({ event, sentAt, answeredAt }) => {
    const effect = effects.get(event.id);
    return effect === undefined ? [] : [{ ack: effect.at - answeredAt, request: effect.at - sentAt }];
  });
  return {
    from_ack: spreadOf(measured.map(({ ack }) => ack)),
    from_request: spreadOf(measured.map(({ request }) => request)),
  };
}
