import type { Logger } from 'pino';
import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { DispatchLog } from './dispatch-log';

/** An event that a rule wants and that has no run yet, as the inbox gives it. */
export interface PendingEvent {
  /** Place in the inbox: 1, 2, 3, ... in the order of arrival. */
  seq: number;
  event: CanonicalEvent;
  plan: Plan;
}

/** Where events wait for their run. */
export interface PendingEvents {
  /** The oldest pending events after `seq`, oldest first. */
  pendingAfter(seq: number, limit: number): PendingEvent[];
  /** Every event up to this place is known to have been started, whatever the record remembers. */
  dispatchedThrough(): number;
}

/** How a run ended; `report` is the run's own, null when nothing is known. */
export interface RunEnding {
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  report: unknown;
}

/** Starts runs and sees them end. */
export interface RunStarter {
  /** @throws when the start may be tried again later (Temporal away). */
  start(
    event: CanonicalEvent,
    plan: Plan,
  ): Promise<{ outcome: 'started'; runId: string } | { outcome: 'exists' } | { outcome: 'refused'; reason: string }>;
  /** Resolves when the run has closed. @throws when it could not be asked. */
  ended(eventId: string): Promise<RunEnding>;
}

export interface DispatcherOptions {
  events: PendingEvents;
  /** What it remembers across restarts. */
  record: Pick<DispatchLog, 'watermark' | 'startedAfter' | 'markStarted' | 'markClosed' | 'openRuns' | 'prune'>;
  /** Runs that closed longer ago are forgotten. Milliseconds. */
  forgetAfterMs: number;
  starter: RunStarter;
  /** Runs that may be under way at a time; those that wait (backoff, parked connection, recording) do not count. */
  maxInFlight: number;
  log: Logger;
  /** Called for every run that closed while this dispatcher watched it. */
  onClosed?: (eventId: string, ending: RunEnding) => void;
  onStarted?: (eventId: string) => void;
}

const BATCH = 200;
const SWEEP_EVERY_MS = 60_000;
/** How often the inbox is looked at when nobody calls {@link Dispatcher.wake}. */
const POLL_MS = 500;
/** A run that has not ended by then is taken to be waiting, and gives its place to the next. */
const WAITING_AFTER_MS = 3_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_LONGEST_MS = 10_000;
/** Runs watched at a time; the sweep takes up the others as places become free. */
const MOST_WATCHED = 500;

/**
 * Starts one run per pending event, oldest first, with a bounded number in flight.
 *
 * Guarantees: an event is started at least once, however often this process dies, because it counts as started only after Temporal
 * said so; never twice, because its run's id is its event id. While Temporal is away it tries again, less and less often, up to every 10 s.
 * How runs end is watched, and asked after once a minute for those that nobody watched (a restart, an outage). Not guaranteed: that the end is
 * known when Temporal has forgotten the run first; it is then noted as `unknown`.
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
  #startedBefore = new Set<number>();
  readonly #inFlight = new Map<string, () => void>();
  readonly #watched = new Set<string>();

  constructor(private readonly options: DispatcherOptions) {}

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

  /** Runs that are at work: started, neither closed nor waiting. */
  inFlight(): number {
    return this.#inFlight.size;
  }

  /** Why events are not being started, or null. */
  problem(): string | null {
    return this.#problem;
  }

  /** Stops starting; resolves when the start that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweeping);
    this.wake();
    await this.#loop;
    for (const giveUpPlace of this.#inFlight.values()) {
      giveUpPlace();
    }
  }

  async #run(): Promise<void> {
    let backoff = BACKOFF_FIRST_MS;
    while (!this.#stopped) {
      try {
        const pending = this.options.events.pendingAfter(this.#cursor, BATCH);
        for (const event of pending) {
          await this.#freePlace();
          if (this.#stopped) {
            return;
          }
          await this.#startOne(event);
          this.#cursor = event.seq;
          backoff = BACKOFF_FIRST_MS;
          this.#setProblem(null);
        }
        if (pending.length === 0) {
          await this.#sleep(POLL_MS);
        }
      } catch (error) {
        this.#setProblem(describe(error));
        await this.#backOff(backoff);
        backoff = Math.min(backoff * 2, BACKOFF_LONGEST_MS);
      }
    }
  }

  async #startOne({ seq, event, plan }: PendingEvent): Promise<void> {
    const { record, starter, log, onStarted } = this.options;
    if (this.#startedBefore.delete(seq)) {
      return;
    }
    const { event_id } = event;
    const start = await starter.start(event, plan);
    const at = new Date();
    const run_id = start.outcome === 'started' ? start.runId : '';
    record.markStarted([{ seq, event_id, run_id, started_at: at }], seq);
    if (start.outcome === 'refused') {
      log.error({ event_id, reason: start.reason }, 'Temporal refused the run of an event; the event is kept, see bridge events show');
      record.markClosed([{ event_id, outcome: 'refused', report: JSON.stringify({ reason: start.reason }), closed_at: at }]);
      return;
    }
    onStarted?.(event_id);
    this.#watch(event_id);
  }

  #watch(eventId: string): void {
    const timer = setTimeout(() => this.runWaits(eventId), WAITING_AFTER_MS);
    this.#inFlight.set(eventId, () => {
      clearTimeout(timer);
      this.#inFlight.delete(eventId);
      this.wake();
    });
    this.#observe(eventId);
  }

  /** Notes how the run ends, once it does. */
  #observe(eventId: string): void {
    if (this.#watched.has(eventId) || this.#watched.size >= MOST_WATCHED || this.#stopped) {
      return;
    }
    this.#watched.add(eventId);
    this.options.starter
      .ended(eventId)
      .then((ending) => {
        this.options.record.markClosed([{ event_id: eventId, outcome: outcomeOf(ending), report: JSON.stringify(ending.report), closed_at: new Date() }]);
        this.options.onClosed?.(eventId, ending);
      })
      .catch((error: unknown) => this.options.log.debug({ event_id: eventId, problem: describe(error) }, 'a run could not be watched; it is asked after later'))
      .finally(() => {
        this.#watched.delete(eventId);
        this.runWaits(eventId);
      });
  }

  async #freePlace(): Promise<void> {
    while (this.#inFlight.size >= this.options.maxInFlight && !this.#stopped) {
      await this.#sleep(WAITING_AFTER_MS);
    }
  }

  /** Takes up runs whose end nobody watches, and forgets those that ended long ago. */
  #sweep(): void {
    try {
      for (const { event_id } of this.options.record.openRuns(MOST_WATCHED)) {
        this.#observe(event_id);
      }
      this.options.record.prune(new Date(Date.now() - this.options.forgetAfterMs));
    } catch (error) {
      this.options.log.warn({ problem: describe(error) }, 'the dispatch log could not be swept; it is tried again');
    }
  }

  /** Until woken, or for `ms`. */
  async #sleep(ms: number): Promise<void> {
    if (!this.#woken && !this.#stopped) {
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
      this.options.log.warn({ problem }, 'runs cannot be started; events are kept and will be started when this is over');
    }
  }
}

/** The outcome a run is listed under: its report's, or how Temporal closed it. */
export function outcomeOf(ending: RunEnding): string {
  const { report } = ending;
  const outcome: unknown = typeof report === 'object' && report !== null && 'outcome' in report ? report.outcome : null;
  return typeof outcome === 'string' ? outcome : ending.status;
}

/** The kind of an error in a few words; gRPC messages name services and addresses of ours, never an event's content. */
function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : 'unknown error';
}
