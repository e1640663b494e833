import { join } from 'node:path';
import { z } from 'zod';
import { makePrivateFile } from '../../storage/data-folder';
import { DispatchLogReader } from '../../dispatch/run-log';
import { durably, INBOX_FILE, prepareInbox } from './schema';
import { InboxUnavailable, isStoreWide, type InboxProblem } from '../inbox-unavailable';
import { InboxWrites, quarantineId, type HashedPlan } from './statements';
import type { JournalPosition, JournalRecord } from '../journal/frame';
import { JournalReader, type JournalPart } from '../journal/reader';
import { KnownIds, type IdHashes } from '../seen-ids';
import {
  finishSetAside,
  isDamaged,
  REBUILT,
  setAside,
  setAsideMessage,
  startSequenceAfterDispatched,
} from './recovery';
import { dropUnusedPlans, Pruning, type Retention } from './retention';
import { all, inTransaction, isCorruption, oneNumber, openStore, prepare, type Store } from '../../storage/sqlite';

/** Ids that are read at once at a start. */
const IDS_AT_ONCE = 10_000;

/** Whom the store tells of what happens to it. */
export interface StoreEvents {
  onLog(level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, message: string): void;
  /** Nothing can be brought into the store any more, or again (null). */
  onProblem(problem: InboxProblem | null): void;
  /** A transaction was refused. */
  onRefused(code: string): void;
}

/** The part of an event's head that has columns of its own. */
const headColumns = z.object({ event_id: z.string(), type: z.string(), id: z.string(), received_at: z.string() });

/**
 * `inbox.db`, in which what the journal keeps can be looked up and read by others, and its only writer; synchronous,
 * hence in a thread of its own (indexer-thread.ts). It follows the journal and holds, beside all else, how far.
 */
export class InboxStore {
  readonly #path: string;
  readonly #journal: JournalReader;
  readonly #dispatched: DispatchLogReader;
  readonly #pruning: Pruning;
  /** The plans of the journal's segment that is being read, by their hash. */
  #plans = new Map<string, string>();
  /**
   * Whether events that had a run may be missing in the store: they are not taken again from the journal, as Temporal
   * may have forgotten them.
   */
  #isRebuilt = false;
  /** Everything before it is in the store. */
  #position: JournalPosition = { segment: 0, offset: 0 };
  /** Up to this segment all is in the store durably. */
  #released = 0;
  /** Null while it has to be opened again. */
  #open: { store: Store; writes: InboxWrites } | null = null;
  #problem: InboxProblem | null = null;

