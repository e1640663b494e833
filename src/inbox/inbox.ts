import { DataFolderLock } from '../storage/data-folder';
import { DispatchLogReader } from '../dispatch/run-log';
import { InboxUnavailable, type InboxProblem } from './inbox-unavailable';
import { quarantineId, TWIN_TYPES } from './archive/statements';
import { Indexer, type InboxLog } from './archive/indexer';
import { NO_BYTES, type JournalPosition } from './journal/frame';
import { KnownIds, type IdHashes } from './seen-ids';
import { InboxReader, type Backlog } from './archive/reader';
import type { Retention } from './archive/retention';
import { headJson, type InboxEntry, type InboxOutcome } from './stored-event';
import { Unindexed, type UnindexedEvent } from './unindexed-events';
import { hashOf, Writer } from './journal/group-commit';

/** Beyond so many events that are not indexed, new ones wait until it has caught up. */
const MOST_UNINDEXED = 50_000;

/** A request that is no event. */
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
  /** Told of every write to the journal: how many records, and how long it took, its sync included. */
  onCommit?: (records: number, tookMs: number) => void;
  /**
   * Told when events with something to do can be read by others, and how many: time to look into the inbox. Must not
   * throw.
   */
  onIndexed?: (events: number) => void;
  /** Told whenever the disk or the store refused a write. */
  onProblem?: (code: string) => void;
  /** The script of the indexer's thread. Default: the compiled one. */
  threadScript?: string;
}

/**
 * The durable inbox: every event that was ever acknowledged (within the retention). A journal takes what comes with one
 * write and one sync; `inbox.db`, in which it can be looked up and read by others, follows at once, or under pressure
 * within a second or so.
 *
 * Guarantees
 * - What {@link append} and {@link quarantine} resolved for is on the disk: a crash or a power loss does not lose it,
 *   as far as the disk keeps its word about fsync.
 * - One event id is kept once; concurrent appends of one id give one `received` (or `ignored`) and else `duplicate`.
 * - A rule fires once for a message and its `conversation_` twin, whichever comes first.
 * - When the disk fails, or hangs, appends reject within five seconds and nothing half-written stays; it goes on by
 *   itself when the disk takes writes again.
 * - While `inbox.db` cannot be written nothing new is taken, so that what it lacks stays bounded.
 * - Events with something to do are kept until they are dispatched, whatever the retention says.
 *
 * Not guaranteed: recognising a duplicate of an event that the retention has dropped; that an event which was refused
 * because the disk hung is not kept after all (it is a `duplicate` then when it is sent again).
 */
export class Inbox {
  readonly #dispatched: DispatchLogReader;
  readonly #reader: InboxReader;
  readonly #unindexed: Unindexed;
  readonly #known: KnownIds;
  readonly #writer: Writer;
  #closed: Promise<boolean> | null = null;

