/** What `bridge start --mode` takes. */
export const MODES = ['all', 'receiver', 'worker'] as const;
export type Mode = (typeof MODES)[number];

/** The child processes. Each is a file in `child/`, forked by `child/supervisor.ts`. */
export const CHILD_PROCESSES = {
  /** Temporal worker and dispatcher: they share a connection, which makes eager starts possible. */
  worker: { name: 'worker', file: require.resolve('./child/worker-main') },
  /** Dispatcher alone: a Temporal client in the receiver's process would slow down every answer. */
  dispatcher: { name: 'dispatcher', file: require.resolve('./child/dispatcher-main') },
} as const;
export type ChildName = keyof typeof CHILD_PROCESSES;

/** The processes of one mode. */
export interface ModeProcesses {
  /** What the process that `bridge start` is does itself. */
  main: string;
  /** The child process that it forks and keeps running; null for none. */
  child: ChildName | null;
  /** Whether it starts a Temporal dev server (a process of its own) when no Temporal is configured. */
  startsTemporal: boolean;
}

/**
 * Which processes each mode runs. Each row is carried out by the file of the same name in `modes/`.
 *
 * The receiver's process runs no worker: answers must not wait for the CPU that runs need (measured at 200 events/s: p99
 * 24 ms with the worker in a process of its own, 105 ms in one process).
 */
export const PROCESSES = {
  all: { main: 'webhook, inbox, backfill, rules, admin port', child: 'worker', startsTemporal: true },
  receiver: { main: 'webhook, inbox, backfill, rules, admin port', child: 'dispatcher', startsTemporal: false },
  worker: { main: 'worker, admin port', child: null, startsTemporal: false },
} as const satisfies Record<Mode, ModeProcesses>;
