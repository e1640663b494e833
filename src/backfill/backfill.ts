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
  /** The look of the safety net. */
  everyMs: number;
  /** How far back it looks at most, whatever happened. */
  longestGapMs: number;
  /** How often it is noted that the bridge is alive. */
  heartbeatMs: number;
  /** A pause in that longer than this is a gap worth a word in the log. */
  gapMs: number;
  /** The second look after a start: what the first left to the webhooks has settled by then. */
  secondLookMs: number;
  /** A pass that met its bounds goes on after this. */
  goOnMs: number;
  /** After a failure it is tried again after this, then after twice as long, up to `everyMs`. */
  againMs: number;
  /** {@link RunningBackfill.stop} waits this long for a page under way. */
  stopMs: number;
}

const TIMINGS: Omit<BackfillTimings, 'everyMs' | 'longestGapMs'> = {
  heartbeatMs: 10_000,
  gapMs: 30_000,
  secondLookMs: 90_000,
  goOnMs: 5_000,
  againMs: 30_000,
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
   * When the newest event in the inbox came; null when it is empty. Where to begin should backfill's own progress be
   * unreadable.
   */
  newestEventAt: Date | null;
  timings: Pick<BackfillTimings, 'everyMs' | 'longestGapMs'> & Partial<BackfillTimings>;
  limits?: Partial<PassLimits>;
  now?: () => Date;
  /** Told of every pass; for tests and whoever wants to know. */
  onPass?: (result: PassResult) => void;
}

/** Backfill at work. */
export interface RunningBackfill {
  /** For /readyz. */
  state(): PartState;
  /** Ends within a bound; what is under way goes on at the next start. */
  stop(): Promise<void>;
}

