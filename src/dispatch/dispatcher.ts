import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { WakeableSleep } from '../timing/wakeable-sleep';
import { BatchPace } from './batch-pace';
import { endsIn } from './batch-report';
import { Batches, type Batch, type NewBatch } from './batches';
import { EventStarter } from './event-starter';
import type { PendingEvent, PendingEvents, UnreadableEvent } from './pending-events';
import type { RunLog } from './run-log';
import { RunRecorder } from './run-recorder';
import { RunSlots } from './run-slots';
import type { RunStarter } from './run-starter';
import { describe, outcomeOf, RunTracker, type RunEnding } from './run-tracker';
import { StartWindow, type Start } from './start-window';

export interface DispatcherOptions {
  events: PendingEvents;
  runLog: Omit<RunLog, 'close' | 'setAside'>;
  /** Runs that closed longer ago are deleted from the run log. Milliseconds. */
  forgetAfterMs: number;
  starter: RunStarter;
  /** Runs in flight at a time. Runs that wait (for a retry, a parked connection, a recording) do not count. */
  maxInFlight: number;
  /** Whether events are started in batches while more wait than runs may be started, and while such batches make progress. */
  batches?: boolean;
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
const PAGE = 100;
/** Batches in flight beside the single runs. One that has not ended by then is taken to be waiting. */
const MAX_BATCHES = 3;
const BATCH_WAITING_AFTER_MS = 30_000;
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
 * While more events wait than runs may be started, those that may be are started in batches: one run for up to 50 events.
 * So they are for as long as batches end one after another ({@link BatchPace}): then events are held for the next batch,
 * for a second at the most after one has ended. A batch takes its events out of the next 100, so an event that may not be
 * in it is overtaken by less than 100. It is not held.
 *
 * Guarantees: an event is started at least once, however often this process dies, because it counts as started only
 * after Temporal accepted it; never twice, because its run's id is its event id, and because a batch is recorded before
 * it is started, and started again with the same events under the same id. While Temporal is not reachable the
 * start is repeated with a backoff of up to 10 s. The end of every run is recorded; runs that nobody tracks (after a
 * restart, after an outage) are asked about once a minute.
 *
 * Not guaranteed: that the end is known when Temporal has deleted the run first; it is recorded as `unknown` then.
 */
export class Dispatcher {
  readonly #window = new StartWindow();
  readonly #slots: RunSlots;
  readonly #batchSlots: RunSlots;
  readonly #pace: BatchPace;
  readonly #batches: Batches;
  readonly #starter: EventStarter;
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
    this.#batchSlots = new RunSlots(MAX_BATCHES, BATCH_WAITING_AFTER_MS, () => this.wake());
    this.#pace = new BatchPace(this.#batchSlots);
    this.#batches = new Batches(runLog, options.events);
    this.#recorder = new RunRecorder({ runLog, window: this.#window, onFailed: (error) => this.#fail(error) });
    this.#tracker = new RunTracker({
      ended: (workflowId, signal) => starter.ended(workflowId, signal),
      runLog,
      endsArePushed,
      log,
      onEnded: (eventId, ending, isInBatch) => this.#onEnded(eventId, ending, isInBatch),
      onBatchEnded: (batchId, ending) => this.batchEnded(batchId, ending),
      onUntracked: (workflowId) => this.#releaseSlot(workflowId),
    });
    this.#starter = new EventStarter({
      starter,
      recorder: this.#recorder,
      tracker: this.#tracker,
      batches: this.#batches,
      log,
      onRefused: (workflowId) => this.#releaseSlot(workflowId),
    });
  }

  start(): void {
    const watermark = Math.max(this.options.runLog.watermark(), this.options.events.dispatchedThrough());
    this.#window.reset(watermark, this.options.runLog.startedAfter(watermark));
    this.#batches.load((seq) => seq <= watermark || this.#window.isBegun(seq));
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
    this.#onEnded(eventId, ending, false);
  }

  /**
   * A batch ended. Its events are over, or go on in their own runs, as its report says; without a report, those that have
   * no run of their own ended as the batch did. Safe to call again. A batch of another dispatcher is ignored.
   */
  batchEnded(batchId: string, ending: RunEnding): void {
    this.#pace.end(batchId);
    const ends = endsIn(ending.report);
    for (const eventId of this.#tracker.openIn(batchId)) {
      const end = ends.get(eventId);
      if (end?.end === 'over') {
        this.#onEnded(eventId, { status: 'completed', report: end.report }, true);
      } else if (end?.end === 'own_run') {
        this.#recorder.recordOwnRun(eventId);
        this.#tracker.trackOwnRun(eventId);
      } else {
        this.#tracker.trackOwnRun(eventId, ending.status === 'completed' ? 'unknown' : ending.status);
      }
    }
  }

  #onEnded(eventId: string, ending: RunEnding, isInBatch: boolean): void {
    this.#recorder.recordEnd({
      event_id: eventId,
      outcome: outcomeOf(ending),
      report: JSON.stringify(ending.report),
      closed_at: new Date(),
      ...(isInBatch ? { in_batch: true } : {}),
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

  /** How many events have a run or batch in flight, and how many have no known end. */
  runs(): { inFlight: number; open: number } {
    return { inFlight: this.#slots.events + this.#batchSlots.events, open: this.#tracker.size };
  }

  /** Stops starting runs; resolves when the starts in progress have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#sweepTimer);
    this.#tracker.stop();
    this.wake();
    await this.#loop;
    this.#slots.releaseAll();
    this.#batchSlots.releaseAll();
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
    // Reading a page takes some milliseconds: what has come meanwhile, such as answers to starts, goes first.
    await nextTurn();
    let isPageDone = true;
    for (const [index, next] of pending.entries()) {
      if (this.#window.isBegun(next.seq)) {
        this.#window.pass(next.seq);
        continue;
      }
      const waiting = pending.slice(index);
      const begun = this.#batches.begun(next, waiting);
      const formed =
        begun === null && this.#isBacklog(waiting.length) ? this.#batches.form(waiting, this.#window) : null;
      if (formed !== null && !formed.isFull && index > 0 && pending.length === PAGE) {
        // More of its events may be known: the next page begins with this one.
        isPageDone = false;
        break;
      }
      // A full page shows no later events: the batch cannot grow.
      const isFull = formed?.isFull === true || pending.length === PAGE;
      const step = formed === null ? 'alone' : this.#pace.next({ ...formed, isFull });
      if (formed !== null && step === 'hold') {
        await this.#hold(formed);
        // More events may wait by now, or none is worth waiting for any more.
        isPageDone = false;
        break;
      }
      const batch = begun ?? (step === 'start' ? formed : null);
      const slots = batch === null ? this.#slots : this.#batchSlots;
      await this.#untilFree(slots);
      if (this.#mustPause() || !this.#isFree(slots)) {
        isPageDone = false;
        break;
      }
      if (batch === null) {
        this.#beginRun(next);
      } else {
        this.#beginBatch(batch);
      }
      this.#window.pass(next.seq);
    }
    if (!this.#mustPause()) {
      unreadable
        .filter(({ seq }) => (isPageDone || seq <= this.#window.cursor) && this.#window.skip(seq))
        .forEach((each) => this.#starter.refuseUnreadable(each));
    }
    if (pending.length === 0 && !this.#mustPause()) {
      await this.#sleep.sleep(POLL_MS);
    }
    if (this.#failure !== null) {
      throw this.#failure;
    }
    if (pending.length === 0 && this.#window.isIdle && !this.#recorder.isScheduled) {
      // Every start is answered and everything is recorded, so the problem is over, even though no start has shown it.
      this.#setProblem(null);
    }
  }

  #releaseSlot(workflowId: string): void {
    this.#slots.release(workflowId);
    this.#batchSlots.release(workflowId);
  }

  #mustPause(): boolean {
    return this.#isStopped || this.#failure !== null;
  }

  #isBacklog(waiting: number): boolean {
    return this.options.batches === true && this.#pace.isBacklog(waiting, this.#slots.free);
  }

  #beginRun(pending: PendingEvent): void {
    const { event_id } = pending.event;
    const start = this.#window.begin([{ seq: pending.seq, event_id }]);
    if (start === null) {
      return;
    }
    // Before the start, as the run may end before its start is answered.
    this.#tracker.add(event_id);
    this.#slots.acquire(event_id);
    this.#follow(start, this.#starter.startRun(pending), event_id);
  }

  #beginBatch(batch: Batch): void {
    const start = this.#window.begin(batch.events.map(({ seq, event }) => ({ seq, event_id: event.event_id })));
    if (start === null) {
      return;
    }
    start.events.forEach(({ event_id }) => this.#tracker.add(event_id, batch.id));
    this.#pace.begin(batch.id, start.events.length);
    this.#follow(start, this.#starter.startBatch(batch, start), batch.id);
  }

  /** Waits for the answer to a start. */
  #follow(start: Start, answered: Promise<void>, workflowId: string): void {
    answered
      .then(
        () => {
          this.#window.end(start, true);
          this.#setProblem(null);
        },
        (error: unknown) => {
          this.#window.end(start, false);
          start.events.forEach(({ event_id }) => this.#tracker.remove(event_id));
          this.#releaseSlot(workflowId);
          this.#failure ??= asError(error);
        },
      )
      .finally(() => {
        this.#recorder.flushSoon();
        this.wake();
      });
  }

  /** Waits for a slot. Ends without one when this dispatcher pauses, or a batch ended: another start may suit then. */
  async #untilFree(slots: RunSlots): Promise<void> {
    const { inUse } = this.#batchSlots;
    while (!this.#mustPause() && !this.#isFree(slots) && this.#batchSlots.inUse === inUse) {
      await this.#sleep.sleep(WAITING_AFTER_MS);
    }
  }

  #isFree(slots: RunSlots): boolean {
    return !slots.areFull && !this.#window.isFull;
  }

  /**
   * Holds events until a batch in flight ends, or batches make no progress any more. Those that may not be in a batch are
   * started meanwhile.
   */
  async #hold({ alone }: NewBatch): Promise<void> {
    const { inUse } = this.#batchSlots;
    const left = [...alone];
    while (!this.#mustPause() && this.#batchSlots.inUse === inUse && this.#pace.areProgressing) {
      const next = this.#isFree(this.#slots) ? left.shift() : undefined;
      if (next === undefined) {
        await this.#sleep.sleep(this.#pace.progressingForMs);
      } else {
        this.#beginRun(next);
      }
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
