import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type {
  ConnectionProblem,
  LinePace,
  LineState,
  ParkConnectionInput,
  ParkedMemo,
  StepWaits,
  WaitingStep,
} from './parking-contract';
import { CONNECTION_WORKS, LINE_STATE, lineId, PARK_CONNECTION, RESUME, STEP_WAITS, TASK_QUEUE } from './names';

const CALL_WITHIN_MS = 5_000;

/** DESIGN "Connectors": 30 s, then less often up to 5 min. */
const LINE_PACE: LinePace = { first_ms: 30_000, longest_ms: 300_000, let_go_per_second: 10, history_events: 2_000 };
/** A line that somebody ended by hand leaves its steps waiting; they ask after it this often. */
const ASK_AFTER_LINE_MS = 600_000;

/** A connection that is parked. */
export interface ParkedConnection extends ParkedMemo {
  /** Null when the line itself did not answer: no worker runs, or all are busy. */
  line: LineState | null;
}

/**
 * Parked connections, held as workflows: the line of a connection is a running `parkConnection` with the connection's
 * name in its id, so there is one over all workers, and it outlives them.
 *
 * Every method throws what the Temporal client throws while Temporal is away; none takes longer than five seconds.
 */
export class ParkedConnections {
  constructor(
    private readonly client: Client,
    private readonly pace: LinePace = LINE_PACE,
    readonly askAfterLineMs: number = ASK_AFTER_LINE_MS,
  ) {}

  /**
   * Puts a step whose attempt failed by the credential into the connection's line, which begins with it when there is
   * none.
   */
  async failed(connection: string, step: WaitingStep, problem: ConnectionProblem): Promise<void> {
    const input: ParkConnectionInput = { connection, pace: this.pace, problem, waiting: [], progress: null };
    const signal: StepWaits = { step, problem };
    await this.#bounded(() =>
      this.client.workflow.signalWithStart(PARK_CONNECTION, {
        workflowId: lineId(connection),
        taskQueue: TASK_QUEUE,
        args: [input],
        signal: STEP_WAITS,
        signalArgs: [signal],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `${connection} is parked`,
      }),
    );
  }

  /**
   * Puts a step that was not tried into the line. @returns false when there is no line: the connection is not parked.
   */
  heldBack(connection: string, step: WaitingStep): Promise<boolean> {
    const signal: StepWaits = { step, problem: null };
    return this.#tell(connection, STEP_WAITS, signal);
  }

  /** A step that the line let go got through. */
  async works(connection: string): Promise<void> {
    await this.#tell(connection, CONNECTION_WORKS);
  }

  /**
   * Lets the oldest waiting step try at once, as after a new credential. @returns false when the connection is not
   * parked.
   */
  resume(connection: string): Promise<boolean> {
    return this.#tell(connection, RESUME);
  }

  /** Whether the connection is parked, as Temporal knows it without any worker. */
  async ask(connection: string): Promise<ParkedMemo | null> {
    try {
      const { status, memo, startTime } = await this.#bounded(() =>
        this.client.workflow.getHandle(lineId(connection)).describe(),
      );
      return status.name === 'RUNNING' ? readMemo(memo, startTime) : null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  }

  /** Like {@link ask}, and how many wait, which the line itself tells. */
  async look(connection: string): Promise<ParkedConnection | null> {
    const parked = await this.ask(connection);
    if (parked === null) {
      return null;
    }
    try {
      return {
        ...parked,
        line: await this.#bounded(() =>
          this.client.workflow.getHandle(lineId(connection)).query<LineState>(LINE_STATE),
        ),
      };
    } catch {
      return { ...parked, line: null };
    }
  }

  async #tell(connection: string, signal: string, ...args: unknown[]): Promise<boolean> {
    try {
      await this.#bounded(() => this.client.workflow.getHandle(lineId(connection)).signal(signal, ...args));
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

/** The line writes its memo in its first task; until then Temporal knows only that it is there. */
function readMemo(memo: Record<string, unknown> | undefined, startTime: Date): ParkedMemo {
  const { problem, since } = memo ?? {};
  return {
    problem: isProblem(problem)
      ? problem
      : { code: 'unknown', message: 'its credential or account does not work', remedy: null },
    since: typeof since === 'string' ? since : startTime.toISOString(),
  };
}

function isProblem(value: unknown): value is ConnectionProblem {
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