/**
 * Keeps asking VoIPBIN what no webhook brought: at once after the start and again when things have settled, and from
 * then on as a safety net.
 *
 * The first start ever looks at nothing that was before it. Later starts go back to where the lists were last looked
 * through, at most `longestGapMs`; `backfill.json` in the data folder knows where that is. When the access key belongs
 * to another account than before, it begins anew.
 *
 * Never throws, never stops by itself; a failure is told once, with what to do, until it has passed.
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
  /** Between a start after a gap and the first finished pass: the gap's beginning. */
  #gapSince: Date | null = null;
  #customerKnown = false;
  #problem: PassProblem | null = null;
  readonly #told = new Set<string>();
  #failures = 0;
  #finished = 0;
  #timer: NodeJS.Timeout | undefined;
  #heart: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: BackfillOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#limits = { ...PASS_LIMITS, ...options.limits, longestGapMs: options.timings.longestGapMs };
    this.#now = options.now ?? (() => new Date());
    this.#file = new ProgressFile(options.dataDir);
    this.#progress = this.#find();
  }

  start(): void {
    this.#beat();
    this.#heart = setInterval(() => this.#beat(), this.#timings.heartbeatMs);
    this.#heart.unref();
    this.#schedule(0);
  }

  state(): PartState {
    if (this.#problem !== null) {
      return { ok: false, detail: `VoIPBIN cannot be asked what was missed: ${sentence(this.#problem)}` };
    }
    const last = this.#progress.looked_at;
    return {
      ok: true,
      detail:
        last === null
          ? 'VoIPBIN is being asked what was missed'
          : `VoIPBIN was last asked what was missed at ${shown(last)}`,
    };
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) {
      return;
    }
    this.#stopping.abort();
    clearTimeout(this.#timer);
    clearInterval(this.#heart);
    await settlesWithin(this.#underWay, this.#timings.stopMs);
    this.#progress.alive_at = this.#now();
    await this.#file.write(this.#progress).catch(() => undefined);
  }

  #find(): Progress {
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
          `what backfill had noted (backfill.json in the data folder) cannot be read; it begins anew with what happened after ${shown(from)}`,
        );
        return progressFrom(from, now);
      }
      case 'progress': {
        const { progress } = found;
        if (now.getTime() - progress.alive_at.getTime() >= this.#timings.gapMs) {
          this.#gapSince = progress.alive_at;
          log.info({}, `the bridge was away since ${shown(progress.alive_at)}; VoIPBIN is asked what was missed`);
        }
        return progress;
      }
    }
  }

  #beat(): void {
    this.#progress.alive_at = this.#now();
    this.#file.write(this.#progress).then(
      () => this.#told.delete('progress'),
      (error: unknown) =>
        this.#tellOnce('progress', `how far backfill has come cannot be kept: ${problemOf('calls', error).message}`),
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

  /** @returns when to look next. */
  async #pass(): Promise<number> {
    const { client, ingest } = this.#options;
    const { signal } = this.#stopping;
    try {
      await this.#knowCustomer();
      this.#tellOfHole();
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
      this.#tell(result);
      this.#options.onPass?.(result);
      return result.problems.length > 0 ? this.#againAfter() : this.#next(result);
    } catch (error) {
      if (!signal.aborted) {
        this.#options.metrics?.failed();
        this.#failed([problemOf('messages', error)]);
      }
      return this.#againAfter();
    }
  }

  #next({ finished }: PassResult): number {
    const { goOnMs, secondLookMs, everyMs } = this.#timings;
    if (!finished) {
      return goOnMs;
    }
    this.#finished += 1;
    return this.#finished === 1 ? Math.min(secondLookMs, everyMs) : everyMs;
  }

  #tellOfHole(): void {
    const { longestGapMs } = this.#timings;
    if (isGapTooLong(this.#progress, longestGapMs, this.#now())) {
      const from = shown(this.#now().getTime() - longestGapMs);
      this.#tellOnce(
        'hole',
        `VoIPBIN has not been asked for longer than backfill.longest_gap; what was before ${from} is not looked for (bridge backfill --since does that)`,
      );
    }
  }

  /**
   * Progress is about one account. With another one's key, that one's past would be taken for a gap, and its old texts
   * answered.
   */
  async #knowCustomer(): Promise<void> {
    if (this.#customerKnown) {
      return;
    }
    const customer = await this.#options.client.getCustomerId(this.#stopping.signal);
    const before = this.#progress.customer;
    if (before !== null && before !== customer) {
      this.#progress = progressFrom(this.#now(), this.#now(), customer);
      this.#options.log.warn(
        {},
        'the access key belongs to another VoIPBIN account than before; what that account did until now is not looked for',
      );
    }
    this.#progress.customer = customer;
    this.#customerKnown = true;
  }

  #tell({ report, finished, problems }: PassResult): void {
    const { log } = this.#options;
    if (report.total > 0) {
      const isExpected = this.#gapSince !== null || this.#finished === 0;
      const hint = isExpected ? '' : "; no webhook had brought them: look whether VoIPBIN's webhook URI points here";
      log[isExpected ? 'info' : 'warn'](
        { recovered: report.total, wanted: report.wanted, by_type: report.byType() },
        `recovered ${report.describe()}${hint}`,
      );
    }
    if (report.invalid > 0) {
      log.error(
        { refused: report.invalid },
        'the bridge could not make events of resources that VoIPBIN lists; they are kept (bridge events list --quarantine): please report this',
      );
    }
    if (problems.length > 0) {
      this.#failed(problems);
    } else if (this.#problem !== null) {
      log.info({}, 'VoIPBIN can be asked again what was missed');
      this.#problem = null;
      this.#failures = 0;
      this.#told.clear();
    }
    if (finished) {
      if (this.#gapSince !== null && report.total === 0) {
        log.info(
          {},
          `VoIPBIN's lists are looked through; there is nothing more that was missed since ${shown(this.#gapSince)}`,
        );
      }
      this.#gapSince = null;
      this.#told.delete('hole');
    }
  }

  #failed(problems: readonly PassProblem[]): void {
    this.#failures += 1;
    this.#problem = problems[0] ?? null;
    for (const problem of problems) {
      this.#tellOnce(
        `${problem.code} ${problem.message}`,
        `VoIPBIN cannot be asked what was missed: ${sentence(problem)} It is tried again; webhooks are taken as ever.`,
      );
    }
  }

  #againAfter(): number {
    const { againMs, everyMs } = this.#timings;
    const backoff = Math.min(againMs * 2 ** Math.min(this.#failures - 1, 20), Math.max(everyMs, againMs));
    return Math.max(backoff, this.#problem?.retryAfterMs ?? 0);
  }

  #tellOnce(about: string, message: string): void {
    if (!this.#told.has(about)) {
      this.#told.add(about);
      this.#options.log.warn({}, message);
    }
  }
}

function sentence({ message, remedy }: PassProblem): string {
  return `${message}.${remedy === null ? '' : ` ${remedy}`}`;
}
