import type { Logger } from 'pino';
import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { ReportSoFar } from '../runs/run-contract';
import type { LaterRun } from '../runs/start-run';
import { WakeableSleep } from '../timing/wakeable-sleep';
import type { RunLog } from './run-log';
import { RunRecorder } from './run-recorder';
import { RunSlots } from './run-slots';
import { describe, outcomeOf, RunTracker, type RunEnding } from './run-tracker';
import { StartWindow, type Start } from './start-window';

/** An event that matched a rule and has no run yet. */
export interface PendingEvent {
  /** Position in the inbox: 1, 2, 3, ... in the order of arrival. */
  seq: number;
  event: CanonicalEvent;
  plan: Plan;
}

/** A pending event that cannot be read, except its position and id: the inbox was damaged. */
export interface UnreadableEvent {
  seq: number;
  event_id: string;
}

/** The pending events, as the inbox has them. */
export interface PendingEvents {
  /**
   * The oldest pending events after `seq`, oldest first. @param onUnreadable called for those that cannot be read, which
   * are left out.
   */
  pendingAfter(seq: number, limit: number, onUnreadable: (unreadable: UnreadableEvent) => void): PendingEvent[];
  /** Every event up to this `seq` was started, even if the run log does not have it. */
  dispatchedThrough(): number;
}

/** What Temporal answered to a start. `refused`: it will never accept this run. */
export type StartResult =
  { outcome: 'started'; runId: string } | { outcome: 'exists' } | { outcome: 'refused'; reason: string };

/** Starts runs at Temporal, and waits for their end. */
export interface RunStarter {
  /** @throws when the start may succeed later (Temporal is not reachable). */
  start(event: CanonicalEvent, plan: Plan, later?: LaterRun & { workflowId: string }): Promise<StartResult>;
  /** Resolves when the run has closed. @throws when Temporal does not answer, or when `signal` aborts first. */
  ended(workflowId: string, signal: AbortSignal): Promise<RunEnding>;
}

/** Asks runs what they did. */
export interface RunReports {
  /**
   * Asks a run, open or closed, for its report with the results of its steps. Null when Temporal does not have the run,
   * or no longer. @throws when Temporal or a worker does not answer.
   */
  report(workflowId: string): Promise<ReportSoFar | null>;
}

export interface DispatcherOptions {
  events: PendingEvents;
  runLog: Pick<RunLog, 'watermark' | 'startedAfter' | 'markStarted' | 'markClosed' | 'openRuns' | 'prune'>;
  /** Runs that closed longer ago are deleted from the run log. Milliseconds. */
  forgetAfterMs: number;
  starter: RunStarter;
  /** Runs in flight at a time. Runs that wait (for a retry, a parked connection, a recording) do not count. */
  maxInFlight: number;
  /**
   * Whether the worker reports how runs end ({@link Dispatcher.runEnded}). Temporal is then asked only about runs whose
   * end was not reported within a second: a question that waits for the end costs Temporal's server about a sixth of
   * the run itself.
   */
  endsArePushed?: boolean;
  log: Logger;
  /** Called for every run that closed while this dispatcher tracked it. */
  onClosed?: (eventId: string, ending: RunEnding) => void;
}

/** Events that are read from the inbox at once. */
const PAGE = 200;
/** How often the inbox is read when nobody calls {@link Dispatcher.wake}. */
const POLL_MS = 500;
const SWEEP_EVERY_MS = 60_000;
/** A run that has not ended by then is taken to be waiting; sooner where the worker does not report that it waits. */
const WAITING_AFTER_MS = 3_000;
const WAITING_UNREPORTED_AFTER_MS = 1_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 10_000;

/**
 * Starts one run per pending event, oldest first, with a bounded number of runs in flight. A few starts are in progress
 * at a time, so an event can overtake the few before it, and no more.
 *
 * Guarantees: an event is started at least once, however often this process dies, because it counts as started only
 * after Temporal accepted it; never twice, because its run's id is its event id. While Temporal is not reachable the
 * start is repeated with a backoff of up to 10 s. The end of every run is recorded; runs that nobody tracks (after a
 * restart, after an outage) are asked about once a minute.
 *
 * Not guaranteed: that the end is known when Temporal has deleted the run first; it is recorded as `unknown` then.
 */