  private constructor(
    private readonly options: InboxOptions,
    private readonly lock: DataFolderLock,
    private readonly indexer: Indexer,
    opened: { position: JournalPosition; known: IdHashes },
  ) {
    const { dataDir, log } = options;
    this.#dispatched = new DispatchLogReader(dataDir);
    this.#reader = InboxReader.open(dataDir);
    this.#unindexed = new Unindexed(this.#reader);
    this.#known = new KnownIds(opened.known);
    this.#writer = new Writer({
      dataDir,
      log,
      position: opened.position,
      onKept: (events, records, end, tookMs) => this.#kept(events, records, end, tookMs),
      onRefused: (events, error) => this.#unindexed.refused(events, error),
      onLate: (events, error) => this.#unindexed.late(events, error),
      onProblem: (code) => options.onProblem?.(code),
      mustWait: () => this.#unindexed.kept >= MOST_UNINDEXED,
    });
  }

  /**
   * Opens the inbox, making it when there is none. After an unclean end the file is checked; a damaged one is set aside
   * and what is readable of it kept.
   * @throws DataFolderInUse when another bridge uses the data folder; InboxUnavailable when the folder cannot be
   *   written.
   */
  static async open(options: InboxOptions): Promise<Inbox> {
    let lock: DataFolderLock;
    try {
      lock = DataFolderLock.take(options.dataDir, 'inbox');
    } catch (error) {
      throw error instanceof Error && error.name === 'DataFolderInUse' ? error : InboxUnavailable.of(error);
    }
    try {
      const { dataDir, log, retention, threadScript } = options;
      let inbox: Inbox | null = null;
      const { indexer, ...opened } = await Indexer.open({
        dataDir,
        log,
        retention,
        onIndexed: (indexed) => {
          if (inbox !== null) {
            inbox.#indexed(indexed);
          }
        },
        onProblem: (code) => options.onProblem?.(code),
        threadScript,
      });
      inbox = new Inbox(options, lock, indexer, opened);
      return inbox;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Keeps an event; resolves when it is on the disk.
   * @throws InboxUnavailable (as a rejection) when it could not be kept.
   */
  async append(entry: InboxEntry): Promise<InboxOutcome> {
    const { event, body, content_type, ruleset } = entry;
    if (this.#closed !== null) {
      throw new InboxUnavailable('closed', 'the inbox is closed');
    }
    const before = this.#unindexed.get(event.event_id);
    if (before !== undefined) {
      return this.#duplicateOf(before);
    }
    if (this.#known.mayHave(event.event_id) && this.#reader.has(event.event_id)) {
      return 'duplicate';
    }
    this.#mayTake();
    const plan = this.#unindexed.planOf(entry);
    const toDo = plan === null ? null : hashOf(plan);
    const unindexed: UnindexedEvent = {
      event_id: event.event_id,
      twin: TWIN_TYPES.has(event.type) ? { id: event.id, rules: plan?.rules.map(({ name }) => name) ?? [] } : null,
      isToDo: toDo !== null,
      received_at: event.received_at,
      isKept: false,
      isLate: false,
      duplicates: [],
    };
    this.#unindexed.add(unindexed);
    await this.#writer.add(
      { meta: { kind: 'event', plan: toDo?.hash ?? null, content_type }, text: headJson(event, ruleset), bytes: body },
      toDo,
      unindexed,
    );
    return toDo === null ? 'ignored' : 'received';
  }

  /**
   * Keeps a request that is no event; resolves with its id when it is on the disk. The same body is kept once. Bounded
   * by count and bytes, the oldest making room.
   * @throws InboxUnavailable (as a rejection) when it could not be kept.
   */
  async quarantine({ reason, received_at, content_type, body }: QuarantineEntry): Promise<string> {
    this.#mayTake();
    const id = quarantineId(body);
    await this.#writer.add({
      meta: { kind: 'quarantine', id, reason, received_at: received_at.getTime(), content_type },
      text: '',
      bytes: body,
    });
    return id;
  }

  /** Remembers numbers (E.164) that we have sent from, over restarts. */
  async learnOwnNumbers(numbers: readonly string[]): Promise<void> {
    this.#mayTake();
    await this.#writer.add({
      meta: { kind: 'our_numbers', numbers, learned_at: Date.now() },
      text: '',
      bytes: NO_BYTES,
    });
  }

  /**
   * Resolves when all that was kept by now can be read by {@link InboxReader}. It may never do so while there is a
   * problem.
   */
  indexed(): Promise<void> {
    return this.indexer.caughtUp();
  }

  /** The numbers remembered by {@link learnOwnNumbers}. */
  ownNumbers(): string[] {
    return this.#reader.ownNumbers();
  }

  /** Why nothing can be kept at present; null when all is well. It clears by itself, also without traffic. */
  problem(): InboxProblem | null {
    return this.#writer.problem() ?? this.indexer.problem();
  }

  /**
   * Events that wait to be dispatched, as far as the dispatch log tells; those that are just being indexed may count
   * twice. Cheap enough for every scrape.
   */
  backlog(now: Date = new Date()): Backlog {
    const { depth, oldestAgeMs } = this.#reader.backlog(this.#dispatched, now);
    const { count, oldestAt } = this.#unindexed.toDo();
    return {
      depth: depth + count,
      oldestAgeMs: depth > 0 || oldestAt === null ? oldestAgeMs : Math.max(0, now.getTime() - Date.parse(oldestAt)),
    };
  }

  /** How much the store holds on the disk. Bytes, without the log. */
  heldBytes(): number {
    return this.#reader.heldBytes();
  }

  /** How much the quarantine holds; at most 5 ms when it is full. */
  quarantined(): { count: number; bytes: number } {
    return this.#reader.quarantined();
  }

  /**
   * Keeps what still waits, then closes the file and gives the data folder back, within a bound. Safe to call twice.
   * @returns false when the disk hangs so that a write could not be ended: the data folder is not given back then, and
   *   the process may not be able to exit.
   */
  close(): Promise<boolean> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<boolean> {
    // Readers first: the last to close the file folds the log back.
    this.#reader.close();
    this.#dispatched.close();
    const isWritten = await this.#writer.close();
    const isIndexed = await this.indexer.close();
    const ended = isWritten && isIndexed;
    if (ended) {
      this.lock.release();
    }
    return ended;
  }

  /** What is not known to be kept yet may still be refused, and its duplicate with it. */
  #duplicateOf(before: UnindexedEvent): InboxOutcome | Promise<InboxOutcome> {
    if (before.isKept) {
      return 'duplicate';
    }
    if (before.isLate) {
      const problem = this.#writer.problem();
      throw new InboxUnavailable(
        problem?.code ?? 'slow',
        problem?.message ?? 'events cannot be kept: the disk has not answered',
      );
    }
    return new Promise((resolve, reject) => before.duplicates.push({ resolve: () => resolve('duplicate'), reject }));
  }

  /** @throws InboxUnavailable while `inbox.db` cannot be written. */
  #mayTake(): void {
    const problem = this.indexer.problem();
    if (problem !== null) {
      throw new InboxUnavailable(problem.code, problem.message);
    }
  }

  #kept(events: readonly UnindexedEvent[], records: number, end: JournalPosition, tookMs: number): void {
    for (const { event_id } of events) {
      this.#known.add(event_id);
    }
    this.#unindexed.keep(events, end);
    this.indexer.follow(end, records);
    if (records > 0) {
      this.options.onCommit?.(records, tookMs);
    }
  }

  #indexed({ through, toDo, released }: { through: JournalPosition; toDo: number; released: number }): void {
    this.#unindexed.indexedThrough(through);
    this.#writer.release(released);
    this.#writer.goOn();
    if (toDo > 0) {
      this.options.onIndexed?.(toDo);
    }
  }
}
