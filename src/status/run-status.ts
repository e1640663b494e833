import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { askReport } from '../runs/ask-report';
import { awaitRun } from '../runs/await-run';
import { PARKED_STEPS, TASK_QUEUE } from '../runs/names';
import type { ParkedStep } from '../runs/parking-contract';
import type { ReportSoFar, RunReport } from '../runs/run-contract';
import type { Settings } from '../settings/settings';
import { askTemporal } from './temporal-client';

/** A run as Temporal knows it now. */
export interface RunState {
  /** Temporal's status in lower case: `running`, `completed`, `failed`, `terminated` ... */
  status: string;
  /** What a closed run reported; null for an open one, and for one that left no report. */
  report: RunReport | null;
  /** What an open run has done so far; null for a closed one, and when no worker answers the query. */
  soFar: ReportSoFar | null;
  /** Steps that are being retried: the activity, its attempt, and the last failure's message. */
  pending: { action: string; attempt: number; problem: string | null }[];
  /** Steps that wait for a parked connection. Empty also when no worker answers the query. */
  parked: ParkedStep[];
  /** The run is open, and no worker has polled Temporal in the last five minutes. */
  workerMissing: boolean;
}

/**
 * Asks Temporal for a run, for three seconds at most per call. Null when Temporal does not answer, and for an unknown
 * run.
 */
export async function askRun(settings: Settings, eventId: string): Promise<RunState | null> {
  try {
    return await askTemporal(settings, async (client) => {
      const description = await client.workflow.getHandle(eventId).describe();
      const status = description.status.name.toLowerCase();
      const isOpen = status === 'running';
      const [parked, soFar, workerMissing] = isOpen
        ? await Promise.all([askParkedSteps(client, eventId), askSoFar(client, eventId), isWorkerMissing(client)])
        : [[], null, false];
      return {
        status,
        // The bridge records the end of a run a moment after Temporal.
        report: isOpen ? null : (await awaitRun(client, eventId)).report,
        soFar,
        pending: (description.raw.pendingActivities ?? []).map((activity) => ({
          action: activity.activityType?.name ?? '',
          attempt: activity.attempt ?? 1,
          problem: activity.lastFailure?.message ?? null,
        })),
        parked,
        workerMissing,
      };
    });
  } catch {
    return null;
  }
}

async function askParkedSteps(client: Client, eventId: string): Promise<ParkedStep[]> {
  try {
    return await client.workflow.getHandle(eventId).query<ParkedStep[]>(PARKED_STEPS);
  } catch {
    return [];
  }
}

async function askSoFar(client: Client, eventId: string): Promise<ReportSoFar | null> {
  try {
    return await askReport(client, eventId);
  } catch {
    return null;
  }
}

async function isWorkerMissing(client: Client): Promise<boolean> {
  try {
    const { pollers } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: TASK_QUEUE },
      taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    });
    return (pollers ?? []).length === 0;
  } catch {
    // The credential may not allow the call. Then nothing is claimed.
    return false;
  }
}
