import { BridgeProcess, ruleFor } from './bridge-process';
import { startPart, type Part } from './child';
import { nowMs } from './clock';
import { countAt, effectsOf, type Verified } from './effects';
import { makeEvents } from './events';
import { faultsOf } from './figures/answers';
import { closedLoop, openLoop, type Answer } from './http-load';
import { startTextbook, type Program } from './program';

/** How long the CRM takes to answer. Milliseconds. */
export const CRM_ANSWERS_AFTER_MS = 25;
/** Connections of a load that creates a backlog. */
export const CALLERS = 50;

const WARM_UP = 60;
/** The slowest rate of effects that is waited for. */
const SLOWEST_EFFECTS_PER_SECOND = 5;

/**
 * Both programs on one Temporal server (the bridge's own, so with the same settings), writing to one CRM. Only one of
 * them has work at a time.
 */
export interface World {
  crm: Part;
  bridge: BridgeProcess;
  programs: Readonly<Record<Program['name'], Program>>;
}

/** Starts both programs, lets each handle some events, and stops them after `work`. */
export async function inWorld<Result>(work: (world: World) => Promise<Result>): Promise<Result> {
  const crm = await startPart('crm', CRM_ANSWERS_AFTER_MS);
  const bridge = await BridgeProcess.start({ mode: 'all', rules: ruleFor(crm.url) });
  try {
    const textbook = await startTextbook({ address: bridge.temporal, pid: bridge.pids()['temporal'] ?? 0 }, crm.url);
    try {
      const world: World = { crm, bridge, programs: { bridge, textbook } };
      await backlog(crm, bridge, WARM_UP, CALLERS);
      await backlog(crm, textbook, WARM_UP, CALLERS);
      return await work(world);
    } finally {
      await textbook.stop();
    }
  } finally {
    await bridge.remove();
    await crm.stop();
  }
}

/** What became of the events that a program was sent. */
export interface Handled {
  answers: Answer[];
  /** From the first request to the last answer. Seconds. */
  acknowledgedS: number;
  /** From the first request to the last effect. Seconds. */
  doneS: number;
  verified: Verified;
  /** Wrong answers, lost and doubled effects, in words. */
  faults: string[];
}

/**
 * Sends events as fast as they are answered and waits for all effects.
 * @param onLook called several times a second with the number of effects so far.
 */
export function backlog(
  crm: Part,
  program: Program,
  count: number,
  connections: number,
  onLook?: (done: number) => void,
): Promise<Handled> {
  return handle(
    crm,
    program,
    count,
    async (events) => (await closedLoop(program.webhook, events, connections)).answers,
    onLook,
  );
}

/** Sends events at a fixed rate and waits for all effects. */
export function paced(crm: Part, program: Program, count: number, perSecond: number): Promise<Handled> {
  return handle(crm, program, count, (events) => openLoop(program.webhook, events, perSecond));
}

async function handle(
  crm: Part,
  program: Program,
  count: number,
  send: (events: ReturnType<typeof makeEvents>) => Promise<Answer[]>,
  onLook?: (done: number) => void,
): Promise<Handled> {
  const events = makeEvents(count, true);
  const before = await countAt(crm.url);
  const began = nowMs();
  const answers = await send(events);
  const acknowledgedS = (nowMs() - began) / 1_000;
  const ids = events.map(({ id }) => id);
  const verified = await effectsOf(crm.url, ids, before, (count * 1_000) / SLOWEST_EFFECTS_PER_SECOND, onLook);
  const { lost, twice } = verified;
  return {
    answers,
    acknowledgedS,
    doneS: (verified.lastAt - began) / 1_000,
    verified,
    faults: [
      ...faultsOf(program.name, answers, 'received'),
      ...(lost > 0 || twice > 0 ? [`${program.name}: ${lost} effects were lost, ${twice} occurred twice`] : []),
    ],
  };
}
