import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { TASK_QUEUE } from '../runs/names';
import { describeTemporalError } from '../runs/temporal-error';

const LOOK_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 5_000;

/** Where it tells of changes. */
interface WatchLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

/** Whether Temporal answers. */
export interface TemporalWatch {
  /** Why it does not, as far as the last look tells; null when it does, and before the first look has ended. */
  problem(): string | null;
  stop(): void;
}

/**
 * Keeps asking Temporal for the bridge's task queue, every 5 s: so that it is known that Temporal is away before there
 * is something to do. An answer means that frontend and matching are up, and that the namespace is there and open to
 * us.
 */
export function watchTemporal(
  connection: Connection | NativeConnection,
  namespace: string,
  log: WatchLog,
  everyMs: number = LOOK_EVERY_MS,
): TemporalWatch {
  let problem: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const ask = (): Promise<unknown> =>
    connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
      connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: TASK_QUEUE },
        taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
      }),
    );
  const note = (found: string | null): void => {
    if (stopped) {
      return;
    }
    if (problem === null && found !== null) {
      log.warn({ problem: found }, 'Temporal cannot be used at present');
    } else if (problem !== null && found === null) {
      log.info({}, 'Temporal can be used again');
    }
    problem = found;
  };
  const look = async (): Promise<void> => {
    const found = await ask().then(
      () => null,
      (error: unknown) => describeTemporalError(error),
    );
    note(found);
    if (!stopped) {
      timer = setTimeout(() => void look(), everyMs);
      timer.unref();
    }
  };
  void look();
  return {
    problem: () => problem,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
