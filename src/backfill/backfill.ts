import type { VoipbinClient } from '../connectors/voipbin/client';
import type { PartState } from '../admin/server';
import type { Logger } from 'pino';
import type { Ingest } from '../ingest/ingest';
import { settlesWithin } from '../timing/settles-within';
import type { BackfillMetrics } from './metrics';
import { PASS_LIMITS, problemOf, runPass, type PassLimits, type PassProblem, type PassResult } from './pass';
import { isGapTooLong, ProgressFile, progressFrom, type Progress } from './progress';
import { shown } from './report';

/** When backfill does what. Milliseconds. */
export interface BackfillTimings {
  /** Between two passes, when all is well. */
  everyMs: number;
  /** The furthest that a pass goes back. */
  longestGapMs: number;
  /** How often the progress file is written, so that it shows when the bridge was last running. */
  heartbeatMs: number;
  /** A start that finds the bridge was down for longer than this logs it. */
  gapMs: number;
  /** From the first pass after a start to the second: by then, what the first left to the webhooks has settled. */
  secondPassMs: number;
  /** A pass that reached its limits is continued after this. */
  continueMs: number;
  /** The first retry after a failure; each further one waits twice as long, up to `everyMs`. */
  retryMs: number;
  /** How long {@link RunningBackfill.stop} waits for a page under way. */
  stopMs: number;
}

const TIMINGS: Omit<BackfillTimings, 'everyMs' | 'longestGapMs'> = {
  heartbeatMs: 10_000,
  gapMs: 30_000,
  secondPassMs: 90_000,
  continueMs: 5_000,
  retryMs: 30_000,
  stopMs: 5_000,
};

/** What {@link startBackfill} needs. */
export interface BackfillOptions {
  dataDir: string;
  client: Pick<VoipbinClient, 'list' | 'getCustomerId'>;
  ingest: Ingest;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  metrics: BackfillMetrics | null;
  /**
   * When the newest event in the inbox was received; null when the inbox is empty. Backfill starts there when its
   * progress file cannot be read.
   */
  newestEventAt: Date | null;
  timings: Pick<BackfillTimings, 'everyMs' | 'longestGapMs'> & Partial<BackfillTimings>;
  limits?: Partial<PassLimits>;
  now?: () => Date;
  /** Called after every pass. */
  onPass?: (result: PassResult) => void;
}

/** A running backfill. */
export interface RunningBackfill {
  /** The state for /readyz. */
  state(): PartState;
  /** Stops within `stopMs`. The next start continues what was under way. */
  stop(): Promise<void>;
}

/**
 * Reads VoIPBIN's lists for events that no webhook delivered: at the start, again once recent events have settled, and
 * from then on at intervals.
 *
 * The first start on a data folder skips everything before it. Later starts go back to where the lists were last read
 * to, by `backfill.json` in the data folder, at most `longestGapMs`. When the access key belongs to another account
 * than before, backfill starts over from now.
 *
 * Guarantees: never throws, never stops by itself. A failure is logged once, with what to do, until it is over.
 */
export function startBackfill(options: BackfillOptions): RunningBackfill {
  const backfill = new Backfill(options);
  backfill.start();
  return backfill;
}

