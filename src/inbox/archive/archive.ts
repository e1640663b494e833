import { join } from 'node:path';
import { RunLogReader } from '../../dispatch/run-log';
import { makePrivateFile } from '../../storage/data-folder';
import { emptyLog, inTransaction, isCorruption, oneNumber, openDatabase, type Database } from '../../storage/sqlite';
import type { InboxLog } from '../inbox-log';
import { InboxUnavailable, isArchiveWide } from '../inbox-unavailable';
import { replayJournal } from '../journal/replay';
import type { InboxOutcome } from '../stored-event';
import { quarantineId } from './quarantine';
import type { InboxRecord } from './record';
import {
  finishSetAside,
  isDamaged,
  REBUILT,
  setAside,
  setAsideMessage,
  startSequenceAfterDispatched,
} from './recovery';
import { dropUnusedPlans, Pruning, type Retention } from './retention';
import { INBOX_FILE, prepareArchive } from './schema';
import { ArchiveWrites } from './writes';

/**
 * `inbox.db` and its only writer. Synchronous: a commit returns after the disk has it, so it runs in a thread of its own
 * (writer-thread.ts).
 *
 * Guarantees: after {@link commit} returned, its records survive a crash and a power loss; after it threw, none of them
 * is visible to readers.
 */
export class Archive {
  readonly #path: string;
  readonly #runLog: RunLogReader;
  readonly #pruning: Pruning;
  /** Null when it must be opened again: after an error of the disk or the file. */
  #open: { database: Database; writes: ArchiveWrites } | null = null;

  /**
   * Opens the archive, and creates it when there is none. After an unclean end the file is checked; a damaged file is
   * set aside, and its readable rows are kept. Events in the journal of an earlier version are brought in.
   * @throws InboxUnavailable when it cannot be opened; Error when a newer bridge wrote it.
   */
  constructor(
    private readonly dataDir: string,
    private readonly retention: Retention,
    private readonly log: InboxLog,
  ) {
    this.#path = join(dataDir, INBOX_FILE);
    this.#runLog = new RunLogReader(dataDir);
    this.#pruning = new Pruning(retention, this.#runLog);
    try {
      this.#start();
    } catch (error) {
      this.#closeDatabase();
      throw error instanceof Error && error.message.includes('newer bridge') ? error : InboxUnavailable.of(error);
    }
  }

  /**
   * Commits records in one transaction. Without any it only tests whether the disk accepts writes.
   * @returns one outcome per record, in their order.
   * @throws InboxUnavailable when the disk or the file refused it; nothing was committed then. The next call opens the
   *   database again.
   */
  commit(records: readonly InboxRecord[]): InboxOutcome[] {
    try {
      const { database, writes } = this.#opened();
      if (records.length === 0) {
        inTransaction(database, () => writes.setMeta('clean', 0));
        return [];
      }
      const outcomes = this.#commitAll(database, writes, records);
      if (records.some(({ meta }) => meta.kind === 'forget' || meta.kind === 'release')) {
        emptyLog(database);
      }
      return outcomes;
    } catch (error) {
      // A file that was opened on a read-only disk stays read-only for its connection, and a failed sync may have left
      // an unsynced end in the log.
      this.#closeDatabase();
      throw InboxUnavailable.of(error);
    }
  }

