import type { ClosedRun, RunLog, StartedRun } from './run-log';
import type { StartWindow } from './start-window';

/** Starts and ends are recorded together, after this time at the latest. */
const FLUSH_AFTER_MS = 10;

/** What {@link RunRecorder} needs. */
export interface RunRecorderOptions {
  runLog: Pick<RunLog, 'markStarted' | 'markOwnRuns' | 'markClosed'>;
  window: StartWindow;
  /** Called when the run log could not be written. Nothing is lost: it is kept in memory for the next flush. */
  onFailed: (error: unknown) => void;
}

/** Collects starts and ends of runs, and records them in the run log together. */
export class RunRecorder {
  #started: StartedRun[] = [];
  /** Event ids. */
  #ownRuns: string[] = [];
  #closed: ClosedRun[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RunRecorderOptions) {}

  /** Whether a flush is scheduled. */
  get isScheduled(): boolean {
    return this.#timer !== undefined;
  }

  /** Records that Temporal accepted a run. Call {@link flushSoon} when the start window knows it, too. */
  recordStart(run: StartedRun): void {
    this.#started.push(run);
  }

  /** Records how a run ended. A later end of the same run replaces it. */
  recordEnd(run: ClosedRun): void {
    this.#closed.push(run);
    this.flushSoon();
  }

  /** Records that an event of a batch goes on in a run of its own. */
  recordOwnRun(eventId: string): void {
    this.#ownRuns.push(eventId);
    this.flushSoon();
  }

  /** Event ids of runs whose end is known and not in the run log yet. */
  unrecordedEnds(): Set<string> {
    return new Set(this.#closed.map(({ event_id }) => event_id));
  }

  flushSoon(): void {
    this.#timer ??= setTimeout(() => {
      try {
        this.flush();
      } catch (error) {
        this.options.onFailed(error);
      }
    }, FLUSH_AFTER_MS);
  }

  /**
   * Writes what was collected, and the watermark.
   * @throws the run log's error; everything is kept for the next flush then.
   */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { runLog, window } = this.options;
    const started = this.#started;
    const watermark = window.watermark();
    // What became of a run may be known before its start is answered; the run log has no row for it then.
    const ownRuns = this.#ownRuns.filter((eventId) => !window.isInProgress(eventId));
    const closed = this.#closed.filter(({ event_id }) => !window.isInProgress(event_id));
    if (started.length > 0 || watermark !== null) {
      runLog.markStarted(started, watermark ?? undefined);
      this.#started = this.#started.slice(started.length);
      window.passWatermark(watermark ?? 0);
    }
    if (ownRuns.length > 0) {
      runLog.markOwnRuns(ownRuns);
      this.#ownRuns = this.#ownRuns.filter((eventId) => !ownRuns.includes(eventId));
    }
    if (closed.length > 0) {
      runLog.markClosed(closed);
      this.#closed = this.#closed.filter((run) => !closed.includes(run));
    }
  }
}
