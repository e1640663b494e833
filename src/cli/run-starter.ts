import type { Client } from '@temporalio/client';
import type { RunStarter } from '../inbox/dispatcher';
import { awaitRun, startRun } from '../temporal/start-run';

/** A start that takes longer is given up and tried again: the same id cannot start twice. */
const START_WITHIN_MS = 5_000;

/** Starts runs with this client. */
export function runStarter(client: Client, searchAttributes: boolean): RunStarter {
  return {
    start: (event, plan) => client.withDeadline(Date.now() + START_WITHIN_MS, () => startRun(client, event, plan, event.event_id, searchAttributes)),
    ended: (eventId) => awaitRun(client, eventId),
  };
}
