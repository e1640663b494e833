import { settlesWithin } from '../timing/settles-within';
import type { InboxLog } from './inbox-log';
import { InboxUnavailable, type InboxProblem } from './inbox-unavailable';

/** Bounds of one commit. */
const MAX_BATCH_ENTRIES = 512;
const MAX_BATCH_BYTES = 16 * 1_048_576;
/** Bounds of what is not on the disk yet. */
const MAX_PENDING_ENTRIES = 20_000;
const MAX_PENDING_BYTES = 128 * 1_048_576;
/** An entry waits this long at most. VoIPBIN waits five seconds for an answer. */
const DEADLINE_MS = 4_000;
/** After an error, how often the disk is tested when no entry does so. */
const PROBE_EVERY_MS = 1_000;
/** {@link GroupCommit.close} waits this long for pending entries. */
const CLOSE_WITHIN_MS = 8_000;

/** What {@link GroupCommit} needs. */
export interface GroupCommitOptions<Entry, Result> {
  /**
   * Writes entries durably and resolves with one result per entry when they are on the disk. An empty list only tests
   * whether that is possible. When it rejects, some entries may be on the disk all the same: they are duplicates when
   * they are added again.
   */
  commit: (entries: readonly Entry[]) => Promise<readonly Result[]>;
  /** About how much memory an entry takes. Bytes. */
  sizeOf: (entry: Entry) => number;
  log: InboxLog;
  /** Called after every commit, before its entries' promises resolve. */
  onCommitted: (results: readonly Result[], tookMs: number) => void;
  /** Called for every commit that failed or was too slow. */
  onProblem: (code: string) => void;
}

/** An entry whose promise has not settled. */
interface Pending<Entry, Result> {
  entry: Entry;
  /** When it was added; `performance.now()`. */
  addedAt: number;
  resolve: (result: Result) => void;
  reject: (error: InboxUnavailable) => void;
}

/**
 * Makes entries durable in groups: what is added in one go is committed together, and what is added during a commit waits
 * for the next one. So one sync of the disk serves many entries, and a single entry waits for its
 * own only.
 *
 * Guarantees: an entry's promise resolves after the disk has it; entries are committed in the order in which they were
 * added; every promise settles within five seconds.
 *
 * Not guaranteed: that an entry which was rejected as `slow` is not committed later.
 */
export class GroupCommit<Entry, Result> {
  /** Entries for the next commits. */
  #queue: Pending<Entry, Result>[] = [];
  /** The commit in progress. Its entries may have been rejected already: as too slow. */
  #inProgress: { batch: readonly Pending<Entry, Result>[]; since: number } | null = null;
  #pendingEntries = 0;
  #pendingBytes = 0;
  #isScheduled = false;
  #deadline: NodeJS.Timeout | undefined;
  #probe: NodeJS.Timeout | undefined;
  #problem: InboxProblem | null = null;
  #isClosed = false;
  #onIdle: () => void = () => undefined;

  constructor(private readonly options: GroupCommitOptions<Entry, Result>) {}

  /** Why nothing can be committed at present; null when all is well. It ends by itself, also without traffic. */
  problem(): InboxProblem | null {
    return this.#problem;
  }

