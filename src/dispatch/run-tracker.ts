import type { Logger } from 'pino';
import type { RunLog } from './run-log';

/** How a run ended; `report` is the run's own, null when it left none. */
export interface RunEnding {
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  report: unknown;
}

/** What {@link RunTracker} needs. */
export interface RunTrackerOptions {
  /** Resolves when the run has closed. @throws when Temporal does not answer, or when `signal` aborts first. */
  ended(eventId: string, signal: AbortSignal): Promise<RunEnding>;
  runLog: Pick<RunLog, 'openRuns'>;
  /** Whether the worker reports how runs end. Temporal is then asked only when it does not within a second. */
  endsArePushed: boolean;
  log: Logger;
  /** A tracked run has closed. */
  onEnded: (eventId: string, ending: RunEnding) => void;
  /** Nobody asks about a run any more, whether it has closed or not. */
  onUntracked: (eventId: string) => void;
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

/** The runs of this dispatcher that have no known end. It asks Temporal how they end. */
export class RunTracker {
  readonly #open = new Set<string>();
  readonly #tracked = new Set<string>();
  /** The last `seq` of the previous sweep; 0 when the next sweep begins with the oldest run. */
  #sweptTo = 0;
  #isStopped = false;

  constructor(private readonly options: RunTrackerOptions) {}

  /** How many runs have no known end. */
  get size(): number {
    return this.#open.size;
  }

  /** Adds a run that is about to be started. */
  add(eventId: string): void {
    this.#open.add(eventId);
  }

  /** Removes a run that has ended or was not started. @returns whether it was open. */
  remove(eventId: string): boolean {
    return this.#open.delete(eventId);
  }

  /** Tracks a started run until its end is known. */
  track(eventId: string): void {
    if (!this.options.endsArePushed) {
      this.#awaitEnd(eventId);
    } else if (this.#open.has(eventId)) {
      setTimeout(() => this.#awaitEnd(eventId), PUSHED_WITHIN_MS).unref();
    }
  }

  /**
   * Takes up open runs that nobody tracks, the next ones at each call.
   * @param ended runs whose end is known and not in the run log yet.
   * @throws the run log's error.
   */
  sweep(ended: ReadonlySet<string>): void {
    const open = this.options.runLog.openRuns(MAX_SWEPT, this.#sweptTo);
    this.#sweptTo = open.length < MAX_SWEPT ? 0 : (open.at(-1)?.seq ?? 0);
    for (const { event_id } of open.filter((run) => !ended.has(run.event_id))) {
      this.#open.add(event_id);
      this.#awaitEnd(event_id);
    }
  }

  /** Asks about no further runs. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Asks Temporal how the run ends; Temporal answers when it has closed. */
  #awaitEnd(eventId: string): void {
    const { log, onEnded, onUntracked } = this.options;
    if (
      !this.#open.has(eventId) ||
      this.#tracked.has(eventId) ||
      this.#tracked.size >= MAX_TRACKED ||
      this.#isStopped
    ) {
      return;
    }
    this.#tracked.add(eventId);
    this.options
      .ended(eventId, AbortSignal.timeout(TRACKED_FOR_MS))
      .then((ending) => onEnded(eventId, ending))
      .catch((error: unknown) =>
        log.debug({ event_id: eventId, problem: describe(error) }, 'the end of a run is not known yet'),
      )
      .finally(() => {
        this.#tracked.delete(eventId);
        onUntracked(eventId);
      });
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
