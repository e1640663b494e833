import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type {
  ConnectionProblem,
  ParkConnectionInput,
  ParkedMemo,
  ParkingPace,
  ProbeId,
  QueueState,
  StepWaits,
  WaitingStep,
} from './parking-contract';
import {
  CONNECTION_WORKS,
  PARK_CONNECTION,
  parkWorkflowId,
  PROBE_OVER,
  QUEUE_STATE,
  RESUME,
  STEP_WAITS,
  TASK_QUEUE,
} from './names';

const CALL_WITHIN_MS = 5_000;

/** Probes after 30 s, then less often, every 5 min at the least. */
const DEFAULT_PACE: ParkingPace = {
  first_ms: 30_000,
  longest_ms: 300_000,
  let_go_per_second: 10,
  history_events: 2_000,
};
/** A waiting step checks this often whether its queue still exists: an operator may have terminated the workflow. */
const CHECK_QUEUE_EVERY_MS = 600_000;

/** A connection that is parked. `bridge connections list --json` prints it. */
export interface ParkedConnection extends ParkedMemo {
  /** The state of its queue; null when the queue did not answer: no worker runs, or all are busy. */
  line: QueueState | null;
}

/**
 * Parks connections, and reads which ones are parked. A parked connection is a running workflow `parkConnection` with
 * the connection's name in its id: one for all workers, and it outlives them. parking-contract.ts describes the
 * protocol.
 *
 * Every method takes five seconds at most, and throws what the client throws when Temporal does not answer.
 */
export class ParkedConnections {
  constructor(
    private readonly client: Client,
    private readonly pace: ParkingPace = DEFAULT_PACE,
    readonly checkQueueEveryMs: number = CHECK_QUEUE_EVERY_MS,
  ) {}

  /** Parks the connection, if it is not parked, and adds the step whose attempt failed to its queue. */
  async park(connection: string, step: WaitingStep, problem: ConnectionProblem): Promise<void> {
    const input: ParkConnectionInput = {
      connection,
      pace: this.pace,
      problem,
      waiting: [],
      progress: null,
      probes_in_turn: true,
      single_probe: true,
    };
    const signal: StepWaits = { step, problem };
    await this.#bounded(() =>
      this.client.workflow.signalWithStart(PARK_CONNECTION, {
        workflowId: parkWorkflowId(connection),
        taskQueue: TASK_QUEUE,
        args: [input],
        signal: STEP_WAITS,
        signalArgs: [signal],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `${connection} is parked`,
      }),
    );
  }

  /** Adds a step that was held back to the queue. @returns false when the connection is not parked. */
  enqueue(connection: string, step: WaitingStep): Promise<boolean> {
    const signal: StepWaits = { step, problem: null };
    return this.#signal(connection, STEP_WAITS, signal);
  }

  /** Reports that a released step succeeded: the queue releases all others. No effect when it is not parked. */
  async reportWorking(connection: string): Promise<void> {
    await this.#signal(connection, CONNECTION_WORKS);
  }

  /** Reports that a probe ended for good without an answer to the credential: the next step in turn may try at once. */
  async reportProbeOver(connection: string, probe: ProbeId): Promise<void> {
    await this.#signal(connection, PROBE_OVER, probe);
  }

  /** Releases the oldest waiting step at once, as after a new credential. @returns false when it is not parked. */
  resume(connection: string): Promise<boolean> {
    return this.#signal(connection, RESUME);
  }

  /** Why the connection is parked; null when it is not. Needs no running worker. */
  async find(connection: string): Promise<ParkedMemo | null> {
    try {
      const { status, memo, startTime } = await this.#bounded(() =>
        this.client.workflow.getHandle(parkWorkflowId(connection)).describe(),
      );
      return status.name === 'RUNNING' ? parseMemo(memo, startTime) : null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  }

  /** Does the same as {@link find}, and asks the queue for its state. */
  async describe(connection: string): Promise<ParkedConnection | null> {
    const parked = await this.find(connection);
    if (parked === null) {
      return null;
    }
    try {
      return {
        ...parked,
        line: await this.#bounded(() =>
          this.client.workflow.getHandle(parkWorkflowId(connection)).query<QueueState>(QUEUE_STATE),
        ),
      };
    } catch {
      return { ...parked, line: null };
    }
  }

  /** @returns false when the connection is not parked. */
  async #signal(connection: string, signal: string, ...args: unknown[]): Promise<boolean> {
    try {
      await this.#bounded(() => this.client.workflow.getHandle(parkWorkflowId(connection)).signal(signal, ...args));
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return false;
      }
      throw error;
    }
  }

  #bounded<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.client.withDeadline(Date.now() + CALL_WITHIN_MS, call);
  }
}

/**
 * Lets the oldest step that waits for each of these connections try at once.
 * @returns those that were parked. @throws what the client throws when Temporal does not answer.
 */
export async function resumeAll(client: Client, connections: readonly string[]): Promise<string[]> {
  const parkedConnections = new ParkedConnections(client);
  const resumed: string[] = [];
  // One after the other: when Temporal does not answer, the first call fails and no other is under way.
  for (const connection of connections) {
    if (await parkedConnections.resume(connection)) {
      resumed.push(connection);
    }
  }
  return resumed;
}

/** Reads the memo, which the workflow writes in its first task. Until then only its start time is known. */
export function parseMemo(memo: Record<string, unknown> | undefined, startTime: Date): ParkedMemo {
  const { problem, since } = memo ?? {};
  return {
    problem: isConnectionProblem(problem)
      ? problem
      : { code: 'unknown', message: 'its credential or account does not work', remedy: null },
    since: typeof since === 'string' ? since : startTime.toISOString(),
  };
}

function isConnectionProblem(value: unknown): value is ConnectionProblem {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'message' in value &&
    typeof value.message === 'string' &&
    'remedy' in value
  );
}
