import { DataFolderLock } from './data-folder-lock';
import { appendOf, ourNumbersOf, quarantineOf, type QuarantineEntry } from './batch';
import { DispatchLogReader } from './dispatch-log';
import { InboxUnavailable, type InboxProblem } from './inbox-unavailable';
import { InboxReader, type Backlog } from './reader';
import type { InboxEntry, InboxOutcome } from './stored-event';
import { Writer, type WriterOptions } from './writer';

/** What {@link Inbox.open} needs. */
export type InboxOptions = WriterOptions;

/**
 * The durable inbox: every event that was ever acknowledged (within the retention). `inbox.db` in the data folder, written by a thread of its own.
 *
 * Guarantees
 * - What {@link append} and {@link quarantine} resolved for is on the disk: a crash or a power loss does not lose it, as far as the disk keeps
 *   its word about fsync.
 * - One event id is kept once; concurrent appends of one id give one `received` (or `ignored`) and else `duplicate`.
 * - A rule fires once for a message and its `conversation_` twin, whichever comes first.
 * - When the disk fails, or hangs, appends reject within five seconds and nothing half-written stays; it goes on by itself when the disk takes writes again.
 * - Events with something to do are kept until they are dispatched, whatever the retention says.
 *
 * Not guaranteed: recognising a duplicate of an event that the retention has dropped; that an event which was refused because the disk hung is not kept
 * after all (it is a `duplicate` then when it is sent again).
 */
export class Inbox {
  readonly #dispatched: DispatchLogReader;
  readonly #reader: InboxReader;
  #closed: Promise<boolean> | null = null;

  private constructor(
    dataDir: string,
    private readonly lock: DataFolderLock,
    private readonly writer: Writer,
  ) {
    this.#dispatched = new DispatchLogReader(dataDir);
    this.#reader = InboxReader.open(dataDir);
  }

  /**
   * Opens the inbox, making it when there is none. After an unclean end the file is checked; a damaged one is set aside and what is
   * readable of it kept.
   * @throws DataFolderInUse when another bridge uses the data folder; InboxUnavailable when the folder cannot be written.
   */
  static async open(options: InboxOptions): Promise<Inbox> {
    let lock: DataFolderLock;
    try {
      lock = DataFolderLock.take(options.dataDir, 'inbox');
    } catch (error) {
      throw error instanceof Error && error.name === 'DataFolderInUse' ? error : InboxUnavailable.of(error);
    }
    try {
      return new Inbox(options.dataDir, lock, await Writer.open(options));
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
    const outcome = await this.writer.add(appendOf(entry));
    return outcome === 'received' || outcome === 'ignored' ? outcome : 'duplicate';
  }

  /**
   * Keeps a request that is no event; resolves with its id when it is on the disk. The same body is kept once. Bounded by count and bytes, the
   * oldest making room.
   * @throws InboxUnavailable (as a rejection) when it could not be kept.
   */
  async quarantine(entry: QuarantineEntry): Promise<string> {
    return (await this.writer.add(quarantineOf(entry))) ?? '';
  }

  /** Remembers numbers (E.164) that we have sent from, over restarts. */
  async learnOurNumbers(numbers: readonly string[]): Promise<void> {
    await this.writer.add(ourNumbersOf(numbers, new Date()));
  }

  /** The numbers remembered by {@link learnOurNumbers}. */
  ourNumbers(): string[] {
    return this.#reader.ourNumbers();
  }

  /** Why nothing can be kept at present; null when all is well. It clears by itself, also without traffic. */
  problem(): InboxProblem | null {
    return this.writer.problem();
  }

  /** Events that wait to be dispatched, as far as the dispatch log tells. Cheap enough for every scrape. */
  backlog(now: Date = new Date()): Backlog {
    return this.#reader.backlog(this.#dispatched, now);
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
   * @returns false when the disk hangs so that a write could not be ended: the data folder is not given back then, and the process may not be able to exit.
   */
  close(): Promise<boolean> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<boolean> {
    // Readers first: the last to close the file folds the log back.
    this.#reader.close();
    this.#dispatched.close();
    const ended = await this.writer.close();
    if (ended) {
      this.lock.release();
    }
    return ended;
  }
}
