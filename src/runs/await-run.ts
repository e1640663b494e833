import {
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import type { RunReport } from './run-contract';

/** How a run ended. */
export interface RunEnd {
  /** `unknown`: Temporal has no run with this id, or deleted it after its namespace's retention. */
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  /** Null when the run left none: it was terminated, cancelled or timed out, or is unknown. */
  report: RunReport | null;
}

/**
 * Waits until a run is closed.
 *
 * @throws what the client throws when Temporal does not answer, or when `signal` aborts first.
 */
export async function awaitRun(client: Client, workflowId: string, signal?: AbortSignal): Promise<RunEnd> {
  const result = (): Promise<unknown> => client.workflow.getHandle(workflowId).result();
  try {
    const report: unknown = await (signal === undefined ? result() : client.withAbortSignal(signal, result));
    return { status: 'completed', report: asReport(report) };
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      const { cause } = error;
      return {
        status: statusOf(cause),
        report: asReport(cause instanceof ApplicationFailure ? cause.details?.[0] : null),
      };
    }
    if (error instanceof WorkflowNotFoundError) {
      return { status: 'unknown', report: null };
    }
    throw error;
  }
}

function statusOf(cause: WorkflowFailedError['cause']): RunEnd['status'] {
  if (cause instanceof TerminatedFailure) {
    return 'terminated';
  }
  if (cause instanceof CancelledFailure) {
    return 'cancelled';
  }
  return cause instanceof TimeoutFailure ? 'timed_out' : 'failed';
}

function asReport(value: unknown): RunReport | null {
  return typeof value === 'object' && value !== null && 'event_id' in value && 'rules' in value
    ? (value as RunReport)
    : null;
}
