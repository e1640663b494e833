/**
 * The messages that workers, runs and the queue of a parked connection exchange through Temporal. They contain no
 * personal data.
 *
 * How a step waits for a parked connection, and how it is released:
 *
 * 1. A step's attempt fails with class `credential` (activities/guarded-attempt.ts). The worker parks its gate for the
 *    connection (activities/connection-gate.ts) and sends the step to the connection's queue: signal `stepWaits` to
 *    workflow `connection/<name>`, which starts with the first step (ParkedConnections in runs/parked-connections.ts).
 *    While the gate is parked, other steps join the queue without a request to the provider.
 * 2. The activity fails with class `credential`, which Temporal does not retry. The run then waits for a signal
 *    (workflows/run-step.ts, ParkedSteps in workflows/parked-steps.ts).
 * 3. The queue (workflows/park-connection.ts) releases a step as a probe, at growing intervals: signal `goOn` with a
 *    {@link Release} to the step's run (workflows/handle-event.ts). The oldest step is the first probe; the steps after
 *    it follow in turn.
 * 4. The run makes the step's next attempt, with the release in the activity's input. The release lets it pass the
 *    parked gate. When the attempt succeeds, the worker opens the gate and signals `connectionWorks`; the queue
 *    releases all other steps, oldest first, and ends. When it fails with `credential` again, step 1 follows. When it
 *    ends the step in another way (`permanent`, or nothing was to be done), nothing is known of the connection: the
 *    worker signals `probeOver`, and the queue releases the next step without waiting for the interval. A probe that
 *    ends after the next one was released changes nothing.
 *
 * A part of a connection that refuses alone (a scope that the token lacks) has a queue of its own, under the name
 * `<connection>/<part>`. Its gate is shown and holds nothing back: every new step asks for itself, because the provider
 * may refuse this step and accept that one.
 *
 * Every worker compares its gates with the queues every ten seconds (worker/refresh-gates.ts).
 *
 * Field names are contracts: they are in the histories of runs that are open.
 */

/** Why a connection is parked. */
export interface ConnectionProblem {
  code: string;
  message: string;
  /** What the operator should do. */
  remedy: string | null;
}

/** A step that waits for a parked connection. */
export interface WaitingStep {
  /** Workflow id of its run. */
  run: string;
  /** `<rule>/<step id>`: identifies the step within its run. */
  step: string;
  /** When the step began (RFC 3339). The queue is ordered by it. */
  began_at: string;
}

/**
 * Signal `stepWaits` to the queue. `problem` is null when the step was held back, without a request to the provider.
 */
export interface StepWaits {
  step: WaitingStep;
  problem: ConnectionProblem | null;
}

/** Argument of signal `probeOver`: the probe that is over. Absent in the signals of earlier versions. */
export type ProbeId = Pick<WaitingStep, 'run' | 'step'>;

/** Signal `goOn` from the queue to a run: one of its steps may make its next attempt. */
export interface Release {
  /** As in {@link WaitingStep}. */
  step: string;
  connection: string;
  /** Whether the queue waits for this attempt's success before it releases other steps. */
  probe: boolean;
}

/** How often a parked connection is probed, and how fast its steps are released. */
export interface ParkingPace {
  /** Delay of the first probe after the failure. Each later delay is twice the one before, up to `longest_ms`. */
  first_ms: number;
  longest_ms: number;
  /** Steps released per second when the connection works again. */
  let_go_per_second: number;
  /** The workflow continues as new when its history has this many events. */
  history_events: number;
}

/** Input of workflow `parkConnection`. */
export interface ParkConnectionInput {
  connection: string;
  pace: ParkingPace;
  problem: ConnectionProblem;
  /** The queue, oldest first: empty at the start, filled when the workflow continues as new. */
  waiting: WaitingStep[];
  /** Null at the start. */
  progress: ParkingProgress | null;
  /**
   * Whether the waiting steps are probes in turn, so that one that cannot succeed does not keep the others waiting.
   * Absent in workflows that earlier versions started: their probe is always the oldest step.
   */
  probes_in_turn?: true;
  /**
   * Whether the next probe waits for the end of the one under way, for twice `first_ms` at most. Absent in workflows
   * that earlier versions started: their probes follow each other by the interval alone.
   */
  single_probe?: true;
}

/** State of `parkConnection` that a continue-as-new carries over, beside the queue. */
export interface ParkingProgress {
  /** When the connection was parked (RFC 3339). */
  since: string;
  /** Whether a probe succeeded: the other steps are being released. */
  works: boolean;
  /** Whether the next waiting step is to be released at once. */
  probe_at_once: boolean;
  /** Whether a probe is over without an answer, so that the next step in turn is to be released. Absent: no. */
  probe_over?: boolean;
  probe_every_ms: number;
  /** Epoch milliseconds. */
  next_probe_ms: number;
  /** The last report to the operator. */
  reported: ConnectionReport['state'] | null;
  /** The last probe, after which comes the next in turn; null to begin with the oldest. */
  probed?: WaitingStep | null;
  /** The probe under way, and until when the next one waits for its end (epoch milliseconds). Absent: none. */
  probing?: (ProbeId & { until_ms: number }) | null;
}

/** Memo of `parkConnection`, readable while no worker runs. */
export interface ParkedMemo {
  problem: ConnectionProblem;
  since: string;
}

/** Result of query `lineState` of `parkConnection`. */
export interface QueueState {
  /** Steps in the queue. Released steps are not in it. */
  waiting: number;
  /** RFC 3339; null while steps are being released. */
  next_probe_at: string | null;
}

/**
 * Argument of activity `connections.report`, which reports a connection's state to the operator, once over all workers.
 * `left`: the connection is parked and no step waits any more.
 */
export interface ConnectionReport {
  connection: string;
  state: 'parked' | 'works' | 'left';
  problem: ConnectionProblem;
}

/** A step of a run that waits for a parked connection: result of the run's query `parkedSteps`. */
export interface ParkedStep {
  rule: string;
  step: string;
  connection: string;
  code: string;
}
