import type { Logger } from 'pino';
import type { RunLog } from './run-log';

/** How a run ended; `report` is the run's own, null when nothing is known. */
export interface RunEnding {
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  report: unknown;
}

/** What {@link OpenRuns} needs. */
export interface OpenRunsOptions {
  /** Resolves when the run has closed. @throws when it could not be asked, or when `signal` aborts first. */
  ended(eventId: string, signal: AbortSignal): Promise<RunEnding>;
  record: Pick<RunLog, 'openRuns'>;
  /**
   * Whether somebody else tells how runs end. Temporal is then asked only about runs that nobody told of within a
   * second.
   */
  isTold: boolean;
  log: Logger;
  /** A watched run has closed. */
  onEnded: (eventId: string, ending: RunEnding) => void;
  /** A run is not watched any more, whether it has closed or not. */
  onUnwatched: (eventId: string) => void;
}

/** When somebody tells how runs end, Temporal is asked only after this. */
const TOLD_WITHIN_MS = 1_000;
/**
 * Runs watched at a time, and for how long: one that waits for hours must not keep others from being watched. The sweep
 * takes it up again.
 */
const MOST_WATCHED = 500;
const WATCHED_FOR_MS = 20_000;
/** Of these, so many are taken up by a sweep; the rest is for runs that are just being started. */
const MOST_SWEPT = 300;

/**
 * Runs whose end is not known yet, as far as this dispatcher has to do with them, and the questions to Temporal how
 * they end.
 */
export class OpenRuns {
  readonly #open = new Set<string>();
  readonly #watched = new Set<string>();
  /** How far the sweep has come round. */
  #swept = 0;
  #isStopped = false;

  constructor(private readonly options: OpenRunsOptions) {}

  get size(): number {
    return this.#open.size;
  }

  add(eventId: string): void {
    this.#open.add(eventId);
  }

  /** Its end is known, or it was never started. @returns whether it was open. */
  remove(eventId: string): boolean {
    return this.#open.delete(eventId);
  }

  /** Sees to it that the end of a run that was started is known. */
  watch(eventId: string): void {
    if (!this.options.isTold) {
      this.#observe(eventId);
    } else if (this.#open.has(eventId)) {
      setTimeout(() => this.#observe(eventId), TOLD_WITHIN_MS).unref();
    }
  }

  /**
   * Takes up some of the runs whose end nobody watches, the next ones each time. @param told those whose end is known
   * and not noted yet. @throws the record's error.
   */
  sweep(told: ReadonlySet<string>): void {
    const open = this.options.record.openRuns(MOST_SWEPT, this.#swept);
    this.#swept = open.length < MOST_SWEPT ? 0 : (open.at(-1)?.seq ?? 0);
    for (const { event_id } of open.filter((run) => !told.has(run.event_id))) {
      this.#open.add(event_id);
      this.#observe(event_id);
    }
  }

  /** Asks no more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Asks Temporal how the run ends; the answer comes once it has. */
  #observe(eventId: string): void {
    const { log, onEnded, onUnwatched } = this.options;
    if (
      !this.#open.has(eventId) ||
      this.#watched.has(eventId) ||
      this.#watched.size >= MOST_WATCHED ||
      this.#isStopped
    ) {
      return;
    }
    this.#watched.add(eventId);
    this.options
      .ended(eventId, AbortSignal.timeout(WATCHED_FOR_MS))
      .then((ending) => onEnded(eventId, ending))
      .catch((error: unknown) =>
        log.debug(
          { event_id: eventId, problem: describe(error) },
          'a run could not be watched; it is asked after later',
        ),
      )
      .finally(() => {
        this.#watched.delete(eventId);
        onUnwatched(eventId);
      });
  }
}

/** The outcome a run is listed under: its report's, or how Temporal closed it. */
export function outcomeOf(ending: RunEnding): string {
  const { report } = ending;
  const outcome: unknown = typeof report === 'object' && report !== null && 'outcome' in report ? report.outcome : null;
  return typeof outcome === 'string' ? outcome : ending.status;
}

/** The kind of an error in a few words; gRPC messages name services and addresses of ours, never an event's content. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : 'unknown error';
}
