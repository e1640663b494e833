import type { Logger } from 'pino';
import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { ClosedRun, RunLog, StartedRun } from './run-log';
import { describe, OpenRuns, outcomeOf, type RunEnding } from './run-tracker';

/** An event that a rule wants and that has no run yet, as the inbox gives it. */
export interface PendingEvent {
  /** Place in the inbox: 1, 2, 3, ... in the order of arrival. */
  seq: number;
  event: CanonicalEvent;
  plan: Plan;
}

/** A pending event of which nothing but its place and id can be read: the store was damaged. */
export interface UnreadableEvent {
  seq: number;
  event_id: string;
}

/** Where events wait for their run. */
export interface PendingEvents {
  /**
   * The oldest pending events after `seq`, oldest first. @param onUnreadable told of those that cannot be read, which
   * are left out.
   */
  pendingAfter(seq: number, limit: number, onUnreadable: (unreadable: UnreadableEvent) => void): PendingEvent[];
  /** Every event up to this place is known to have been started, whatever the record remembers. */
  dispatchedThrough(): number;
}

/** Starts runs and sees them end. */
export interface RunStarter {
  /** @throws when the start may be tried again later (Temporal away). */
  start(
    event: CanonicalEvent,
    plan: Plan,
  ): Promise<{ outcome: 'started'; runId: string } | { outcome: 'exists' } | { outcome: 'refused'; reason: string }>;
  /** Resolves when the run has closed. @throws when it could not be asked, or when `signal` aborts first. */
  ended(eventId: string, signal: AbortSignal): Promise<RunEnding>;
}

export interface DispatcherOptions {
  events: PendingEvents;
  /** What it remembers across restarts. */
  record: Pick<RunLog, 'watermark' | 'startedAfter' | 'markStarted' | 'markClosed' | 'openRuns' | 'prune'>;
  /** Runs that closed longer ago are forgotten. Milliseconds. */
  forgetAfterMs: number;
  starter: RunStarter;
  /** Runs that may be under way at a time; those that wait (backoff, parked connection, recording) do not count. */
  maxInFlight: number;
  /**
   * Whether somebody else (the worker in the same process) tells how runs end, by {@link Dispatcher.runEnded}. Temporal
   * is then asked only about runs that nobody told of within a second: a question that waits for the end costs
   * Temporal's server about a sixth of the run itself.
   */
  isTold?: boolean;
  log: Logger;
  /** Called for every run that closed while this dispatcher watched it. */
  onClosed?: (eventId: string, ending: RunEnding) => void;
  onStarted?: (eventId: string) => void;
}

const BATCH = 200;
const SWEEP_EVERY_MS = 60_000;
/** How often the inbox is looked at when nobody calls {@link Dispatcher.wake}. */
const POLL_MS = 500;
/**
 * A run that has not ended by then is taken to be waiting, and gives its place to the next; sooner where nobody tells
 * that it waits.
 */
const WAITING_AFTER_MS = 3_000;
const UNTOLD_WAITING_AFTER_MS = 1_000;
/**
 * Starts under way at a time: one alone waits for the server's disk most of the time, many would overtake each other.
 */
const MOST_STARTING = 8;
/** What became of runs is noted together, at the latest after this. */
const NOTE_AFTER_MS = 10;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_LONGEST_MS = 10_000;
/** A start that was begun, in the order of the inbox. */
interface Begun {
  seq: number;
  isDone: boolean;
}

/**
 * Starts one run per pending event, oldest first, with a bounded number in flight. A few starts are under way at a
 * time, so that an event can overtake those few before it, never more.
 *
 * Guarantees: an event is started at least once, however often this process dies, because it counts as started only
 * after Temporal said so; never twice, because its run's id is its event id. While Temporal is away it tries again,
 * less and less often, up to every 10 s. How runs end is watched, and asked after once a minute for those that nobody
 * watched (a restart, an outage). Not guaranteed: that the end is known when Temporal has forgotten the run first; it
 * is then noted as `unknown`.
 */
export class Dispatcher {
  #stopped = false;
  /** A wake-up that came while nobody slept must not be lost. */
  #woken = false;
  #endSleep: () => void = () => undefined;
  #loop: Promise<void> = Promise.resolve();
  #problem: string | null = null;
  #sweeping: NodeJS.Timeout | undefined;
  #cursor = 0;
  /** Events above the watermark that are known to be started. */
  #startedBefore = new Set<number>();
  /** Ids of events whose start is not answered yet. */
  readonly #unanswered = new Set<string>();
  /** Starts that the watermark has not passed yet. */
  #begun: Begun[] = [];
  #starting = 0;
  #failure: Error | null = null;
  readonly #inFlight = new Map<string, () => void>();
  readonly #open: OpenRuns;
  #started: StartedRun[] = [];
  #closed: ClosedRun[] = [];
  #noting: NodeJS.Timeout | undefined;

