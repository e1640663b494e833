import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { RunReports, RunStarter } from '../dispatch/run-starter';
import { askReport } from '../runs/ask-report';
import { awaitBatch, awaitRun } from '../runs/await-run';
import { isBatchId } from '../runs/names';
import { startBatch } from '../runs/start-batch';
import { startRun, type StartOptions } from '../runs/start-run';
import { describeTemporalError } from '../runs/temporal-error';
import { registerSearchAttributes } from './search-attributes';

/** A start that takes longer is cancelled and retried. The workflow id prevents a second run. */
const START_WITHIN_MS = 5_000;
/** A worker replays the run's history for the answer. */
const REPORT_WITHIN_MS = 20_000;

/**
 * Starts runs and awaits their ends with this client. The workflow id of an event's first run is the event's id.
 *
 * @param options.searchAttributes registers them and resolves to whether runs may have them. Called before the first
 *   start, and again after a failed start.
 */
export function runStarter(
  client: Client,
  options: Pick<StartOptions, 'eager'> & { searchAttributes: () => Promise<boolean> },
): RunStarter & RunReports {
  let searchAttributes: Promise<boolean> | null = null;
  const bounded = async <Started>(begin: (searchAttributes: boolean) => Promise<Started>): Promise<Started> => {
    try {
      searchAttributes ??= options.searchAttributes();
      const available = await searchAttributes;
      return await client.withDeadline(Date.now() + START_WITHIN_MS, () => begin(available));
    } catch (error) {
      // The server may have lost its data, or another server may listen on this address now.
      searchAttributes = null;
      throw new Error(describeTemporalError(error));
    }
  };
  const { eager } = options;
  return {
    start: (event, plan, later) =>
      bounded((searchAttributes) =>
        startRun(client, event, plan, {
          workflowId: later?.workflowId ?? event.event_id,
          eager,
          searchAttributes,
          ...(later === undefined ? {} : { later }),
        }),
      ),
    startBatch: (batch) => bounded((searchAttributes) => startBatch(client, batch, { eager, searchAttributes })),
    ended: (workflowId, signal) =>
      isBatchId(workflowId) ? awaitBatch(client, workflowId, signal) : awaitRun(client, workflowId, signal),
    report: (workflowId, eventId) =>
      client.withDeadline(Date.now() + REPORT_WITHIN_MS, () => askReport(client, workflowId, eventId)),
  };
}

/**
 * Registers the bridge's search attributes and logs why they are unavailable.
 *
 * @returns whether runs may have them.
 * @throws what the client throws when Temporal does not answer.
 */
export async function ensureSearchAttributes(
  connection: Parameters<typeof registerSearchAttributes>[0],
  namespace: string,
  log: Logger,
): Promise<boolean> {
  const { available, problem } = await registerSearchAttributes(connection, namespace);
  if (problem !== undefined) {
    log.warn({ problem }, 'runs are started without search attributes');
  }
  return available;
}
