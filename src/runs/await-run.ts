import {
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import type { BatchReport } from './batch-contract';
import type { RunReport } from './run-contract';

/** How a run ended. */
export interface RunEnd {
  /** `unknown`: Temporal has no run with this id, or deleted it after its namespace's retention. */
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  /** Null when the run left none: it was terminated, cancelled or timed out, or is unknown. */
  report: RunReport | null;
}

/** How a batch ended. */
export interface BatchEnd extends Pick<RunEnd, 'status'> {
  /** Null when the batch left none. */
  report: BatchReport | null;
}

/**
 * Waits until a run is closed.
 *
 * @throws what the client throws when Temporal does not answer, or when `signal` aborts first.
 */
export async function awaitRun(client: Client, workflowId: string, signal?: AbortSignal): Promise<RunEnd> {
  const { status, result } = await awaitClosed(client, workflowId, signal);
  return { status, report: asReport(result) };
}

/** As {@link awaitRun}, for a batch. */
export async function awaitBatch(client: Client, batchId: string, signal?: AbortSignal): Promise<BatchEnd> {
  const { status, result } = await awaitClosed(client, batchId, signal);
  return { status, report: isBatchReport(result) ? result : null };
}

/** @returns the result of a completed workflow, or the first detail of the failure of a failed one; null for neither. */
async function awaitClosed(
  client: Client,
  workflowId: string,
  signal: AbortSignal | undefined,
): Promise<Pick<RunEnd, 'status'> & { result: unknown }> {
  const result = (): Promise<unknown> => client.workflow.getHandle(workflowId).result();
  try {
    return {
      status: 'completed',
      result: await (signal === undefined ? result() : client.withAbortSignal(signal, result)),
    };
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      const { cause } = error;
      return {
        status: statusOf(cause),
        result: cause instanceof ApplicationFailure ? cause.details?.[0] : null,
      };
    }
    if (error instanceof WorkflowNotFoundError) {
      return { status: 'unknown', result: null };
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

/** Only `handleBatch` writes it; the dispatcher parses what it uses of it. */
function isBatchReport(value: unknown): value is BatchReport {
  return typeof value === 'object' && value !== null && 'events' in value && Array.isArray(value.events);
}
