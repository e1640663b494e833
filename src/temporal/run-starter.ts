import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { RunStarter } from '../dispatch/dispatcher';
import { awaitRun } from '../runs/await-run';
import { startRun, type StartOptions } from '../runs/start-run';
import { describeTemporalError } from '../runs/temporal-error';
import { registerSearchAttributes } from './search-attributes';

/** A start that takes longer is given up and tried again: the same id cannot start twice. */
const START_WITHIN_MS = 5_000;

/**
 * Starts runs with this client; each run's workflow id is its event's id.
 * @param options.searchAttributes registers them, and tells whether they may be used; asked again when the server has
 *   lost them.
 */
export function runStarter(
  client: Client,
  options: Pick<StartOptions, 'eager'> & { searchAttributes: () => Promise<boolean> },
): RunStarter {
  let searchAttributes: Promise<boolean> | null = null;
  return {
    start: async (event, plan) => {
      try {
        searchAttributes ??= options.searchAttributes();
        const start = { workflowId: event.event_id, eager: options.eager, searchAttributes: await searchAttributes };
        return await client.withDeadline(Date.now() + START_WITHIN_MS, () => startRun(client, event, plan, start));
      } catch (error) {
        // Asked again after any failure: the server may have lost its data, or be another one at the same address.
        searchAttributes = null;
        throw new Error(describeTemporalError(error));
      }
    },
    ended: (eventId, signal) => awaitRun(client, eventId, signal),
  };
}

/** Registers the bridge's search attributes; tells whether runs may carry them. @throws while Temporal is away. */
export async function searchAttributesOn(
  connection: Parameters<typeof registerSearchAttributes>[0],
  namespace: string,
  log: Logger,
): Promise<boolean> {
  const { available, problem } = await registerSearchAttributes(connection, namespace);
  if (problem !== undefined) {
    log.warn({ problem }, 'runs go without search attributes');
  }
  return available;
}
