import {
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type InjectedSinks,
  type NativeConnection,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import type { BatchAttemptInput, BatchAttemptResult, BatchSinks } from '../runs/batch-contract';
import type { ConnectionReport } from '../runs/parking-contract';
import type {
  DecideInput,
  RuleDecision,
  LimitsInput,
  LimitsResult,
  RecordOptOutInput,
  RunSinks,
  StepInput,
  StepResult,
} from '../runs/run-contract';
import { TASK_QUEUE } from '../runs/names';

/**
 * Open workflows kept in memory; others are replayed when they continue. A waiting run takes 0.17 MB (800 of them
 * measured), one of an event as large as an input may be 2 MB, a full part of the claims 12 MB: 35 to 590 MB in all.
 */
const CACHED_WORKFLOWS = 200;

/** Time for cancelled attempts to end, and for a server that does not answer the shutdown. */
const CANCELLED_WITHIN_MS = 2_000;

/** Directs the SDK's logs to the bridge's logger. Call once, before any other use of the SDK. */
export function installRuntime(log: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // The bridge logs failed attempts and run ends itself, with their error class.
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

/** An activity of the bridge: of an action, of batches, of the limits, of the opt-outs, or of the reports on connections. */
export type Activity =
  | ((input: StepInput) => Promise<StepResult>)
  | ((input: BatchAttemptInput) => Promise<BatchAttemptResult>)
  | ((input: RecordOptOutInput) => Promise<StepResult>)
  | ((input: LimitsInput) => Promise<LimitsResult>)
  | ((input: DecideInput) => Promise<Record<string, RuleDecision>>)
  | ((report: ConnectionReport) => Promise<void>);

/**
 * Makes the SDK's worker, with the bridge's limits of concurrency. start-worker.ts says what it registers.
 *
 * @param options.bundlePath file of the compiled workflows.
 * @param options.shutdownGraceMs how long running attempts may continue after a shutdown; then they are cancelled, and
 *   retried by another worker.
 */
export function createWorker(options: {
  connection: NativeConnection;
  namespace: string;
  bundlePath: string;
  activities: Record<string, Activity>;
  sinks: InjectedSinks<Pick<RunSinks & BatchSinks, 'runs'>>;
  shutdownGraceMs: number;
}): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: options.bundlePath },
    activities: options.activities,
    sinks: options.sinks,
    maxCachedWorkflows: CACHED_WORKFLOWS,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    shutdownGraceTime: options.shutdownGraceMs,
    shutdownForceTime: options.shutdownGraceMs + CANCELLED_WITHIN_MS,
  });
}
