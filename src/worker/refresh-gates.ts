import type { Logger } from 'pino';
import type { ConnectionGate } from '../../activities/connection-gate';
import type { ParkedConnections } from '../runs/parked-connections';

/** Five small questions to Temporal in this time, each bounded. */
const REFRESH_EVERY_MS = 10_000;

type Gates = ReadonlyMap<string, { readonly gate: ConnectionGate }>;
type Lines = Pick<ParkedConnections, 'resume' | 'ask'>;

/**
 * Keeps this worker's gates true to the lines of parked connections, also of those that other workers parked.
 * First tells every line that is there to try at once: this worker may have come with new credentials.
 *
 * @returns what ends it; resolves when the refresh under way, if any, has ended.
 */
export function refreshGates(
  gates: Gates,
  parked: Lines,
  log: Pick<Logger, 'debug'>,
  everyMs: number = REFRESH_EVERY_MS,
): () => Promise<void> {
  let stopped = false;
  let endSleep = (): void => undefined;
  const all = async (what: (name: string, gate: ConnectionGate) => Promise<void>): Promise<void> => {
    const asked = await Promise.allSettled([...gates].map(([name, { gate }]) => what(name, gate)));
    if (asked.some(({ status }) => status === 'rejected')) {
      log.debug({}, 'parked connections could not be asked after; they are asked again');
    }
  };
  const run = async (): Promise<void> => {
    await all(async (name) => void (await parked.resume(name)));
    while (!stopped) {
      await all((name, gate) => refresh(name, gate, parked));
      if (!stopped) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, everyMs);
          endSleep = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  };
  const running = run();
  return async () => {
    stopped = true;
    endSleep();
    await running;
  };
}

async function refresh(name: string, gate: ConnectionGate, parked: Lines): Promise<void> {
  const before = gate.changes;
  const found = await parked.ask(name);
  if (gate.changes !== before) {
    return;
  }
  if (found !== null) {
    gate.park(found.problem);
  } else if (gate.problem !== null) {
    gate.open();
  }
}
