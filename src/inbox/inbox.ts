import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataFolderLock, makePrivateFile } from './data-folder-lock';
import { DispatchLogReader } from './dispatch-log';
import { GroupCommit } from './group-commit';
import { INBOX_FILE, prepareInbox } from './inbox-schema';
import { InboxUnavailable } from './inbox-unavailable';
import { InboxWrites, type QuarantineEntry } from './inbox-writes';
import { isDamaged, setAside, setAsideMessage, startSequenceAfterDispatched } from './recovery';
import { dropUnusedPlans, heldBytes, Pruning, type Retention } from './retention';
import { all, inTransaction, isCorruption, oneNumber, openStore, prepare, type Store } from './sqlite';
import type { InboxEntry, InboxOutcome } from './stored-event';

/** How often old events are looked for. */
const PRUNE_EVERY_MS = 30_000;
/** The pause between two slices of pruning: acks go first. */
const SLICE_PAUSE_MS = 25;
/** How often a store in trouble is tried when no event does so. */
const PROBE_EVERY_MS = 1_000;
/** The backlog is counted no further than this. */
const COUNT_AT_MOST = 100_000;

/** Where the inbox tells of what an operator should know. */
export interface InboxLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** What {@link Inbox.open} needs. */
export interface InboxOptions {
  dataDir: string;
  log: InboxLog;
  retention: Retention;
  /** Told of every transaction that came through, for metrics. */
  onCommit?: (jobs: number, tookMs: number) => void;
  /** Told whenever the store refused a transaction, for metrics. */
  onProblem?: (code: string) => void;
}

/** Why nothing can be kept at present. */
export interface InboxProblem {
  /** SQLite's name (`SQLITE_FULL`), or `unknown`. */
  code: string;
  /** For people: what is wrong and what to do. */
  message: string;
  since: Date;
}

/** Events that wait to be dispatched. */
export interface Backlog {
  /** How many; counted up to 100,000. */
  depth: number;
  /** Age of the oldest in milliseconds; 0 when there is none. */
  oldestAgeMs: number;
}

/**
 * The durable inbox: every event that was ever acknowledged (within the retention), and its only writer. `inbox.db` in the data folder.
 *
 * Guarantees
 * - What {@link append} and {@link quarantine} resolved for is on the disk: a crash or a power loss does not lose it, as far as the disk keeps
 *   its word about fsync.
 * - One event id is kept once; concurrent appends of one id give one `received` (or `ignored`) and else `duplicate`.
 * - A rule fires once for a message and its `conversation_` twin, whichever comes first.
 * - When the disk fails, appends reject and nothing half-written stays; it goes on by itself when the disk takes writes again.
 * - Events with something to do are kept until they are dispatched, whatever the retention says.
 *
 * Not guaranteed: recognising a duplicate of an event that the retention has dropped.
 */
export class Inbox {
  readonly #path: string;
  readonly #lock: DataFolderLock;
  readonly #log: InboxLog;
  readonly #options: InboxOptions;
  readonly #dispatched: DispatchLogReader;
  readonly #pruning: Pruning;
  readonly #commits: GroupCommit;
  /** Null while it has to be opened again. */
  #open: { store: Store; writes: InboxWrites } | null = null;
  #problem: InboxProblem | null = null;
  #closed = false;
  #pruneTimer: NodeJS.Timeout | undefined;
  #probeTimer: NodeJS.Timeout | undefined;

