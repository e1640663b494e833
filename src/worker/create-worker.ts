import { DefaultLogger, makeTelemetryFilterString, Runtime, Worker, type NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { ConnectionReport } from '../runs/parking-contract';
import type { LimitsInput, LimitsResult, RunReport, StepInput, StepResult } from '../runs/run-contract';
import { TASK_QUEUE } from '../runs/names';

/**
 * Workflows kept in memory. Each takes about 1 MB (reference temporal.md 5.2); runs that wait beyond that are replayed
 * when they go on.
 */
const CACHED_WORKFLOWS = 200;

/** Attempts that were cancelled may take this long to end; and so long is waited for a server that does not answer. */
const CANCELLED_WITHIN_MS = 2_000;

/** Sends the SDK's own logs where ours go. Call once, before anything else of the SDK. */
export function installRuntime(log: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // A step's failed attempts and a run's end are told by the bridge itself, with their class.
      if (message === 'Activity failed' || message === 'Workflow failed') {
        return;
      }
      const fields = {
        sdk: meta?.['sdkComponent'],
        workflow_id: meta?.['workflowId'],
        activity: meta?.['activityType'],
        attempt: meta?.['attempt'],
      };
      if (level === 'ERROR') {
        log.error(fields, message);
      } else {
        log.warn(fields, message);
      }
    }),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} },
    },
  });
}

/**
 * The worker: workflows from the prebuilt bundle, activities as given.
 *
 * @param onRunEnded told when a run comes to its end in this worker, a moment before Temporal records it; told again
 *   should that fail.
 * @param shutdownGraceMs how long attempts that are under way may go on once it is told to stop; then they are
 *   cancelled and retried elsewhere.
 */
export function createWorker(options: {
  connection: NativeConnection;
  namespace: string;
  bundlePath: string;
  activities: Record<
    string,
    | ((input: StepInput) => Promise<StepResult>)
    | ((input: LimitsInput) => Promise<LimitsResult>)
    | ((report: ConnectionReport) => Promise<void>)
  >;
  onRunEnded: (eventId: string, failed: boolean, report: RunReport) => void;
  shutdownGraceMs: number;
}): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: options.bundlePath },
    activities: options.activities,
    sinks: {
      runs: {
        ended: {
          fn: ({ workflowId }, failed: boolean, report: RunReport) => options.onRunEnded(workflowId, failed, report),
          callDuringReplay: false,
        },
      },
    },
    maxCachedWorkflows: CACHED_WORKFLOWS,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    shutdownGraceTime: options.shutdownGraceMs,
    shutdownForceTime: options.shutdownGraceMs + CANCELLED_WITHIN_MS,
  });
}
