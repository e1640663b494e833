import type { Logger } from 'pino';
import type { RunReports, RunStarter } from '../dispatch/run-starter';
import { workflowIdOf, type LaterRuns } from '../dispatch/later-runs';
import { describe, outcomeOf, type RunEnding } from '../dispatch/run-tracker';
import { RunSlots } from '../dispatch/run-slots';
import { parseLaterRunId } from '../runs/names';
import { WakeableSleep } from '../timing/wakeable-sleep';
import { remainingNow } from './run-item';
import type { Records } from './event-history';
import { retryRequest, rerunRequest } from './job';
import type { JobItem, OperationsReader, StoredJob } from './store';

/** What {@link JobRunner} needs. */
export interface JobRunnerOptions {
  records: Records;
  jobs: Pick<OperationsReader, 'confirmedJobs' | 'job' | 'items'>;
  laterRuns: LaterRuns;
  starter: RunStarter & RunReports;
  /** Whether so many new events wait that jobs must wait for them. */
  isBusy: () => boolean;
  /** Runs that ended longer ago are deleted from the record. Milliseconds. */
  forgetAfterMs: number;
  log: Logger;
}

/** Runs of jobs in flight at a time: fewer than those of new events, which go first. */
const MAX_IN_FLIGHT = 10;
/** A run that has not ended by then waits for something, and no longer counts as in flight. */
const WAITING_AFTER_MS = 3_000;
/** Jobs are looked for, and a busy bridge is asked again, so often. */
const POLL_MS = 1_000;
const BACKOFF_MS = 5_000;
const PAGE = 50;
/** Temporal is asked about open runs so often, about so many, for so long. */
const SWEEP_EVERY_MS = 30_000;
const MAX_SWEPT = 300;
const TRACKED_FOR_MS = 20_000;

/**
 * Does the jobs that operators confirmed: one run per event, oldest job first, behind new events.
 *
 * Guarantees: every event of a confirmed job that nobody cancels gets exactly one run of its number, however often this
 * process, Temporal or the machine dies. A run is recorded before it is started, its workflow id makes a second one
 * impossible, and its action keys are those of the first run.
 *
 * Not guaranteed: that a run can be made. An event that the inbox has forgotten, or whose earlier results Temporal has
 * deleted, is recorded as `refused` with the reason.
 */
export class JobRunner {
  readonly #slots = new RunSlots(MAX_IN_FLIGHT, WAITING_AFTER_MS, () => this.#sleep.wake());
  readonly #sleep = new WakeableSleep();
  readonly #tracked = new Set<string>();
  /** Where each job is: the last item that was taken up by this process. */
  readonly #cursors = new Map<string, number>();
  #loop: Promise<void> = Promise.resolve();
  #sweepTimer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #problem: string | null = null;

  constructor(private readonly options: JobRunnerOptions) {}

  start(): void {
    this.#loop = this.#run();
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
    this.#sweepTimer.unref();
    this.#sweep();
  }

  /** Why jobs do not go on; null when they do. */
  problem(): string | null {
    return this.#problem;
  }

  /**
   * The run of this workflow id ended. @returns whether it is a later run.
   */
  runEnded(workflowId: string, ending: RunEnding): boolean {
    const later = parseLaterRunId(workflowId);
    if (later === null) {
      return false;
    }
    this.options.laterRuns.ended(later.eventId, later.number, outcomeOf(ending), ending.report);
    this.#slots.release(workflowId);
    return true;
  }