  /**
   * Deletes one slice of what is older than the retention.
   * @returns whether there is more to delete at once.
   * @throws the error of the disk or the file; nothing of the slice was deleted then.
   */
  prune(now: Date): boolean {
    const { database, writes } = this.#opened();
    try {
      const more = this.#pruning.slice(database, now);
      if (!more) {
        dropUnusedPlans(database);
        writes.setMeta('dispatched', this.#runLog.watermark());
      }
      return more;
    } finally {
      // Plans may be gone even when a later statement failed. An event stored with a deleted plan would never run.
      writes.forget();
    }
  }

  /** Closes the file and marks it as cleanly closed. */
  close(): void {
    if (this.#open !== null) {
      const { database, writes } = this.#open;
      try {
        inTransaction(database, () => writes.setMeta('clean', 1));
        // libsql keeps the log as long as prepared statements live, so it is folded into the file here.
        emptyLog(database);
      } catch (error) {
        // The disk filled up since the last event. What was committed is safe, and closing the inbox must not fail.
        this.log.warn(
          { code: InboxUnavailable.of(error).code },
          'the inbox could not be closed cleanly; it is checked at the next start',
        );
      }
    }
    this.#closeDatabase();
    this.#runLog.close();
  }

  #start(): void {
    finishSetAside(this.#path);
    if (isDamaged(this.#path)) {
      this.#rescue();
    }
    try {
      this.#begin();
    } catch (error) {
      if (!isCorruption(error)) {
        throw error;
      }
      // Damaged after a clean end, or in a part that the check does not read.
      this.#closeDatabase();
      this.#rescue();
      this.#begin();
    }
  }

  #rescue(): void {
    const found = setAside(this.#path, this.dataDir, new Date());
    this.log.error({ rescued: found.rescued, set_aside: found.path }, setAsideMessage(found));
  }

  #begin(): void {
    const { database, writes } = this.#opened();
    const meta = (name: string): number => oneNumber(database, 'SELECT value FROM meta WHERE name = ?', [name]);
    const isNew = oneNumber(database, "SELECT count(*) FROM meta WHERE name = 'clean'") === 0;
    if (isNew) {
      startSequenceAfterDispatched(database, this.dataDir);
    }
    const isRebuilt = isNew || meta(REBUILT) === 1;
    inTransaction(database, () => {
      writes.setMeta('clean', 0);
      writes.setMeta(REBUILT, isRebuilt ? 1 : 0);
    });
    replayJournal({
      dataDir: this.dataDir,
      from: isRebuilt
        ? { segment: 0, offset: 0 }
        : { segment: meta('journal_segment'), offset: meta('journal_offset') },
      storedPlan: (hash) => writes.plans.jsonOf(hash),
      // A rebuilt archive lacks events that had a run: they must not get another one.
      isWanted: isRebuilt ? ({ event_id, received_at }) => !this.#isOver(event_id, received_at) : () => true,
      commit: (records, end) => {
        // Version 0.1 left out the rules that the twin fired before it wrote the event.
        this.#commitAll(database, writes, records, (record) => writes.writeAsIs(record));
        inTransaction(database, () => {
          writes.setMeta('journal_segment', end.segment);
          writes.setMeta('journal_offset', end.offset);
        });
      },
      log: this.log,
    });
    if (isRebuilt) {
      inTransaction(database, () => writes.setMeta(REBUILT, 0));
    }
  }

  /** Whether an event has had its run, or is so old that nobody may remember its run. */
  #isOver(eventId: string, receivedAt: number): boolean {
    if (receivedAt < Date.now() - this.retention.maxAgeMs) {
      return true;
    }
    try {
      return this.#runLog.get(eventId) !== null;
    } catch (error) {
      // The dispatcher sets a damaged run log aside and starts a new one.
      if (isCorruption(error)) {
        return false;
      }
      throw error;
    }
  }

  #opened(): { database: Database; writes: ArchiveWrites } {
    if (this.#open === null) {
      makePrivateFile(this.#path);
      const database = openDatabase(this.#path);
      try {
        prepareArchive(database, this.#path);
        // Writes and syncs all of the log, and begins it anew: after an error its end may not be on the disk, and what
        // followed it would be lost with it in a power loss.
        database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch (error) {
        database.close();
        throw error;
      }
      this.#open = { database, writes: new ArchiveWrites(database, this.retention.quarantine) };
    }
    return this.#open;
  }

  #closeDatabase(): void {
    this.#open?.database.close();
    this.#open = null;
  }

  #commitAll(
    database: Database,
    writes: ArchiveWrites,
    records: readonly InboxRecord[],
    write = (record: InboxRecord): InboxOutcome => writes.write(record),
  ): InboxOutcome[] {
    try {
      return inTransaction(database, () => {
        const outcomes = records.map(write);
        writes.endTransaction();
        return outcomes;
      });
    } catch (error) {
      writes.forget();
      if (isArchiveWide(error)) {
        throw error;
      }
      return records.map((record) => this.#commitOne(database, writes, record, write));
    }
  }

  /** One record made the whole transaction fail: with a transaction each, only that record is quarantined. */
  #commitOne(
    database: Database,
    writes: ArchiveWrites,
    record: InboxRecord,
    write: (record: InboxRecord) => InboxOutcome,
  ): InboxOutcome {
    try {
      return inTransaction(database, () => {
        const outcome = write(record);
        writes.endTransaction();
        return outcome;
      });
    } catch (error) {
      writes.forget();
      if (isArchiveWide(error)) {
        throw error;
      }
      this.#quarantineFailed(database, writes, record, error);
      return 'received';
    }
  }

  /** Another attempt would fail in the same way, so the event is kept for people to look at, and acknowledged. */
  #quarantineFailed(database: Database, writes: ArchiveWrites, { meta, body }: InboxRecord, error: unknown): void {
    const id = quarantineId(body);
    this.log.error(
      {
        code: InboxUnavailable.of(error).code,
        quarantine: id,
        error: error instanceof Error ? error.name : 'unknown',
      },
      'an entry could not be written into the inbox; it is quarantined (bridge events list --quarantine): please report this',
    );
    if (meta.kind === 'event' || meta.kind === 'quarantine') {
      const quarantined: InboxRecord = {
        meta: {
          kind: 'quarantine',
          id,
          reason: 'bug: the event could not be written into the inbox',
          received_at: Date.now(),
          content_type: meta.content_type,
        },
        body,
      };
      inTransaction(database, () => writes.write(quarantined));
    }
  }
}