class Backfill implements RunningBackfill {
  readonly #options: BackfillOptions;
  readonly #timings: BackfillTimings;
  readonly #limits: PassLimits;
  readonly #now: () => Date;
  readonly #file: ProgressFile;
  readonly #stopping = new AbortController();
  #progress: Progress;
  /** From a start after a gap to the first finished pass: when the gap began. */
  #gapSince: Date | null = null;
  #isCustomerKnown = false;
  #problem: PassProblem | null = null;
  readonly #logged = new Set<string>();
  #failures = 0;
  #finishedPasses = 0;
  #timer: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: BackfillOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#limits = { ...PASS_LIMITS, ...options.limits, longestGapMs: options.timings.longestGapMs };
    this.#now = options.now ?? (() => new Date());
    this.#file = new ProgressFile(options.dataDir);
    this.#progress = this.#readProgress();
  }

  start(): void {
    this.#writeHeartbeat();
    this.#heartbeat = setInterval(() => this.#writeHeartbeat(), this.#timings.heartbeatMs);
    this.#heartbeat.unref();
    this.#schedule(0);
  }

  state(): PartState {
    if (this.#problem !== null) {
      return { ok: false, detail: `missed events cannot be looked up at VoIPBIN: ${sentence(this.#problem)}` };
    }
    const last = this.#progress.looked_at;
    return {
      ok: true,
      detail:
        last === null
          ? 'looking up missed events at VoIPBIN'
          : `missed events were last looked up at VoIPBIN at ${shown(last)}`,
    };
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) {
      return;
    }
    this.#stopping.abort();
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    await settlesWithin(this.#underWay, this.#timings.stopMs);
    this.#progress.alive_at = this.#now();
    await this.#file.write(this.#progress).catch(() => undefined);
  }

  #readProgress(): Progress {
    const { log, newestEventAt } = this.#options;
    const now = this.#now();
    const found = this.#file.read();
    switch (found.found) {
      case 'none':
        return progressFrom(now, now);
      case 'unreadable': {
        const from = newestEventAt ?? now;
        log.warn(
          {},
          `backfill.json in the data folder cannot be read; backfill starts over with events after ${shown(from)}`,
        );
        return progressFrom(from, now);
      }
      case 'progress': {
        const { progress } = found;
        if (now.getTime() - progress.alive_at.getTime() >= this.#timings.gapMs) {
          this.#gapSince = progress.alive_at;
          log.info({}, `the bridge was down since ${shown(progress.alive_at)}; looking up missed events at VoIPBIN`);
        }
        return progress;
      }
    }
  }

  #writeHeartbeat(): void {
    this.#progress.alive_at = this.#now();
    this.#file.write(this.#progress).then(
      () => this.#logged.delete('progress'),
      (error: unknown) =>
        this.#warnOnce('progress', `the progress of backfill cannot be saved: ${problemOf('calls', error).message}`),
    );
  }

  #schedule(afterMs: number): void {
    if (this.#stopping.signal.aborted) {
      return;
    }
    this.#timer = setTimeout(() => {
      this.#underWay = this.#pass().then((next) => this.#schedule(next));
    }, afterMs);
    this.#timer.unref();
  }

  /** @returns milliseconds until the next pass. */
  async #pass(): Promise<number> {
    const { client, ingest } = this.#options;
    const { signal } = this.#stopping;
    try {
      await this.#identifyCustomer();
      this.#warnOfUncoveredGap();
      const result = await runPass({
        client,
        ingest,
        progress: this.#progress,
        save: () => this.#file.write(this.#progress),
        limits: this.#limits,
        now: this.#now,
        signal,
      });
      this.#options.metrics?.passed(result, this.#now());
      this.#logPass(result);
      this.#options.onPass?.(result);
      return result.problems.length > 0 ? this.#retryAfterMs() : this.#next(result);
    } catch (error) {
      if (!signal.aborted) {
        this.#options.metrics?.failed();
        this.#failed([problemOf('messages', error)]);
      }
      return this.#retryAfterMs();
    }
  }

  #next({ finished }: PassResult): number {
    const { continueMs, secondPassMs, everyMs } = this.#timings;
    if (!finished) {
      return continueMs;
    }
    this.#finishedPasses += 1;
    return this.#finishedPasses === 1 ? Math.min(secondPassMs, everyMs) : everyMs;
  }

  #warnOfUncoveredGap(): void {
    const { longestGapMs } = this.#timings;
    if (isGapTooLong(this.#progress, longestGapMs, this.#now())) {
      const from = shown(this.#now().getTime() - longestGapMs);
      this.#warnOnce(
        'gap',
        `the last look-up at VoIPBIN is longer ago than backfill.longest_gap; events before ${from} are not looked up (bridge backfill --since does that)`,
      );
    }
  }

  /**
   * Progress belongs to one account. Another account's past must not look like a gap: its old texts would be answered.
   */
  async #identifyCustomer(): Promise<void> {
    if (this.#isCustomerKnown) {
      return;
    }
    const customer = await this.#options.client.getCustomerId(this.#stopping.signal);
    const before = this.#progress.customer;
    if (before !== null && before !== customer) {
      this.#progress = progressFrom(this.#now(), this.#now(), customer);
      this.#options.log.warn(
        {},
        'the access key belongs to another VoIPBIN account than before; events of that account before now are not looked up',
      );
    }
    this.#progress.customer = customer;
    this.#isCustomerKnown = true;
  }

  #logPass({ report, finished, problems }: PassResult): void {
    const { log } = this.#options;
    if (report.total > 0) {
      const isExpected = this.#gapSince !== null || this.#finishedPasses === 0;
      const hint = isExpected ? '' : "; no webhook delivered them: check that VoIPBIN's webhook URI points here";
      log[isExpected ? 'info' : 'warn'](
        { recovered: report.total, wanted: report.wanted, by_type: report.byType() },
        `recovered ${report.describe()}${hint}`,
      );
    }
    if (report.invalid > 0) {
      log.error(
        { refused: report.invalid },
        "resources in VoIPBIN's lists could not be turned into events; they are in quarantine (bridge events list --quarantine): please report this",
      );
    }
    if (problems.length > 0) {
      this.#failed(problems);
    } else if (this.#problem !== null) {
      log.info({}, 'missed events can be looked up at VoIPBIN again');
      this.#problem = null;
      this.#failures = 0;
      this.#logged.clear();
    }
    if (finished) {
      if (this.#gapSince !== null && report.total === 0) {
        log.info({}, `no further events were missed since ${shown(this.#gapSince)}`);
      }
      this.#gapSince = null;
      this.#logged.delete('gap');
    }
  }

  #failed(problems: readonly PassProblem[]): void {
    this.#failures += 1;
    this.#problem = problems[0] ?? null;
    for (const problem of problems) {
      this.#warnOnce(
        `${problem.code} ${problem.message}`,
        `missed events cannot be looked up at VoIPBIN: ${sentence(problem)} The bridge retries; webhooks are not affected.`,
      );
    }
  }

  #retryAfterMs(): number {
    const { retryMs, everyMs } = this.#timings;
    const backoff = Math.min(retryMs * 2 ** Math.min(this.#failures - 1, 20), Math.max(everyMs, retryMs));
    return Math.max(backoff, this.#problem?.retryAfterMs ?? 0);
  }

  #warnOnce(about: string, message: string): void {
    if (!this.#logged.has(about)) {
      this.#logged.add(about);
      this.#options.log.warn({}, message);
    }
  }
}

function sentence({ message, remedy }: PassProblem): string {
  return `${message}.${remedy === null ? '' : ` ${remedy}`}`;
}