  /** Stops starting runs; resolves when the start in progress has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#sweepTimer);
    this.#sleep.wake();
    await this.#loop;
    this.#slots.releaseAll();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const worked = await this.#doJobs();
        this.#problem = null;
        if (!worked) {
          await this.#sleep.sleep(POLL_MS);
        }
      } catch (error) {
        const problem = describe(error);
        if (this.#problem === null) {
          this.options.log.warn({ problem }, 'jobs wait: their runs cannot be started; they go on by themselves');
        }
        this.#problem = problem;
        await this.#sleep.sleep(BACKOFF_MS);
      }
    }
  }

  /** @returns whether there was anything to do. @throws when Temporal does not answer. */
  async #doJobs(): Promise<boolean> {
    let worked = false;
    for (const job of this.options.jobs.confirmedJobs()) {
      for (;;) {
        const items = this.options.jobs.items(job.id, this.#cursors.get(job.id) ?? 0, PAGE);
        if (items.length === 0) {
          break;
        }
        for (const item of items) {
          if (!(await this.#untilFree(job))) {
            break;
          }
          await this.#doItem(job, item);
          this.#cursors.set(job.id, item.n);
          worked = true;
        }
        if (this.#isStopped || this.#isCancelled(job)) {
          break;
        }
      }
      if (this.#isStopped) {
        break;
      }
    }
    return worked;
  }

  /** Waits for a free slot while new events go first. @returns false when the job is not to go on. */
  async #untilFree(job: StoredJob): Promise<boolean> {
    while (!this.#isStopped && (this.#slots.areFull || this.options.isBusy())) {
      await this.#sleep.sleep(POLL_MS);
    }
    return !this.#isStopped && !this.#isCancelled(job);
  }

  #isCancelled(job: StoredJob): boolean {
    return this.options.jobs.job(job.id)?.cancelled_at !== null;
  }

  async #doItem(job: StoredJob, { event_id, number, plan }: JobItem): Promise<void> {
    const { laterRuns, records, starter, log } = this.options;
    if (number === null) {
      return;
    }
    const known = laterRuns.get(event_id, number);
    if (known !== null && (known.started_at !== null || known.closed_at !== null)) {
      return;
    }
    if (known !== null && known.job !== job.id) {
      log.warn({ event_id, job: job.id }, 'another job has a run of this number; the event is left to it');
      return;
    }
    const run = { event_id, number, job: job.id, kind: job.kind, plan };
    const workflowId = workflowIdOf(run);
    const remaining = await remainingNow(records, starter, run, requestOf(job));
    laterRuns.begin(run);
    if ('refused' in remaining) {
      laterRuns.ended(event_id, number, remaining.refused === 'nothing' ? 'nothing' : 'refused', {
        reason: remaining.reason,
      });
      return;
    }
    this.#slots.acquire(workflowId);
    try {
      const result = await starter.start(remaining.event, remaining.plan, {
        workflowId,
        earlier: remaining.earlier,
        late: remaining.late,
        details: `${job.kind === 'retry' ? 'Retry' : 'Rerun'} of \`${event_id}\`, job \`${job.id}\`. Earlier run: \`${remaining.earlier.run}\``,
      });
      if (result.outcome === 'refused') {
        laterRuns.ended(event_id, number, 'refused', { reason: result.reason });
        this.#slots.release(workflowId);
        return;
      }
      // `exists`: this job started it before it could record that.
      laterRuns.started(event_id, number);
      this.#track(workflowId);
    } catch (error) {
      this.#slots.release(workflowId);
      throw error;
    }
  }

  /** Asks Temporal how open runs ended: their ends may have been missed while the bridge was down. */
  #sweep(): void {
    try {
      for (const run of this.options.laterRuns.open(MAX_SWEPT)) {
        if (run.started_at !== null) {
          this.#track(workflowIdOf(run));
        }
      }
      this.options.laterRuns.prune(new Date(Date.now() - this.options.forgetAfterMs));
    } catch (error) {
      this.options.log.warn({ problem: describe(error) }, 'the record of later runs could not be read');
    }
  }

  #track(workflowId: string): void {
    if (this.#isStopped || this.#tracked.has(workflowId)) {
      return;
    }
    this.#tracked.add(workflowId);
    this.options.starter
      .ended(workflowId, AbortSignal.timeout(TRACKED_FOR_MS))
      .then((ending) => {
        if (!this.#isStopped) {
          this.runEnded(workflowId, ending);
        }
      })
      .catch((error: unknown) =>
        this.options.log.debug({ problem: describe(error) }, 'the end of a later run is not known yet'),
      )
      .finally(() => this.#tracked.delete(workflowId));
  }
}

function requestOf(job: StoredJob): { late: boolean; again: boolean } & ReturnType<typeof retryRequest.parse> {
  const value: unknown = JSON.parse(job.request);
  if (job.kind === 'retry') {
    return { again: false, ...retryRequest.parse(value) };
  }
  return rerunRequest.parse(value);
}