  /**
   * Opens the store, making it when there is none. After an unclean end the file is checked; a damaged one is set aside
   * and what is readable of it kept.
   * @param isJournalWritten whether the journal is being written meanwhile. If not, all it has is brought into the
   *   store, and a new segment begun.
   * @throws InboxUnavailable when it cannot be opened; Error when a newer bridge wrote it.
   */
  constructor(
    private readonly dataDir: string,
    private readonly retention: Retention,
    private readonly events: StoreEvents,
    isJournalWritten: boolean,
  ) {
    this.#path = join(dataDir, INBOX_FILE);
    this.#journal = new JournalReader(dataDir, ({ aside }) => {
      const where = aside === null ? 'its file is gone' : `a copy of the damaged file is ${aside}`;
      events.onLog(
        'error',
        { set_aside: aside },
        `a part of the journal was damaged and is lost; the rest of it was kept, and ${where}. Events that are missing can be fetched again with "bridge backfill".`,
      );
    });
    this.#dispatched = new DispatchLogReader(dataDir);
    this.#pruning = new Pruning(retention, this.#dispatched);
    try {
      this.#start();
      if (!isJournalWritten) {
        this.#takeRest();
      }
    } catch (error) {
      this.#closeStore();
      throw error instanceof Error && error.message.includes('newer bridge') ? error : InboxUnavailable.of(error);
    }
  }

  /** Everything in the journal before it is in the store. */
  get position(): JournalPosition {
    return this.#position;
  }

  /** Up to this segment of the journal all is in the store, durably: it may be overwritten. */
  get released(): number {
    return this.#released;
  }

  /** The ids of all events kept. */
  knownIds(): IdHashes {
    const { store } = this.#opened();
    const known = new KnownIds();
    const page = prepare(store, 'SELECT seq, event_id FROM events WHERE seq > ? ORDER BY seq LIMIT ?');
    for (let seq = 0; ;) {
      const rows = all(page, [seq, IDS_AT_ONCE]).map((row) =>
        z.object({ seq: z.number(), event_id: z.string() }).parse(row),
      );
      rows.forEach(({ event_id }) => known.add(event_id));
      if (rows.length < IDS_AT_ONCE) {
        return known.hashes();
      }
      seq = rows.at(-1)?.seq ?? seq;
    }
  }

  /**
   * Brings a part of what the journal has up to `through` into the store, in one transaction.
   * @returns how many events with something to do were among it; null when the store is in trouble ({@link
   *   StoreEvents.onProblem}), to be tried again.
   */
  index(through: JournalPosition): number | null {
    try {
      const part = this.#journal.next(this.#position, through);
      const toDo = part === null ? 0 : this.#take(part);
      this.#indexed();
      return toDo;
    } catch (error) {
      this.#refused(error);
      return null;
    }
  }

  /**
   * Drops one slice of what the retention no longer wants.
   * @returns whether there is more to do at once.
   * @throws the store's error; nothing of the slice was dropped then.
   */
  prune(now: Date): boolean {
    const { store, writes } = this.#opened();
    const more = this.#pruning.slice(store, now);
    writes.recountQuarantine();
    if (!more) {
      if (dropUnusedPlans(store)) {
        writes.forget();
      }
      writes.note('dispatched', this.#dispatched.watermark());
    }
    return more;
  }

  /** Closes the file, noting that the end was a clean one. */
  close(): void {
    if (this.#problem === null && this.#open !== null) {
      const { store, writes } = this.#open;
      try {
        durably(store, () => writes.note('clean', 1));
        // Prepared statements live until they are collected, and with them libsql keeps the log; fold it back by hand.
        store.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch (error) {
        // A disk that filled up since the last event. What was kept is kept; whoever closes the inbox must go on.
        this.events.onLog(
          'warn',
          { code: InboxUnavailable.of(error).code },
          'the inbox could not be closed cleanly; it is checked at the next start',
        );
      }
    }
    this.#closeStore();
    this.#journal.close();
    this.#dispatched.close();
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
      // Damage that came after a clean end, or that the check did not look at.
      this.#closeStore();
      this.#rescue();
      this.#begin();
    }
  }

  #rescue(): void {
    const found = setAside(this.#path, this.dataDir, new Date());
    this.events.onLog('error', { rescued: found.rescued, set_aside: found.path }, setAsideMessage(found));
  }

  #begin(): void {
    const { store, writes } = this.#opened();
    const noted = (name: string): number => oneNumber(store, 'SELECT value FROM meta WHERE name = ?', [name]);
    const isNew = oneNumber(store, "SELECT count(*) FROM meta WHERE name = 'clean'") === 0;
    if (isNew) {
      startSequenceAfterDispatched(store, this.dataDir);
    }
    this.#isRebuilt = isNew || noted(REBUILT) === 1;
    durably(store, () => {
      writes.note('clean', 0);
      writes.note(REBUILT, this.#isRebuilt ? 1 : 0);
    });
    this.#position = this.#isRebuilt
      ? { segment: 0, offset: 0 }
      : { segment: noted('journal_segment'), offset: noted('journal_offset') };
    // With this commit all before it is synced.
    this.#released = Math.max(0, this.#position.segment - 1);
    this.#plans = this.#journal.plansBefore(this.#position);
  }

  #takeRest(): void {
    const newest = Math.max(this.#position.segment, ...this.#journal.segments());
    for (const part of this.#journal.rest(this.#position)) {
      this.#take(part);
    }
    this.#isRebuilt = false;
    this.#plans = new Map();
    this.#position = { segment: newest + 1, offset: 0 };
    const { store, writes } = this.#opened();
    durably(store, () => {
      this.#notePosition(writes, this.#position);
      writes.note(REBUILT, 0);
    });
    this.#released = newest;
    this.#journal.empty();
  }

  /** Whether an event that a rebuilt store lacks has had its run, or is so old that nobody may know any more. */
  #isOver({ meta, text }: JournalRecord): boolean {
    if (meta.kind !== 'event') {
      return false;
    }
    const { event_id, received_at } = headColumns.parse(JSON.parse(text));
    return Date.parse(received_at) < Date.now() - this.retention.maxAgeMs || this.#hasRun(event_id);
  }

  #hasRun(eventId: string): boolean {
    try {
      return this.#dispatched.get(eventId) !== null;
    } catch (error) {
      // A damaged dispatch log is set aside by its own writer and begins anew.
      if (isCorruption(error)) {
        return false;
      }
      throw error;
    }
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

  #take({ records: all, end }: JournalPart): number {
    const { store, writes } = this.#opened();
    const records = this.#isRebuilt ? all.filter((record) => !this.#isOver(record)) : all;
    const isNextSegment = end.segment > this.#position.segment;
    if (isNextSegment) {
      this.#plans.clear();
    }
    let toDo = 0;
    try {
      toDo = inTransaction(store, () => {
        const found = records.filter((record) => this.#write(writes, record)).length;
        this.#notePosition(writes, end);
        return found;
      });
    } catch (error) {
      writes.forget();
      if (isStoreWide(error)) {
        throw error;
      }
      toDo = this.#takeOneByOne(store, writes, records);
      inTransaction(store, () => this.#notePosition(writes, end));
    }
    if (isNextSegment) {
      // All of the one before is in.
      durably(store, () => this.#notePosition(writes, end));
      this.#released = end.segment - 1;
    }
    this.#position = end;
    return toDo;
  }

  /** One record spoils them all: each gets a transaction of its own, so that only the guilty one is set apart. */
  #takeOneByOne(store: Store, writes: InboxWrites, records: readonly JournalRecord[]): number {
    return records.filter((record) => {
      try {
        return inTransaction(store, () => this.#write(writes, record));
      } catch (error) {
        writes.forget();
        if (isStoreWide(error)) {
          throw error;
        }
        this.#setApart(store, writes, record, error);
        return false;
      }
    }).length;
  }

  /** It was acknowledged, so it is not dropped, even though nothing can be done with it. */
  #setApart(store: Store, writes: InboxWrites, { meta, bytes }: JournalRecord, error: unknown): void {
    const { code } = InboxUnavailable.of(error);
    const id = quarantineId(bytes);
    this.events.onRefused(code);
    this.events.onLog(
      'error',
      { code, quarantine: id, error: error instanceof Error ? error.name : 'unknown' },
      'an entry could not be brought into the inbox; it is kept (bridge events list --quarantine): please report this',
    );
    if (meta.kind === 'event' || meta.kind === 'quarantine') {
      const row = {
        id,
        reason: 'bug: the event could not be brought into the inbox',
        received_at: Date.now(),
        content_type: meta.content_type,
        body: bytes,
      };
      inTransaction(store, () => writes.quarantine(row, this.retention.quarantine));
    }
  }

  /** @returns whether it is a new event with something to do. */
  #write(writes: InboxWrites, { meta, text, bytes }: JournalRecord): boolean {
    switch (meta.kind) {
      case 'plan':
        this.#plans.set(meta.hash, text);
        return false;
      case 'event': {
        const { event_id, type, id, received_at } = headColumns.parse(JSON.parse(text));
        const plan = meta.plan === null ? null : this.#planOf(writes, meta.plan);
        return (
          writes.event({
            event_id,
            type,
            id,
            received_at: Date.parse(received_at),
            content_type: meta.content_type,
            head: text,
            body: bytes,
            plan,
          }) && plan !== null
        );
      }
      case 'quarantine':
        writes.quarantine({ ...meta, body: bytes }, this.retention.quarantine);
        return false;
      case 'our_numbers':
        writes.learnOwnNumbers(meta.numbers, meta.learned_at);
        return false;
    }
  }

  #planOf(writes: InboxWrites, hash: string): HashedPlan {
    // The part of the journal that had it may be damaged.
    const json = this.#plans.get(hash) ?? writes.storedPlan(hash);
    if (json === null) {
      throw new TypeError('the journal lacks the plan of one of its events');
    }
    return { hash, json };
  }

  #notePosition(writes: InboxWrites, { segment, offset }: JournalPosition): void {
    writes.note('journal_segment', segment);
    writes.note('journal_offset', offset);
  }

  #indexed(): void {
    if (this.#problem !== null) {
      this.events.onLog('info', { code: this.#problem.code }, 'events can be kept again');
      this.#problem = null;
      this.events.onProblem(null);
    }
  }

  #refused(error: unknown): void {
    this.#open?.writes.forget();
    const { code, message } = InboxUnavailable.of(error);
    this.events.onRefused(code);
    if (this.#problem === null) {
      this.events.onLog('error', { code }, message);
    }
    this.#problem = { code, message, since: this.#problem?.since ?? new Date() };
    this.events.onProblem(this.#problem);
    // A file opened while the disk was read-only stays read-only for its connection, and after a failed sync a fresh
    // look is safest.
    this.#closeStore();
  }
}