  constructor(private readonly options: DispatcherOptions) {
    const { starter, record, isTold = false, log } = options;
    this.#open = new OpenRuns({
      ended: (eventId, signal) => starter.ended(eventId, signal),
      record,
      isTold,
      log,
      onEnded: (eventId, ending) => this.runEnded(eventId, ending),
      onUnwatched: (eventId) => this.runWaits(eventId),
    });
  }

  start(): void {
    this.#cursor = Math.max(this.options.record.watermark(), this.options.events.dispatchedThrough());
    this.#startedBefore = this.options.record.startedAfter(this.#cursor);
    this.#loop = this.#run();
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
    this.#sweeping.unref();
    this.#sweep();
  }

  /** There may be something new. */
  wake(): void {
    this.#woken = true;
    this.#endSleep();
  }

  /** The run of this event waits for something: it no longer counts as in flight. */
  runWaits(eventId: string): void {
    this.#inFlight.get(eventId)?.();
  }

  /**
   * The run of this event has come to its end, perhaps once more. One that is none of this dispatcher's is left alone.
   */
  runEnded(eventId: string, ending: RunEnding): void {
    // Noted whenever it is told: the one before may have been of an end that Temporal never recorded. An unknown run's
    // is noted by nobody.
    this.#closed.push({
      event_id: eventId,
      outcome: outcomeOf(ending),
      report: JSON.stringify(ending.report),
      closed_at: new Date(),
    });
    this.#noteSoon();
    this.runWaits(eventId);
    if (this.#open.remove(eventId)) {
      this.options.onClosed?.(eventId, ending);
    }
  }

  /** Why events are not being started, or null. */
  problem(): string | null {
    return this.#problem;
  }

  /** Runs that count as in flight, and those whose end is not known yet. */
  runs(): { inFlight: number; open: number } {
    return { inFlight: this.#inFlight.size, open: this.#open.size };
  }

  /** Stops starting; resolves when the starts that are under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweeping);
    this.#open.stop();
    this.wake();
    await this.#loop;
    for (const giveUpPlace of this.#inFlight.values()) {
      giveUpPlace();
    }
    try {
      this.#note();
    } catch (error) {
      this.options.log.warn(
        { problem: describe(error) },
        'what was started last could not be noted; it is started again, which Temporal refuses',
      );
    }
  }

  async #run(): Promise<void> {
    let backoff = BACKOFF_FIRST_MS;
    while (!this.#stopped) {
      try {
        const unreadable: UnreadableEvent[] = [];
        const pending = this.options.events.pendingAfter(this.#cursor, BATCH, (event) => unreadable.push(event));
        for (const event of pending) {
          await this.#freePlace();
          if (this.#stopped || this.#failure !== null) {
            break;
          }
          this.#begin(event);
        }
        if (this.#failure === null && !this.#stopped) {
          this.#passOver(unreadable);
        }
        if (pending.length === 0 && this.#failure === null) {
          await this.#sleep(POLL_MS);
        }
        if (this.#failure !== null) {
          throw this.#failure;
        }
        if (pending.length === 0 && this.#noting === undefined) {
          // Nothing waits and all is noted: whatever was wrong is over, though no start has shown it.
          this.#setProblem(null);
        }
        if (this.#problem === null) {
          backoff = BACKOFF_FIRST_MS;
        }
      } catch (error) {
        await this.#startsEnded();
        this.#goBack();
        this.#setProblem(describe(error));
        await this.#backOff(backoff);
        backoff = Math.min(backoff * 2, BACKOFF_LONGEST_MS);
        this.#noteSoon();
      }
    }
    await this.#startsEnded();
  }

  #begin(pending: PendingEvent): void {
    this.#cursor = pending.seq;
    if (this.#startedBefore.has(pending.seq)) {
      return;
    }
    const begun: Begun = { seq: pending.seq, isDone: false };
    this.#begun.push(begun);
    this.#starting += 1;
    this.#unanswered.add(pending.event.event_id);
    this.#takePlace(pending.event.event_id);
    this.#startOne(pending)
      .then(
        () => {
          begun.isDone = true;
          this.#setProblem(null);
        },
        (error: unknown) => {
          this.#open.remove(pending.event.event_id);
          this.runWaits(pending.event.event_id);
          this.#failure ??= asError(error);
        },
      )
      .finally(() => {
        this.#starting -= 1;
        this.#unanswered.delete(pending.event.event_id);
        this.#noteSoon();
        this.wake();
      });
  }

  /** What cannot be read is never going to be started: it is noted and told, and does not hold up the rest. */
  #passOver(unreadable: readonly UnreadableEvent[]): void {
    this.#cursor = Math.max(this.#cursor, ...unreadable.map(({ seq }) => seq));
    for (const { seq, event_id } of unreadable.filter((event) => !this.#startedBefore.has(event.seq))) {
      const reason = 'the event or what was to be done for it cannot be read: the store was damaged';
      const at = new Date();
      this.options.log.error(
        { event_id, reason },
        'an event cannot be handled; what VoIPBIN still knows of it comes with bridge backfill',
      );
      this.#started.push({ seq, event_id, run_id: '', started_at: at });
      this.#closed.push({ event_id, outcome: 'refused', report: JSON.stringify({ reason }), closed_at: at });
      this.#startedBefore.add(seq);
      this.#noteSoon();
    }
  }

  async #startOne({ seq, event, plan }: PendingEvent): Promise<void> {
    const { starter, log, onStarted } = this.options;
    const { event_id } = event;
    const start = await starter.start(event, plan);
    const at = new Date();
    this.#started.push({ seq, event_id, run_id: start.outcome === 'started' ? start.runId : '', started_at: at });
    if (start.outcome === 'refused') {
      log.error(
        { event_id, reason: start.reason },
        'Temporal refused the run of an event; the event is kept, see bridge events show',
      );
      this.#open.remove(event_id);
      this.runWaits(event_id);
      this.#closed.push({
        event_id,
        outcome: 'refused',
        report: JSON.stringify({ reason: start.reason }),
        closed_at: at,
      });
      return;
    }
    onStarted?.(event_id);
    this.#open.watch(event_id);
  }

  /**
   * Gives the run a place, which it keeps until it ends or waits. Before it is started: its end may be told before the
   * start is answered.
   */
  #takePlace(eventId: string): void {
    this.#open.add(eventId);
    const waiting = setTimeout(
      () => this.runWaits(eventId),
      this.options.isTold === true ? WAITING_AFTER_MS : UNTOLD_WAITING_AFTER_MS,
    );
    this.#inFlight.set(eventId, () => {
      clearTimeout(waiting);
      this.#inFlight.delete(eventId);
      this.wake();
    });
  }

  async #freePlace(): Promise<void> {
    while (
      !this.#stopped &&
      this.#failure === null &&
      (this.#inFlight.size >= this.options.maxInFlight || this.#starting >= MOST_STARTING)
    ) {
      await this.#sleep(WAITING_AFTER_MS);
    }
  }

  async #startsEnded(): Promise<void> {
    while (this.#starting > 0) {
      this.#woken = false;
      await this.#sleep(POLL_MS, true);
    }
  }

  /**
   * To before the oldest start that failed: what was not started is read again, what was started beyond it is known.
   */
  #goBack(): void {
    this.#failure = null;
    const failed = this.#begun.findIndex(({ isDone }) => !isDone);
    if (failed === -1) {
      return;
    }
    for (const { seq, isDone } of this.#begun.splice(failed)) {
      if (isDone) {
        this.#startedBefore.add(seq);
      } else {
        this.#cursor = Math.min(this.#cursor, seq - 1);
      }
    }
  }

  /**
   * What lies below the watermark is not asked about again. They were added in their order, but for a few, which stay a
   * little longer.
   */
  #forgetStarted(through: number): void {
    for (const seq of this.#startedBefore) {
      if (seq > through) {
        return;
      }
      this.#startedBefore.delete(seq);
    }
  }

  #noteSoon(): void {
    this.#noting ??= setTimeout(() => {
      try {
        this.#note();
      } catch (error) {
        // Kept in memory, and noted with the next ones; no more is started before that.
        this.#failure ??= asError(error);
        this.wake();
      }
    }, NOTE_AFTER_MS);
  }

  /** Writes down what was started and what ended, and how far all is started. */
  #note(): void {
    clearTimeout(this.#noting);
    this.#noting = undefined;
    const started = this.#started;
    // The end of a run may be told before its start is answered; there is nothing yet to note it at.
    const closed = this.#closed.filter(({ event_id }) => !this.#unanswered.has(event_id));
    const done = this.#begun.findIndex(({ isDone }) => !isDone);
    const passed = this.#begun.slice(0, done === -1 ? this.#begun.length : done);
    if (started.length > 0 || passed.length > 0) {
      this.options.record.markStarted(started, passed.at(-1)?.seq);
      this.#started = this.#started.slice(started.length);
      this.#begun = this.#begun.slice(passed.length);
      this.#forgetStarted(passed.at(-1)?.seq ?? 0);
    }
    if (closed.length > 0) {
      this.options.record.markClosed(closed);
      this.#closed = this.#closed.filter((one) => !closed.includes(one));
    }
  }

  /** Takes up runs whose end nobody watches, and forgets those that ended long ago. */
  #sweep(): void {
    try {
      this.#open.sweep(new Set(this.#closed.map(({ event_id }) => event_id)));
      this.options.record.prune(new Date(Date.now() - this.options.forgetAfterMs));
    } catch (error) {
      this.options.log.warn({ problem: describe(error) }, 'the dispatch log could not be swept; it is tried again');
    }
  }

  /** Until woken, or for `ms`; not at all once it is stopped, unless it must be. */
  async #sleep(ms: number, evenWhenStopped = false): Promise<void> {
    if (!this.#woken && (evenWhenStopped || !this.#stopped)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#endSleep = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
  }

  /** Waits out a failure: new events do not shorten it. */
  async #backOff(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#stopped && performance.now() < until) {
      this.#woken = false;
      await this.#sleep(until - performance.now());
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
      this.options.log.warn(
        { problem },
        'runs cannot be started; events are kept and will be started when this is over',
      );
    }
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('unknown error');
}