export class Dispatcher {
  readonly #window = new StartWindow();
  readonly #slots: RunSlots;
  readonly #recorder: RunRecorder;
  readonly #tracker: RunTracker;
  readonly #sleep = new WakeableSleep();
  #loop: Promise<void> = Promise.resolve();
  #sweepTimer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The first failure since the last backoff: nothing more is started before it. */
  #failure: Error | null = null;
  #problem: string | null = null;

  constructor(private readonly options: DispatcherOptions) {
    const { starter, runLog, endsArePushed = false, maxInFlight, log } = options;
    const waitingAfterMs = endsArePushed ? WAITING_AFTER_MS : WAITING_UNREPORTED_AFTER_MS;
    this.#slots = new RunSlots(maxInFlight, waitingAfterMs, () => this.wake());
    this.#recorder = new RunRecorder({ runLog, window: this.#window, onFailed: (error) => this.#fail(error) });
    this.#tracker = new RunTracker({
      ended: (eventId, signal) => starter.ended(eventId, signal),
      runLog,
      endsArePushed,
      log,
      onEnded: (eventId, ending) => this.runEnded(eventId, ending),
      onUntracked: (eventId) => this.runWaits(eventId),
    });
  }

  start(): void {
    const watermark = Math.max(this.options.runLog.watermark(), this.options.events.dispatchedThrough());
    this.#window.reset(watermark, this.options.runLog.startedAfter(watermark));
    this.#loop = this.#run();
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
    this.#sweepTimer.unref();
    this.#sweep();
  }

  /** Reads the inbox now: there may be new events. */
  wake(): void {
    this.#sleep.wake();
  }

  /** The run of this event waits for something: it releases its slot. */
  runWaits(eventId: string): void {
    this.#slots.release(eventId);
  }

  /**
   * The run of this event ended. Safe to call again for the same run: the last end is recorded. A run that this
   * dispatcher did not start is ignored.
   */
  runEnded(eventId: string, ending: RunEnding): void {
    this.#recorder.recordEnd({
      event_id: eventId,
      outcome: outcomeOf(ending),
      report: JSON.stringify(ending.report),
      closed_at: new Date(),
    });
    this.#slots.release(eventId);
    if (this.#tracker.remove(eventId)) {
      this.options.onClosed?.(eventId, ending);
    }
  }

  /** Why events are not being started; null when all is well. */
  problem(): string | null {
    return this.#problem;
  }

  /** How many runs are in flight, and how many have no known end. */
  runs(): { inFlight: number; open: number } {
    return { inFlight: this.#slots.inUse, open: this.#tracker.size };
  }

  /** Stops starting runs; resolves when the starts in progress have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#sweepTimer);
    this.#tracker.stop();
    this.wake();
    await this.#loop;
    this.#slots.releaseAll();
    try {
      this.#recorder.flush();
    } catch (error) {
      this.options.log.warn(
        { problem: describe(error) },
        'the last starts could not be recorded; they are repeated at the next start, and Temporal refuses them',
      );
    }
  }

  async #run(): Promise<void> {
    let backoffMs = BACKOFF_FIRST_MS;
    while (!this.#isStopped) {
      try {
        await this.#startPending();
        if (this.#problem === null) {
          backoffMs = BACKOFF_FIRST_MS;
        }
      } catch (error) {
        await this.#untilIdle();
        this.#failure = null;
        this.#window.rewind();
        this.#setProblem(describe(error));
        await this.#backOff(backoffMs);
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
        this.#recorder.flushSoon();
      }
    }
    await this.#untilIdle();
  }

  /** Starts one page of pending events, or sleeps when there are none. @throws the first failure. */
  async #startPending(): Promise<void> {
    const unreadable: UnreadableEvent[] = [];
    const pending = this.options.events.pendingAfter(this.#window.cursor, PAGE, (event) => unreadable.push(event));
    for (const event of pending) {
      await this.#untilSlotFree();
      if (this.#mustPause()) {
        break;
      }
      this.#begin(event);
    }
    if (!this.#mustPause()) {
      this.#skipUnreadable(unreadable);
    }
    if (pending.length === 0 && !this.#mustPause()) {
      await this.#sleep.sleep(POLL_MS);
    }
    if (this.#failure !== null) {
      throw this.#failure;
    }
    if (pending.length === 0 && !this.#recorder.isScheduled) {
      // Nothing is pending and everything is recorded, so the problem is over, even though no start has shown it.
      this.#setProblem(null);
    }
  }

  #mustPause(): boolean {
    return this.#isStopped || this.#failure !== null;
  }

  #begin(pending: PendingEvent): void {
    const { event_id } = pending.event;
    const start = this.#window.begin(pending.seq, event_id);
    if (start === null) {
      return;
    }
    // Before the start, as the run may end before its start is answered.
    this.#tracker.add(event_id);
    this.#slots.acquire(event_id);
    this.#start(pending)
      .then(
        () => {
          this.#window.end(start, true);
          this.#setProblem(null);
        },
        (error: unknown) => this.#onStartFailed(start, error),
      )
      .finally(() => {
        this.#recorder.flushSoon();
        this.wake();
      });
  }

  #onStartFailed(start: Start, error: unknown): void {
    this.#window.end(start, false);
    this.#tracker.remove(start.eventId);
    this.#slots.release(start.eventId);
    this.#failure ??= asError(error);
  }

  async #start({ seq, event, plan }: PendingEvent): Promise<void> {
    const { starter, log } = this.options;
    const { event_id } = event;
    const result = await starter.start(event, plan);
    const at = new Date();
    this.#recorder.recordStart({
      seq,
      event_id,
      run_id: result.outcome === 'started' ? result.runId : '',
      started_at: at,
    });
    if (result.outcome !== 'refused') {
      this.#tracker.track(event_id);
      return;
    }
    const { reason } = result;
    log.error({ event_id, reason }, 'Temporal refused the run of an event; the event is kept, see bridge events show');
    this.#tracker.remove(event_id);
    this.#slots.release(event_id);
    this.#recorder.recordEnd({ event_id, outcome: 'refused', report: JSON.stringify({ reason }), closed_at: at });
  }

  /** An unreadable event can never be started: it is recorded and logged, and does not block the others. */
  #skipUnreadable(unreadable: readonly UnreadableEvent[]): void {
    for (const { seq, event_id } of unreadable) {
      if (!this.#window.skip(seq)) {
        continue;
      }
      const reason = 'the event or its plan cannot be read: the inbox was damaged';
      const at = new Date();
      this.options.log.error(
        { event_id, reason },
        'an event cannot be handled; to fetch it from VoIPBIN again: bridge backfill',
      );
      this.#recorder.recordStart({ seq, event_id, run_id: '', started_at: at });
      this.#recorder.recordEnd({ event_id, outcome: 'refused', report: JSON.stringify({ reason }), closed_at: at });
    }
  }

  async #untilSlotFree(): Promise<void> {
    while (!this.#mustPause() && (this.#slots.areFull || this.#window.isFull)) {
      await this.#sleep.sleep(WAITING_AFTER_MS);
    }
  }

  /** Waits until no start is in progress. */
  async #untilIdle(): Promise<void> {
    while (!this.#window.isIdle) {
      await this.#sleep.sleep(POLL_MS);
    }
  }

  /** Waits after a failure; new events do not shorten it. */
  async #backOff(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#isStopped && performance.now() < until) {
      await this.#sleep.sleep(until - performance.now());
    }
  }

  /** The run log could not be written: nothing more is started before that succeeds. */
  #fail(error: unknown): void {
    this.#failure ??= asError(error);
    this.wake();
  }

  /** Tracks open runs that nobody tracks, and deletes runs that ended long ago. */
  #sweep(): void {
    try {
      this.#tracker.sweep(this.#recorder.unrecordedEnds());
      this.options.runLog.prune(new Date(Date.now() - this.options.forgetAfterMs));
    } catch (error) {
      this.options.log.warn(
        { problem: describe(error) },
        'old runs could not be deleted from the run log; the next attempt is in a minute',
      );
    }
  }

  #setProblem(problem: string | null): void {
    if (problem === this.#problem) {
      return;
    }
    this.#problem = problem;
    if (problem === null) {
      this.options.log.info({}, 'runs are being started again');
    } else {
      this.options.log.warn({ problem }, 'runs cannot be started; events are kept and started later');
    }
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('unknown error');
}
