import type { Settings } from '../settings/settings';
import { askRun, type RunState } from './run-status';
import type { ListedEvent } from './event-list';

/** Runs that Temporal is asked about: more would not be read, and each takes a call. */
const MOST_ASKED = 20;

/**
 * What the open runs in a list wait for, in a few words, by event id. Temporal is asked about the first twenty, for three
 * seconds at most; what it does not answer is missing.
 */
export async function waitsOf(settings: Settings, events: readonly ListedEvent[]): Promise<Map<string, string>> {
  const open = events.filter(({ status }) => status === 'started').slice(0, MOST_ASKED);
  const asked = await Promise.all(
    open.map(async ({ event_id: id }): Promise<[string, string | null]> => {
      const state = await askRun(settings, id);
      return [id, state === null ? null : waitsFor(state)];
    }),
  );
  return new Map(asked.flatMap(([id, wait]) => (wait === null ? [] : [[id, wait]])));
}

/** @returns null when it waits for nothing but its turn. */
function waitsFor({ parked, pending, workerMissing }: RunState): string | null {
  const [first] = parked;
  if (first !== undefined) {
    return `waits: ${first.connection} is parked (${first.code})`;
  }
  const retried = pending.find(({ attempt }) => attempt > 1);
  if (retried !== undefined) {
    return `waits: ${retried.action} is tried again (attempt ${retried.attempt})`;
  }
  return workerMissing ? 'waits: no worker runs' : null;
}
