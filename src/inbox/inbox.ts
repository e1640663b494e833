import { RunLogReader } from '../dispatch/run-log';
import { StartError } from '../errors/start-errors';
import { DataFolderLock } from '../storage/data-folder';
import { openDataFolder } from '../storage/private-folder';
import { hashPlan } from './archive/plans';
import { quarantineId } from './archive/quarantine';
import { InboxReader, type Backlog } from './archive/reader';
import { NO_BODY, type InboxRecord } from './archive/record';
import type { Retention } from './archive/retention';
import { ArchiveWriter } from './archive/writer';
import { GroupCommit } from './group-commit';
import type { InboxLog } from './inbox-log';
import { InboxUnavailable, type InboxProblem } from './inbox-unavailable';
import { headJson, type EventHead, type InboxEntry, type InboxOutcome } from './stored-event';

/** What a record takes in memory besides its body and texts. Bytes. */
const RECORD_OVERHEAD_BYTES = 1_024;

/** A request that is not an event. */
export interface QuarantineEntry {
  /** A short code and a sentence of ours, never content. */
  reason: string;
  received_at: Date;
  content_type: string | null;
  body: Buffer;
}

/** What {@link Inbox.open} needs. */
export interface InboxOptions {
  dataDir: string;
  log: InboxLog;
  retention: Retention;
  /** Called after every commit: how many records it had, and how long it took, the sync included. */
  onCommit?: (records: number, tookMs: number) => void;
  /** Called after a commit of events with something to do: how many. Readers see them already. Must not throw. */
  onPending?: (events: number) => void;
  /** Called for every commit that failed or was too slow. */
  onProblem?: (code: string) => void;
  /** The script of the writer thread. Default: the compiled one. */
  threadScript?: string;
}

/**
 * The durable inbox: every acknowledged event, within the retention. It is one SQLite file, `inbox.db`. A thread commits
 * to it; what arrives meanwhile shares the next commit (group-commit.ts).
 *
 * Guarantees
 * - When {@link append} or {@link quarantine} resolves, the entry is on the disk. A crash or a power loss does not lose
 *   it, provided that the disk syncs when it says so. Readers see it.
 * - An event id is stored once: of several appends of one id, one gives `received` (or `ignored`), the others
 *   `duplicate` (duplicates.ts).
 * - A rule fires once for a message and its twin, whichever comes first (twins.ts).
 * - When the disk fails or does not answer, appends are rejected within five seconds, and succeed again without a
 *   restart once it accepts writes.
 * - An event with something to do is kept until it is dispatched, whatever the retention says.
 *
 * Not guaranteed: that a duplicate of an event is recognised after the retention deleted the event; that an event which
 * was rejected because the disk did not answer is not stored later (it is a `duplicate` when it comes again).
 */
export class Inbox {
  readonly #runLog: RunLogReader;
  readonly #reader: InboxReader;
  readonly #commits: GroupCommit<InboxRecord, InboxOutcome>;
  #closed: Promise<boolean> | null = null;

