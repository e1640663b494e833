import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { RUN_REPORT } from './names';
import type { ReportSoFar } from './run-contract';

/**
 * Asks a run for its report with the results of its steps. A worker rebuilds it from the run's history, so it is there
 * for closed runs too, as long as Temporal keeps them, and for runs that an earlier version of the bridge did.
 *
 * @param eventId for a batch: the event whose part in it is asked for.
 * @returns null when Temporal does not have the run, or when the batch has no report of the event: it went on in its own
 *   run.
 * @throws what the client throws when Temporal or a worker does not answer.
 */
export async function askReport(client: Client, workflowId: string, eventId?: string): Promise<ReportSoFar | null> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    return eventId === undefined
      ? await handle.query<ReportSoFar>(RUN_REPORT)
      : await handle.query<ReportSoFar | null, [string]>(RUN_REPORT, eventId);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) {
      return null;
    }
    throw error;
  }
}
