import type { Client } from '@temporalio/client';
import type { RunStarter } from '../inbox/dispatcher';
import { awaitRun, startRun, type StartOptions } from '../temporal/start-run';

/** A start that takes longer is given up and tried again: the same id cannot start twice. */
const START_WITHIN_MS = 5_000;

/** Starts runs with this client; each run's workflow id is its event's id. */
export function runStarter(client: Client, options: Pick<StartOptions, 'searchAttributes' | 'eager'>): RunStarter {
  return {
    start: (event, plan) => client.withDeadline(Date.now() + START_WITHIN_MS, () => startRun(client, event, plan, { ...options, workflowId: event.event_id })),
    ended: (eventId) => awaitRun(client, eventId),
  };
}