  /**
   * Commits an entry; resolves with its result when the disk has it.
   * @throws InboxUnavailable (as a rejection) when the disk refused it or was too slow, and when too much is pending.
   */
  add(entry: Entry): Promise<Result> {
    const bytes = this.options.sizeOf(entry);
    const refusal = this.#refusal(bytes);
    if (refusal !== null) {
      return Promise.reject(refusal);
    }
    this.#pendingEntries += 1;
    this.#pendingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, addedAt: performance.now(), resolve, reject });
      this.#schedule();
    });
  }

  /**
   * Commits what is pending, within a bound. Entries that are added later are rejected. Call it once.
   * @returns false when a commit is still in progress: the disk does not answer.
   */
  async close(): Promise<boolean> {
    this.#isClosed = true;
    clearTimeout(this.#probe);
    if (this.#queue.length > 0 || this.#inProgress !== null) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      this.#schedule();
      await settlesWithin(idle, CLOSE_WITHIN_MS);
    }
    clearTimeout(this.#deadline);
    this.#reject(this.#queue.splice(0), closedError());
    return this.#inProgress === null;
  }

  /** Why an entry of this size is rejected at once; null when it is not. */
  #refusal(bytes: number): InboxUnavailable | null {
    if (this.#isClosed) {
      return closedError();
    }
    // Nothing is queued behind a disk that does not answer.
    if (this.#problem?.code === 'slow') {
      return new InboxUnavailable(this.#problem.code, this.#problem.message);
    }
    const isFull =
      this.#pendingEntries >= MAX_PENDING_ENTRIES ||
      (this.#pendingBytes > 0 && this.#pendingBytes + bytes > MAX_PENDING_BYTES);
    return isFull ? busyError() : null;
  }

  #schedule(): void {
    if (!this.#isScheduled && this.#inProgress === null) {
      this.#isScheduled = true;
      process.nextTick(() => {
        this.#isScheduled = false;
        this.#commitNext();
      });
    } else {
      this.#armDeadline();
    }
  }

  #commitNext(): void {
    if (this.#inProgress === null && this.#queue.length > 0) {
      this.#commit(this.#queue.splice(0, this.#batchLength()));
    }
    this.#armDeadline();
  }

  #commit(batch: readonly Pending<Entry, Result>[]): void {
    const since = performance.now();
    this.#inProgress = { batch, since };
    this.options.commit(batch.map(({ entry }) => entry)).then(
      (results) => this.#onCommitted(batch, results, performance.now() - since),
      (error: unknown) => this.#onFailed(batch, InboxUnavailable.of(error)),
    );
  }

  /** How many entries at the head of the queue fit into one commit; at least one. */
  #batchLength(): number {
    let length = 0;
    let bytes = 0;
    for (const { entry } of this.#queue) {
      bytes += this.options.sizeOf(entry);
      if (length === MAX_BATCH_ENTRIES || (length > 0 && bytes > MAX_BATCH_BYTES)) {
        break;
      }
      length += 1;
    }
    return length;
  }

  #onCommitted(batch: readonly Pending<Entry, Result>[], results: readonly Result[], tookMs: number): void {
    this.#endProgress();
    if (this.#problem !== null) {
      this.options.log.info({ code: this.#problem.code }, 'events can be kept again');
      this.#problem = null;
    }
    if (batch.length > 0) {
      this.options.onCommitted(results, tookMs);
    }
    // The disk gets its next work before these are answered.
    this.#commitNext();
    batch.forEach(({ entry, resolve, reject }, index) => {
      this.#forget(entry);
      const result = results[index];
      if (result === undefined) {
        reject(new InboxUnavailable('unknown', 'events cannot be kept: the inbox did not answer for one of them'));
      } else {
        resolve(result);
      }
    });
    this.#resolveIfIdle();
  }

  #onFailed(batch: readonly Pending<Entry, Result>[], error: InboxUnavailable): void {
    this.#endProgress();
    this.#setProblem(error);
    this.#reject(batch, error);
    this.#scheduleProbe();
    this.#armDeadline();
    if (this.#queue.length > 0) {
      this.#schedule();
    }
    this.#resolveIfIdle();
  }

  #endProgress(): void {
    this.#inProgress = null;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** Starts the timer for the entry that has waited longest. */
  #armDeadline(): void {
    const oldest =
      this.#inProgress === null
        ? this.#queue[0]?.addedAt
        : (this.#inProgress.batch[0]?.addedAt ?? this.#inProgress.since);
    if (oldest !== undefined && this.#deadline === undefined && this.#problem?.code !== 'slow') {
      const dueInMs = oldest + DEADLINE_MS - performance.now();
      this.#deadline = setTimeout(() => this.#onDeadline(), Math.max(0, dueInMs));
    }
  }

  /** An entry has waited too long: nobody is kept waiting any longer. */
  #onDeadline(): void {
    this.#deadline = undefined;
    const inProgress = this.#inProgress;
    if (inProgress !== null && performance.now() - inProgress.since >= DEADLINE_MS / 2) {
      const error = slowError();
      this.#setProblem(error);
      inProgress.batch.forEach(({ reject }) => reject(error));
      this.#reject(this.#queue.splice(0), error);
    } else {
      // Commits succeed, but entries arrive faster.
      const error = busyError();
      this.options.log.error({ code: error.code }, error.message);
      this.options.onProblem(error.code);
      inProgress?.batch.forEach(({ reject }) => reject(error));
      this.#reject(this.#queue.splice(0), error);
      if (inProgress !== null) {
        // The commit in progress is young, but it may be the one that the disk never answers.
        const slowInMs = inProgress.since + DEADLINE_MS / 2 - performance.now();
        this.#deadline = setTimeout(() => this.#onDeadline(), Math.max(1, slowInMs + 1));
      }
    }
  }

  /** Without traffic only this finds out that the disk accepts writes again. */
  #scheduleProbe(): void {
    if (this.#probe === undefined && !this.#isClosed) {
      this.#probe = setTimeout(() => {
        this.#probe = undefined;
        if (this.#problem !== null && this.#inProgress === null) {
          this.#commit([]);
          this.#armDeadline();
        }
      }, PROBE_EVERY_MS);
      this.#probe.unref();
    }
  }

  #setProblem({ code, message }: InboxUnavailable): void {
    this.options.onProblem(code);
    if (this.#problem?.code !== code) {
      this.options.log.error({ code }, message);
    }
    this.#problem = { code, message, since: this.#problem?.since ?? new Date() };
  }

  #reject(batch: readonly Pending<Entry, Result>[], error: InboxUnavailable): void {
    for (const { entry, reject } of batch) {
      this.#forget(entry);
      reject(error);
    }
  }

  #forget(entry: Entry): void {
    this.#pendingEntries -= 1;
    this.#pendingBytes -= this.options.sizeOf(entry);
  }

  #resolveIfIdle(): void {
    if (this.#queue.length === 0 && this.#inProgress === null) {
      this.#onIdle();
    }
  }
}

function closedError(): InboxUnavailable {
  return new InboxUnavailable('closed', 'the inbox is closed');
}

function busyError(): InboxUnavailable {
  return new InboxUnavailable('busy', 'events cannot be stored: too many are waiting for the disk');
}

function slowError(): InboxUnavailable {
  return new InboxUnavailable(
    'slow',
    `events cannot be kept: the disk has not answered for ${DEADLINE_MS / 1_000} s; look at its health and load`,
  );
}
