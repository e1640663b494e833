import type { Logger } from 'pino';
import type { ConnectionGate } from '../../activities/connection-gate';
import type { ParkedConnections } from '../runs/parked-connections';
import { WakeableSleep } from '../timing/wakeable-sleep';

/** Each refresh is one short call to Temporal per connection. */
const REFRESH_EVERY_MS = 10_000;

type Gates = ReadonlyMap<string, { readonly gate: ConnectionGate }>;
type Parking = Pick<ParkedConnections, 'resume' | 'find'>;

/**
 * Keeps this worker's gates equal to the state in Temporal, also for connections that other workers parked. At the
 * start it resumes every parked connection: this worker may have new credentials.
 *
 * Not guaranteed: that a refresh succeeds. A failed one is logged, and repeated after `everyMs`.
 *
 * @param onRead called after each refresh that succeeded. Before the first one, an open gate says nothing.
 * @returns the function that stops it; its promise resolves when the current refresh has ended.
 */
export function refreshGates(
  gates: Gates,
  parking: Parking,
  log: Pick<Logger, 'debug'>,
  everyMs: number = REFRESH_EVERY_MS,
  onRead: () => void = () => undefined,
): () => Promise<void> {
  let isStopped = false;
  const pause = new WakeableSleep();
  const forEachGate = async (action: (name: string, gate: ConnectionGate) => Promise<unknown>): Promise<boolean> => {
    const results = await Promise.allSettled([...gates].map(([name, { gate }]) => action(name, gate)));
    const isDone = results.every(({ status }) => status === 'fulfilled');
    if (!isDone) {
      log.debug({}, 'Temporal did not say which connections are parked; the worker asks again');
    }
    return isDone;
  };
  const run = async (): Promise<void> => {
    await forEachGate((name) => parking.resume(name));
    while (!isStopped) {
      if (await forEachGate((name, gate) => refresh(name, gate, parking))) {
        onRead();
      }
      if (!isStopped) {
        await pause.sleep(everyMs);
      }
    }
  };
  const running = run();
  return async () => {
    isStopped = true;
    pause.wake();
    await running;
  };
}

async function refresh(name: string, gate: ConnectionGate, parking: Parking): Promise<void> {
  const { version } = gate;
  const found = await parking.find(name);
  if (gate.version !== version) {
    return;
  }
  if (found !== null) {
    gate.park(found.problem);
  } else if (gate.problem !== null) {
    gate.open();
  }
}