  private constructor(options: InboxOptions, lock: DataFolderLock) {
    this.#options = options;
    this.#log = options.log;
    this.#lock = lock;
    this.#path = join(options.dataDir, INBOX_FILE);
    this.#dispatched = new DispatchLogReader(options.dataDir);
    this.#pruning = new Pruning(options.retention, this.#dispatched);
    this.#commits = new GroupCommit({
      transact: (work) => inTransaction(this.#opened().store, work),
      committed: (jobs, tookMs) => this.#committed(jobs, tookMs),
      rolledBack: (error, storeWide) => this.#rolledBack(error, storeWide),
    });
  }

  /**
   * Opens the inbox, making it when there is none. After an unclean end the file is checked; a damaged one is set aside and what is
   * readable of it kept.
   * @throws DataFolderInUse when another bridge uses the data folder; InboxUnavailable when the folder cannot be written.
   */
  static open(options: InboxOptions): Inbox {
    let lock: DataFolderLock;
    try {
      lock = DataFolderLock.take(options.dataDir, 'inbox');
    } catch (error) {
      throw error instanceof Error && error.name === 'DataFolderInUse' ? error : InboxUnavailable.of(error);
    }
    const inbox = new Inbox(options, lock);
    try {
      inbox.#start();
      return inbox;
    } catch (error) {
      inbox.#closeStore();
      lock.release();
      throw error instanceof Error && error.message.includes('newer bridge') ? error : InboxUnavailable.of(error);
    }
  }

  /**
   * Keeps an event; resolves when it is on the disk.
   * @throws InboxUnavailable (as a rejection) when it could not be kept; nothing of it stays then.
   */
  append(entry: InboxEntry): Promise<InboxOutcome> {
    return this.#closed ? Promise.reject(new InboxUnavailable('closed', 'the inbox is closed')) : this.#commits.add(entry.body.length + 1_024, () => this.#opened().writes.append(entry));
  }

  /**
   * Keeps a request that is no event; resolves with its id when it is on the disk. The same body is kept once. Bounded by count and bytes, the
   * oldest making room.
   * @throws InboxUnavailable (as a rejection) when it could not be kept.
   */
  quarantine(entry: QuarantineEntry): Promise<string> {
    return this.#closed
      ? Promise.reject(new InboxUnavailable('closed', 'the inbox is closed'))
      : this.#commits.add(entry.body.length + 1_024, () => this.#opened().writes.quarantine(entry, this.#options.retention.quarantine));
  }

  /** Remembers numbers (E.164) that we have sent from, over restarts. */
  learnOurNumbers(numbers: readonly string[]): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#commits.add(1_024, () => this.#opened().writes.learnOurNumbers(numbers, new Date()));
  }

  /** The numbers remembered by {@link learnOurNumbers}. */
  ourNumbers(): string[] {
    return all(prepare(this.#opened().store, 'SELECT number FROM our_numbers')).flatMap((row) =>
      typeof row === 'object' && row !== null && 'number' in row && typeof row.number === 'string' ? [row.number] : [],
    );
  }

  /** Why nothing can be kept at present; null when all is well. It clears by itself, also without traffic. */
  problem(): InboxProblem | null {
    return this.#problem;
  }

  /** Events that wait to be dispatched, as far as the dispatch log tells. Cheap enough for every scrape. */
  backlog(now: Date = new Date()): Backlog {
    if (this.#open === null) {
      return { depth: 0, oldestAgeMs: 0 };
    }
    const { store } = this.#open;
    const watermark = this.#dispatched.watermark();
    const above = oneNumber(store, 'SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL AND seq > ? LIMIT ?)', [watermark, COUNT_AT_MOST]);
    const started = above === 0 ? new Set<number>() : this.#dispatched.startedAfter(watermark);
    const depth = Math.max(0, above - started.size);
    if (depth === 0) {
      return { depth, oldestAgeMs: 0 };
    }
    const oldest = oneNumber(store, 'SELECT received_at FROM events INDEXED BY events_to_do WHERE plan IS NOT NULL AND seq > ? ORDER BY seq LIMIT 1', [watermark]);
    return { depth, oldestAgeMs: Math.max(0, now.getTime() - oldest) };
  }

  /** How much the store holds on the disk. Bytes, without the log. */
  heldBytes(): number {
    return this.#open === null ? 0 : heldBytes(this.#open.store);
  }

  /**
   * Drops one slice of what the retention no longer wants. Runs by itself every half minute; public for those who want it now.
   * @returns whether there is more to do at once.
   */
  pruneSlice(now: Date = new Date()): boolean {
    const { store, writes } = this.#opened();
    const more = this.#pruning.slice(store, now);
    if (!more) {
      if (dropUnusedPlans(store)) {
        writes.forget();
      }
      writes.note('dispatched', this.#dispatched.watermark());
    }
    return more;
  }

  /** Keeps what still waits, then closes the file and gives the data folder back. Safe to call twice. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    clearTimeout(this.#pruneTimer);
    clearTimeout(this.#probeTimer);
    this.#commits.drain();
    if (this.#problem === null && this.#open !== null) {
      try {
        this.#open.writes.note('clean', 1);
        // Prepared statements live until they are collected, and with them libsql keeps the log; fold it back by hand.
        this.#open.store.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch (error) {
        // A disk that filled up since the last event. What was kept is kept; whoever closes the inbox must go on.
        this.#log.warn({ code: InboxUnavailable.of(error).code }, 'the inbox could not be closed cleanly; it is checked at the next start');
      }
    }
    this.#closeStore();
    this.#dispatched.close();
    this.#lock.release();
  }

  #start(): void {
    if (isDamaged(this.#path)) {
      this.#rescue();
    }
    try {
      this.#begin();
    } catch (error) {
      if (!isCorruption(error)) {
        throw error;
      }
      // Damage that came after a clean end, or that the check did not look at.
      this.#closeStore();
      this.#rescue();
      this.#begin();
    }
    this.#schedulePruning(PRUNE_EVERY_MS);
  }

  #rescue(): void {
    const found = setAside(this.#path, this.#options.dataDir, new Date());
    this.#log.error({ rescued: found.rescued, set_aside: found.path }, setAsideMessage(found));
  }

  #begin(): void {
    const isNew = !existsSync(this.#path) || statSync(this.#path).size === 0;
    const { store, writes } = this.#opened();
    if (isNew) {
      startSequenceAfterDispatched(store, this.#options.dataDir);
    }
    writes.note('clean', 0);
  }

  #opened(): { store: Store; writes: InboxWrites } {
    if (this.#open === null) {
      makePrivateFile(this.#path);
      const store = openStore(this.#path);
      try {
        prepareInbox(store);
      } catch (error) {
        store.close();
        throw error;
      }
      this.#open = { store, writes: new InboxWrites(store) };
    }
    return this.#open;
  }

  #closeStore(): void {
    this.#open?.store.close();
    this.#open = null;
  }

  #committed(jobs: number, tookMs: number): void {
    if (this.#problem !== null) {
      this.#log.info({ code: this.#problem.code }, 'events can be kept again');
      this.#problem = null;
    }
    this.#options.onCommit?.(jobs, tookMs);
  }

  #rolledBack(error: unknown, storeWide: boolean): void {
    this.#open?.writes.forget();
    const unavailable = InboxUnavailable.of(error);
    this.#options.onProblem?.(unavailable.code);
    if (!storeWide) {
      this.#log.error({ code: unavailable.code, error: error instanceof Error ? error.name : 'unknown' }, 'one entry could not be kept');
      return;
    }
    if (this.#problem === null) {
      this.#log.error({ code: unavailable.code }, unavailable.message);
    }
    this.#problem = { code: unavailable.code, message: unavailable.message, since: this.#problem?.since ?? new Date() };
    // A file opened while the disk was read-only stays read-only for its connection, and after a failed sync a fresh look is safest.
    this.#closeStore();
    this.#scheduleProbe();
  }

  /** Without traffic (a load balancer has turned away) only this finds out that the disk takes writes again. */
  #scheduleProbe(): void {
    if (this.#probeTimer !== undefined || this.#closed) {
      return;
    }
    this.#probeTimer = setTimeout(() => {
      this.#probeTimer = undefined;
      this.#commits
        .add(0, () => this.#opened().writes.note('probe', Date.now()))
        // The failure was noted where it happened, which has also set the next probe.
        .catch(() => undefined);
    }, PROBE_EVERY_MS);
    this.#probeTimer.unref();
  }

  #schedulePruning(afterMs: number): void {
    this.#pruneTimer = setTimeout(() => {
      let more = false;
      try {
        more = this.#problem?.code !== 'SQLITE_IOERR' && this.pruneSlice();
      } catch (error) {
        this.#log.warn({ code: InboxUnavailable.of(error).code }, 'old events could not be dropped; it is tried again later');
      }
      this.#schedulePruning(more ? SLICE_PAUSE_MS : PRUNE_EVERY_MS);
    }, afterMs);
    this.#pruneTimer.unref();
  }
}
