/**
 * What workers, runs and the line of a parked connection tell each other, over Temporal. Nothing here holds personal
 * data.
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
  /** `<rule>/<step id>`: which step of that run. */
  step: string;
  /** When the step began (RFC 3339): the line is ordered by it. */
  began_at: string;
}

/**
 * Signal of a run's step to the line: it waits. `problem` is null when the step was only held back, and asked the
 * provider nothing.
 */
export interface StepWaits {
  step: WaitingStep;
  problem: ConnectionProblem | null;
}

/** Signal of the line to a run: one of its steps may try now. */
export interface GoOn {
  step: string;
  connection: string;
  /** Whether the line waits to hear if this one gets through. */
  probe: boolean;
}

/** How the line of a parked connection goes about it. */
export interface LinePace {
  /** The first probe comes this long after the failure; each later one after twice the time, up to `longest_ms`. */
  first_ms: number;
  longest_ms: number;
  /** How many steps go on in a second when the connection works again. */
  let_go_per_second: number;
  /** The line continues as a new run of its workflow when its history has this many events. */
  history_events: number;
}

/**
 * Input of workflow `parkConnection`. What is not there yet is null at the start, and filled in when it continues as
 * new.
 */
export interface ParkConnectionInput {
  connection: string;
  pace: LinePace;
  problem: ConnectionProblem;
  /** The line, oldest first. */
  waiting: WaitingStep[];
  progress: LineProgress | null;
}

/** How far a line has come. */
export interface LineProgress {
  /** When the connection was parked (RFC 3339). */
  since: string;
  /** Whether the connection was heard to work: the steps are being let go. */
  works: boolean;
  /** Whether the next step that waits is to try at once. */
  probe_at_once: boolean;
  probe_every_ms: number;
  /** Milliseconds since the epoch. */
  next_probe_ms: number;
  /** What was reported last. */
  reported: ConnectionReport['state'] | null;
}

/** Memo of `parkConnection`, which Temporal can tell while no worker runs. */
export interface ParkedMemo {
  problem: ConnectionProblem;
  since: string;
}

/** Answer of the line to a query. */
export interface LineState {
  /** Steps in the line; one that has been let go is not. */
  waiting: number;
  /** RFC 3339; null while steps are being let go. */
  next_probe_at: string | null;
}

/**
 * Argument of the activity that reports, once over all workers, what became of a connection: `left` means that nobody
 * waits any more.
 */
export interface ConnectionReport {
  connection: string;
  state: 'parked' | 'works' | 'left';
  problem: ConnectionProblem;
}

/** A step of a run that waits for a parked connection, as the run itself tells. */
export interface ParkedStep {
  rule: string;
  step: string;
  connection: string;
  code: string;
}
