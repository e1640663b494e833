import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { TASK_QUEUE } from '../runs/names';
import { describeTemporalError } from '../runs/temporal-error';
import { WakeableSleep } from '../timing/wakeable-sleep';

const CHECK_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 5_000;

/** Whether Temporal is available. */
export interface TemporalWatch {
  /** Why it is unavailable, as of the last check; null when it is available, and before the first check has ended. */
  problem(): string | null;
  stop(): void;
}

/**
 * Checks every five seconds whether Temporal is available, and logs each change. An answer means that its frontend and
 * matching services work, and that the namespace exists and the bridge may use it.
 *
 * Guarantees: after `stop`, nothing is logged and {@link TemporalWatch.problem} no longer changes.
 */
export function watchTemporal(
  connection: Connection | NativeConnection,
  namespace: string,
  log: Pick<Logger, 'info' | 'warn'>,
  everyMs: number = CHECK_EVERY_MS,
): TemporalWatch {
  let problem: string | null = null;
  let isStopped = false;
  const pause = new WakeableSleep();
  const describeTaskQueue = (): Promise<unknown> =>
    connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
      connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: TASK_QUEUE },
        taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
      }),
    );
  const record = (found: string | null): void => {
    if (problem === null && found !== null) {
      log.warn({ problem: found }, 'Temporal is unavailable');
    } else if (problem !== null && found === null) {
      log.info({}, 'Temporal is available again');
    }
    problem = found;
  };
  const run = async (): Promise<void> => {
    while (!isStopped) {
      const found = await describeTaskQueue().then(() => null, describeTemporalError);
      if (!isStopped) {
        record(found);
        await pause.sleep(everyMs);
      }
    }
  };
  void run();
  return {
    problem: () => problem,
    stop: () => {
      isStopped = true;
      pause.wake();
    },
  };
}
