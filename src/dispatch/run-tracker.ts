import type { Logger } from 'pino';
import type { RunLog } from './run-log';

/** How a run ended; `report` is the run's own, null when it left none. */
export interface RunEnding {
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  report: unknown;
}

/** What {@link RunTracker} needs. */
export interface RunTrackerOptions {
  /** Resolves when the workflow has closed. @throws when Temporal does not answer, or when `signal` aborts first. */
  ended(workflowId: string, signal: AbortSignal): Promise<RunEnding>;
  runLog: Pick<RunLog, 'openRuns'>;
  /** Whether the worker reports how runs end. Temporal is then asked only when it does not within a second. */
  endsArePushed: boolean;
  log: Logger;
  /** The run of an event has closed; or, `isInBatch`, its batch has, which left no report. */
  onEnded: (eventId: string, ending: RunEnding, isInBatch: boolean) => void;
  /** A batch has closed that has events without a known end. */
  onBatchEnded: (batch: string, ending: RunEnding) => void;
  /** Nobody asks about a run or batch any more, whether it has closed or not. */
  onUntracked: (workflowId: string) => void;
}

/** Where the worker reports ends, Temporal is asked after this time. */
const PUSHED_WITHIN_MS = 1_000;
/**
 * Runs that Temporal is asked about at a time, and for how long: a run that waits for hours must not keep others from
 * being tracked. The sweep asks about it again.
 */
const MAX_TRACKED = 500;
const TRACKED_FOR_MS = 20_000;
/** Runs that one sweep takes up; the rest is for runs that are just being started. */
const MAX_SWEPT = 300;

/** An event without a known end. */
interface OpenRun {
  /** The batch that the event is in; null when its run is its own. */
  batch: string | null;
  /** How its batch ended without a report: how the event ended, if it turns out to have no run of its own. */
  otherwise: RunEnding['status'] | null;
}

/**
 * The runs of this dispatcher that have no known end. It asks Temporal how they end: the batch for events in a batch, the
 * event's own run for others.
 */
export class RunTracker {
  readonly #open = new Map<string, OpenRun>();
  /** The events of each batch that are in {@link #open} with it. */
  readonly #batches = new Map<string, Set<string>>();
  /** Workflow ids that Temporal is being asked about. */
  readonly #tracked = new Set<string>();
  /** The last `seq` of the previous sweep; 0 when the next sweep begins with the oldest run. */
  #sweptTo = 0;
  #isStopped = false;

  constructor(private readonly options: RunTrackerOptions) {}

  /** How many runs have no known end. */
  get size(): number {
    return this.#open.size;
  }

  /** Adds the run of an event that is about to be started. @param batch the batch that it is started in, if any. */
  add(eventId: string, batch: string | null = null): void {
    this.#setBatch(eventId, batch);
  }

  /** Removes a run that has ended or was not started. @returns whether it was open. */
  remove(eventId: string): boolean {
    this.#leaveBatch(eventId);
    return this.#open.delete(eventId);
  }

  /** The events in a batch whose end is not known, and that have no known run of their own. */
  openIn(batch: string): string[] {
    return [...(this.#batches.get(batch) ?? [])];
  }

  /** Tracks a started run or batch until its end is known. @param workflowId the event id, or that of the batch. */
  track(workflowId: string): void {
    if (!this.options.endsArePushed) {
      this.#awaitEnd(workflowId);
    } else if (this.#isOpen(workflowId)) {
      setTimeout(() => this.#awaitEnd(workflowId), PUSHED_WITHIN_MS).unref();
    }
  }

  /**
   * Tracks an event of a batch by its own run from now on.
   * @param otherwise how the batch ended, when it is not known whether there is such a run.
   */
  trackOwnRun(eventId: string, otherwise: RunEnding['status'] | null = null): void {
    if (this.#open.has(eventId)) {
      this.#setBatch(eventId, null, otherwise);
      this.track(eventId);
    }
  }

  /**
   * Takes up open runs that nobody tracks, the next ones at each call.
   * @param recorded events whose end, or whose own run, is known and not in the run log yet.
   * @throws the run log's error.
   */
  sweep(recorded: ReadonlySet<string>): void {
    const open = this.options.runLog.openRuns(MAX_SWEPT, this.#sweptTo);
    this.#sweptTo = open.length < MAX_SWEPT ? 0 : (open.at(-1)?.seq ?? 0);
    for (const { event_id, batch, own_run } of open.filter((run) => !recorded.has(run.event_id))) {
      const known = this.#open.get(event_id) ?? { batch: own_run ? null : batch, otherwise: null };
      this.#setBatch(event_id, known.batch, known.otherwise);
      this.#awaitEnd(known.batch ?? event_id);
    }
  }

  /** Asks about no further runs. */
  stop(): void {
    this.#isStopped = true;
  }

  #setBatch(eventId: string, batch: string | null, otherwise: RunEnding['status'] | null = null): void {
    this.#leaveBatch(eventId);
    this.#open.set(eventId, { batch, otherwise });
    if (batch !== null) {
      const events = this.#batches.get(batch) ?? new Set();
      this.#batches.set(batch, events.add(eventId));
    }
  }

  #leaveBatch(eventId: string): void {
    const batch = this.#open.get(eventId)?.batch ?? null;
    const events = batch === null ? undefined : this.#batches.get(batch);
    if (batch !== null && events?.delete(eventId) === true && events.size === 0) {
      this.#batches.delete(batch);
    }
  }

  #isOpen(workflowId: string): boolean {
    return this.#batches.has(workflowId) || this.#open.get(workflowId)?.batch === null;
  }

  /** Asks Temporal how a run or batch ends; Temporal answers when it has closed. */
  #awaitEnd(workflowId: string): void {
    const { log, onUntracked } = this.options;
    if (
      !this.#isOpen(workflowId) ||
      this.#tracked.has(workflowId) ||
      this.#tracked.size >= MAX_TRACKED ||
      this.#isStopped
    ) {
      return;
    }
    this.#tracked.add(workflowId);
    this.options
      .ended(workflowId, AbortSignal.timeout(TRACKED_FOR_MS))
      .then((ending) => this.#onEnded(workflowId, ending))
      .catch((error: unknown) =>
        log.debug({ workflow_id: workflowId, problem: describe(error) }, 'the end of a run is not known yet'),
      )
      .finally(() => {
        this.#tracked.delete(workflowId);
        onUntracked(workflowId);
      });
  }

  #onEnded(workflowId: string, ending: RunEnding): void {
    if (this.#batches.has(workflowId)) {
      this.options.onBatchEnded(workflowId, ending);
      return;
    }
    const otherwise = this.#open.get(workflowId)?.otherwise ?? null;
    // Without a run of its own, the event ended as its batch did.
    const isInBatch = ending.status === 'unknown' && otherwise !== null;
    this.options.onEnded(workflowId, isInBatch ? { status: otherwise, report: null } : ending, isInBatch);
  }
}

/** The outcome that a run is listed under: that of its report, or how Temporal closed it. */
export function outcomeOf(ending: RunEnding): string {
  const { report } = ending;
  const outcome: unknown = typeof report === 'object' && report !== null && 'outcome' in report ? report.outcome : null;
  return typeof outcome === 'string' ? outcome : ending.status;
}

/** An error in a few words. gRPC messages name our services and addresses, never an event's content. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : 'unknown error';
}
