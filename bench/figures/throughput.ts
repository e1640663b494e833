import { median, round } from '../statistics';
import { backlog, CALLERS, CRM_ANSWERS_AFTER_MS, inWorld } from '../world';
import { say, type Figure, type Scale } from './figure';

/** What the textbook program is, for the notes of the figures that it anchors. */
export const TEXTBOOK = 'textbook program (webhook that starts one workflow with one regular activity)';

/**
 * Effects per second while more events wait than are handled, each one request to a CRM, compared with the textbook
 * program on the same Temporal server.
 */
export async function throughput(scale: Scale): Promise<Figure> {
  const rounds: { bridge: number[]; textbook: number[] } = { bridge: [], textbook: [] };
  const faults: string[] = [];
  const batches = await inWorld(async ({ crm, bridge, programs }) => {
    for (let turn = 0; turn < scale.rounds; turn += 1) {
      for (const who of turn % 2 === 0 ? (['bridge', 'textbook'] as const) : (['textbook', 'bridge'] as const)) {
        const count = scale.backlog[who];
        const handled = await backlog(crm, programs[who], count, CALLERS);
        rounds[who].push(round(count / handled.doneS));
        faults.push(...handled.faults);
        say(`  round ${turn + 1}: ${who} ${(count / handled.doneS).toFixed(1)}/s`);
      }
    }
    return bridge.metric('bridge_batches_started_total');
  });
  return {
    title: 'sustained backlog, effects/s',
    bridge: `${median(rounds.bridge).toFixed(1)}/s`,
    anchor: `${median(rounds.textbook).toFixed(1)}/s`,
    ratio: median(rounds.bridge) / median(rounds.textbook),
    target: { better: 'higher', floor: 6, aim: 14 },
    notes: [
      `anchor: ${TEXTBOOK}; ${CALLERS} connections each; ${scale.backlog.bridge} events a round, ${scale.backlog.textbook} for the textbook program`,
      `${batches} batches; the CRM answers after ${CRM_ANSWERS_AFTER_MS} ms`,
    ],
    faults,
    raw: { rounds, events_a_round: scale.backlog, batches },
  };
}
