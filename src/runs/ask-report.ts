import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { RUN_REPORT } from './names';
import type { ReportSoFar } from './run-contract';

/**
 * Asks a run for its report with the results of its steps. A worker rebuilds it from the run's history, so it is there
 * for closed runs too, as long as Temporal keeps them, and for runs that an earlier version of the bridge did.
 *
 * @returns null when Temporal does not have the run.
 * @throws what the client throws when Temporal or a worker does not answer.
 */
export async function askReport(client: Client, workflowId: string): Promise<ReportSoFar | null> {
  try {
    return await client.workflow.getHandle(workflowId).query<ReportSoFar>(RUN_REPORT);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) {
      return null;
    }
    throw error;
  }
}