  private constructor(
    private readonly options: InboxOptions,
    private readonly lock: DataFolderLock,
    private readonly writer: ArchiveWriter,
  ) {
    this.#runLog = new RunLogReader(options.dataDir);
    this.#reader = InboxReader.open(options.dataDir);
    this.#commits = new GroupCommit({
      commit: (records) => writer.commit(records),
      sizeOf: ({ meta, body }) => RECORD_OVERHEAD_BYTES + body.length + (meta.kind === 'event' ? meta.head.length : 0),
      log: options.log,
      onCommitted: (outcomes, tookMs) => this.#onCommitted(outcomes, tookMs),
      onProblem: (code) => options.onProblem?.(code),
    });
  }

  /**
   * Opens the inbox, and creates it when there is none. After an unclean end the file is checked; a damaged file is set
   * aside, and its readable rows are kept.
   * @throws DataFolderInUse when another bridge uses the data folder; DataFolderUnsafe when another user could change it;
   *   InboxUnavailable when it cannot be written.
   */
  static async open(options: InboxOptions): Promise<Inbox> {
    const { dataDir, log, retention, threadScript } = options;
    let lock: DataFolderLock;
    try {
      if (openDataFolder(dataDir)) {
        log.warn({ dataDir }, 'other users could read the data folder; now only its owner can');
      }
      lock = DataFolderLock.acquire(dataDir, 'inbox');
    } catch (error) {
      throw error instanceof StartError ? error : InboxUnavailable.of(error);
    }
    try {
      return new Inbox(options, lock, await ArchiveWriter.open({ dataDir, log, retention, threadScript }));
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Stores an event; resolves when it is on the disk.
   * @throws InboxUnavailable (as a rejection) when it could not be stored.
   */
  async append({ event, body, content_type, ruleset, plan }: InboxEntry): Promise<InboxOutcome> {
    const record: InboxRecord = {
      meta: {
        kind: 'event',
        event_id: event.event_id,
        type: event.type,
        id: event.id,
        received_at: Date.parse(event.received_at),
        direction: event.direction,
        answered: event.answered,
        content_type,
        head: headJson(event, ruleset),
        plan: plan === null || plan.rules.length === 0 ? null : hashPlan(plan),
      },
      body,
    };
    try {
      return await this.#commits.add(record);
    } catch (error) {
      if (this.#isKnownDuplicate(event.event_id, error)) {
        return 'duplicate';
      }
      throw error;
    }
  }

  /**
   * Stores a request that is not an event; resolves with its id when it is on the disk. The same body is stored once.
   * Count and bytes are bounded; the oldest are deleted to make room.
   * @throws InboxUnavailable (as a rejection) when it could not be stored.
   */
  async quarantine({ reason, received_at, content_type, body }: QuarantineEntry): Promise<string> {
    const id = quarantineId(body);
    await this.#commits.add({
      meta: { kind: 'quarantine', id, reason, received_at: received_at.getTime(), content_type },
      body,
    });
    return id;
  }

  /** Stores numbers (E.164) that we have sent from. */
  async learnOwnNumbers(numbers: readonly string[]): Promise<void> {
    await this.#commits.add({ meta: { kind: 'own_numbers', numbers, learned_at: Date.now() }, body: NO_BODY });
  }

  /**
   * Removes what an event contains: its id, type and times stay, so that a duplicate of it is still one. What was there
   * is overwritten on the disk; no run can be made of it any more.
   */
  async forget(event: EventHead, ruleset: string | null): Promise<void> {
    const head: EventHead = {
      ...event,
      peer: null,
      ours: null,
      text: null,
      reason: null,
      agent: null,
      call: null,
    };
    await this.#commits.add({
      meta: { kind: 'forget', event_id: event.event_id, head: headJson(head, ruleset) },
      body: Buffer.from(JSON.stringify({ type: event.declared_type, data: { id: event.id } })),
    });
  }

  /** Deletes a request from the quarantine. No effect when it is not there. */
  async release(id: string): Promise<void> {
    await this.#commits.add({ meta: { kind: 'release', id }, body: NO_BODY });
  }

  /** The numbers stored by {@link learnOwnNumbers}. */
  ownNumbers(): string[] {
    return this.#reader.ownNumbers();
  }

  /** Why nothing can be stored at present; null when all is well. It ends by itself, also without traffic. */
  problem(): InboxProblem | null {
    return this.#commits.problem() ?? this.writer.problem();
  }

  /** Events that wait to be dispatched, according to the run log. Cheap enough for every scrape. */
  backlog(now: Date = new Date()): Backlog {
    return this.#reader.backlog(this.#runLog, now);
  }

  /** Size of the stored data on the disk, without the write-ahead log. Bytes. */
  heldBytes(): number {
    return this.#reader.heldBytes();
  }

  /** How much the quarantine holds; takes at most 5 ms when it is full. */
  quarantined(): { count: number; bytes: number } {
    return this.#reader.quarantined();
  }

  /**
   * Stores what is pending, then closes the file and releases the data folder, within a bound. Safe to call twice.
   * @returns false when the disk does not answer and a write could not end: the data folder is not released then, and
   *   the process may not be able to exit.
   */
  close(): Promise<boolean> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<boolean> {
    // Readers first: the last connection that closes folds the log into the file.
    this.#reader.close();
    this.#runLog.close();
    const areCommitted = await this.#commits.close();
    const isEnded = await this.writer.close();
    if (areCommitted && isEnded) {
      this.lock.release();
    }
    return areCommitted && isEnded;
  }

  /**
   * Whether an event that was just rejected is in the archive. A duplicate needs no write, so it is acknowledged while
   * the disk is full. Not asked when the disk does not answer, as the read could wait for it as well.
   */
  #isKnownDuplicate(eventId: string, error: unknown): boolean {
    if (this.#closed !== null || !(error instanceof InboxUnavailable) || error.code === 'slow') {
      return false;
    }
    try {
      return this.#reader.has(eventId);
    } catch {
      // The disk fails reads as well; the caller gets the error of the write.
      return false;
    }
  }

  #onCommitted(outcomes: readonly InboxOutcome[], tookMs: number): void {
    this.options.onCommit?.(outcomes.length, tookMs);
    const pending = outcomes.filter((outcome) => outcome === 'received').length;
    if (pending > 0) {
      this.options.onPending?.(pending);
    }
  }
}
