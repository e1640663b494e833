import { InboxUnavailable, isStoreWide } from './inbox-unavailable';

interface Job {
  bytes: number;
  /** Does the job's writes and notes its result. */
  write: () => void;
  /** Tells the caller, after the commit. */
  settle: () => void;
  reject: (error: unknown) => void;
}

/** Bounds of one shared transaction: how long the event loop may stand still for it. */
const MAX_JOBS = 512;
const MAX_BYTES = 16 * 1_048_576;

/** How jobs reach the store. */
export interface CommitTarget {
  /** Runs `work` in one transaction and syncs it; throws when nothing of it was kept. */
  transact(work: () => void): void;
  /** A transaction came through. */
  committed(jobs: number, tookMs: number): void;
  /** Nothing of a transaction was kept. `storeWide`: no job is to blame. */
  rolledBack(error: unknown, storeWide: boolean): void;
}

/**
 * Writes that arrived together share one transaction, hence one fsync.
 *
 * libsql is synchronous, so "meanwhile" is one turn of the event loop: while a commit waits for the disk, requests pile up in the kernel; the next
 * turn reads them all, and their jobs are committed together when it ends (setImmediate). Alone, a job waits for nothing but its own fsync.
 *
 * Guarantees: a job's promise resolves only after the commit that holds its writes; jobs run in the order in which they were added; when a
 * transaction fails all its jobs reject. A job that throws something that is no trouble of the store rejects alone.
 */
export class GroupCommit {
  #queue: Job[] = [];
  #scheduled = false;
  readonly #target: CommitTarget;

  constructor(target: CommitTarget) {
    this.#target = target;
  }

  /**
   * Adds a job to the next transaction.
   * @param bytes about how much it writes; a transaction is bounded by it.
   * @throws InboxUnavailable (as a rejection) when the store does not take it.
   */
  add<Result>(bytes: number, work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      let settle = (): void => reject(new InboxUnavailable('unknown', 'the write was never run'));
      const write = (): void => {
        const result = work();
        settle = () => resolve(result);
      };
      this.#queue.push({ bytes, write, settle: () => settle(), reject });
      this.#schedule();
    });
  }

  /** Commits all that waits, now. */
  drain(): void {
    while (this.#queue.length > 0) {
      this.#commitNext();
    }
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#commitNext();
        if (this.#queue.length > 0) {
          this.#schedule();
        }
      });
    }
  }

  #commitNext(): void {
    const jobs = this.#takeBatch();
    if (jobs.length === 0) {
      return;
    }
    const failure = this.#attempt(jobs);
    if (failure === null) {
      return;
    }
    if (failure.storeWide || jobs.length === 1) {
      for (const job of jobs) {
        job.reject(InboxUnavailable.of(failure.error));
      }
      return;
    }
    // One job spoils the batch: each gets a transaction of its own, so that only the guilty one is refused.
    for (const job of jobs) {
      const alone = this.#attempt([job]);
      if (alone !== null) {
        job.reject(InboxUnavailable.of(alone.error));
      }
    }
  }

  #attempt(jobs: Job[]): { error: unknown; storeWide: boolean } | null {
    const began = performance.now();
    try {
      this.#target.transact(() => {
        for (const job of jobs) {
          job.write();
        }
      });
    } catch (error) {
      const storeWide = isStoreWide(error);
      this.#target.rolledBack(error, storeWide);
      return { error, storeWide };
    }
    this.#target.committed(jobs.length, performance.now() - began);
    for (const job of jobs) {
      job.settle();
    }
    return null;
  }

  #takeBatch(): Job[] {
    let bytes = 0;
    let count = 0;
    for (const job of this.#queue) {
      if (count > 0 && (count === MAX_JOBS || bytes + job.bytes > MAX_BYTES)) {
        break;
      }
      bytes += job.bytes;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}
