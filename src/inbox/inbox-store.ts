import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFile } from './data-folder-lock';
import { DispatchLogReader } from './dispatch-log';
import { INBOX_FILE, prepareInbox } from './inbox-schema';
import { InboxUnavailable, isStoreWide, type InboxProblem } from './inbox-unavailable';
import { InboxWrites, type HashedPlan } from './inbox-writes';
import { isDamaged, setAside, setAsideMessage, startSequenceAfterDispatched } from './recovery';
import { dropUnusedPlans, Pruning, type Retention } from './retention';
import { inTransaction, isCorruption, openStore, type Store } from './sqlite';
import type { Batch, Write, WriteResult } from './writer-messages';

/** How often old events are looked for. */
const PRUNE_EVERY_MS = 30_000;
/** The pause between two slices of pruning: acks go first. */
const SLICE_PAUSE_MS = 25;
/** How often a store in trouble is tried when no event does so. */
const PROBE_EVERY_MS = 1_000;

/** A write with what belongs to it. */
interface Pending {
  write: Write;
  body: Buffer;
  plan: HashedPlan | null;
}

/** Whom the store tells of what happens to it. */
export interface StoreEvents {
  onLog(level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, message: string): void;
  /** Nothing can be kept any more, or again (null). */
  onProblem(problem: InboxProblem | null): void;
  /** A transaction was refused. */
  onRefused(code: string): void;
}

/**
 * The inbox's file and its only writer; synchronous, hence in a thread of its own (writer-thread.ts). The guarantees are those of `Inbox`.
 */
export class InboxStore {
  readonly #path: string;
  readonly #dispatched: DispatchLogReader;
  readonly #pruning: Pruning;
  /** Null while it has to be opened again. */
  #open: { store: Store; writes: InboxWrites } | null = null;
  #problem: InboxProblem | null = null;
  #closed = false;
  #pruneTimer: NodeJS.Timeout | undefined;
  #probeTimer: NodeJS.Timeout | undefined;

  /**
   * Opens the store, making it when there is none. After an unclean end the file is checked; a damaged one is set aside and what is
   * readable of it kept.
   * @throws InboxUnavailable when it cannot be opened; Error when a newer bridge wrote it.
   */
  constructor(
    private readonly dataDir: string,
    private readonly retention: Retention,
    private readonly events: StoreEvents,
  ) {
    this.#path = join(dataDir, INBOX_FILE);
    this.#dispatched = new DispatchLogReader(dataDir);
    this.#pruning = new Pruning(retention, this.#dispatched);
    try {
      this.#start();
    } catch (error) {
      this.#closeStore();
      throw error instanceof Error && error.message.includes('newer bridge') ? error : InboxUnavailable.of(error);
    }
  }

  /**
   * Does the writes of some batches in one transaction, and syncs it. When the store refuses the transaction nothing of it is kept; when one write is to blame,
   * it alone is refused.
   * @returns for each batch one result a write, in their order.
   */
  commit(batches: readonly Batch[]): WriteResult[][] {
    const pending = batches.map(pendingIn);
    const all = pending.flat();
    const together = this.#attempt(all);
    if (together.ok || together.storeWide || all.length === 1) {
      let at = 0;
      return pending.map(({ length }) => (together.ok ? together.results.slice(at, (at += length)) : Array.from({ length }, () => together.refusal)));
    }
    // One write spoils them all: each gets a transaction of its own, so that only the guilty one is refused.
    return pending.map((writes) =>
      writes.map((one) => {
        const alone = this.#attempt([one]);
        return alone.ok ? (alone.results[0] ?? refusalOf(new InboxUnavailable('unknown', 'the write was never run'))) : alone.refusal;
      }),
    );
  }

  /**
   * Drops one slice of what the retention no longer wants. Runs by itself every half minute.
   * @returns whether there is more to do at once.
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
    this.#closed = true;
    clearTimeout(this.#pruneTimer);
    clearTimeout(this.#probeTimer);
    if (this.#problem === null && this.#open !== null) {
      try {
        this.#open.writes.note('clean', 1);
        // Prepared statements live until they are collected, and with them libsql keeps the log; fold it back by hand.
        this.#open.store.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch (error) {
        // A disk that filled up since the last event. What was kept is kept; whoever closes the inbox must go on.
        this.events.onLog('warn', { code: InboxUnavailable.of(error).code }, 'the inbox could not be closed cleanly; it is checked at the next start');
      }
    }
    this.#closeStore();
    this.#dispatched.close();
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
    const found = setAside(this.#path, this.dataDir, new Date());
    this.events.onLog('error', { rescued: found.rescued, set_aside: found.path }, setAsideMessage(found));
  }

  #begin(): void {
    const isNew = !existsSync(this.#path) || statSync(this.#path).size === 0;
    const { store, writes } = this.#opened();
    if (isNew) {
      startSequenceAfterDispatched(store, this.dataDir);
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

  #attempt(all: readonly Pending[]): { ok: true; results: WriteResult[] } | { ok: false; refusal: WriteResult; storeWide: boolean } {
    try {
      const { store, writes } = this.#opened();
      const results = inTransaction(store, () => all.map((pending): WriteResult => ({ ok: true, value: this.#write(writes, pending) })));
      this.#committed();
      return { ok: true, results };
    } catch (error) {
      const storeWide = isStoreWide(error);
      return { ok: false, refusal: this.#rolledBack(error, storeWide), storeWide };
    }
  }

  #write(writes: InboxWrites, { write, body, plan }: Pending): string | null {
    switch (write.kind) {
      case 'append':
        return writes.append(write, plan, body);
      case 'quarantine':
        return writes.quarantine(write, body, this.retention.quarantine);
      case 'our_numbers':
        writes.learnOurNumbers(write.numbers, write.learned_at);
        return null;
    }
  }

  #committed(): void {
    if (this.#problem !== null) {
      this.events.onLog('info', { code: this.#problem.code }, 'events can be kept again');
      this.#problem = null;
      this.events.onProblem(null);
    }
  }

  #rolledBack(error: unknown, storeWide: boolean): WriteResult {
    this.#open?.writes.forget();
    const unavailable = InboxUnavailable.of(error);
    this.events.onRefused(unavailable.code);
    if (!storeWide) {
      this.events.onLog('error', { code: unavailable.code, error: error instanceof Error ? error.name : 'unknown' }, 'one entry could not be kept');
      return refusalOf(unavailable);
    }
    if (this.#problem === null) {
      this.events.onLog('error', { code: unavailable.code }, unavailable.message);
    }
    this.#problem = { code: unavailable.code, message: unavailable.message, since: this.#problem?.since ?? new Date() };
    this.events.onProblem(this.#problem);
    // A file opened while the disk was read-only stays read-only for its connection, and after a failed sync a fresh look is safest.
    this.#closeStore();
    this.#scheduleProbe();
    return refusalOf(unavailable);
  }

  /** Without traffic (a load balancer has turned away) only this finds out that the disk takes writes again. */
  #scheduleProbe(): void {
    if (this.#probeTimer !== undefined || this.#closed) {
      return;
    }
    this.#probeTimer = setTimeout(() => {
      this.#probeTimer = undefined;
      try {
        const { store, writes } = this.#opened();
        inTransaction(store, () => writes.note('probe', Date.now()));
        this.#committed();
      } catch (error) {
        this.#rolledBack(error, true);
      }
    }, PROBE_EVERY_MS);
  }

  #schedulePruning(afterMs: number): void {
    this.#pruneTimer = setTimeout(() => {
      let more = false;
      try {
        more = this.#problem?.code !== 'SQLITE_IOERR' && this.prune(new Date());
      } catch (error) {
        this.events.onLog('warn', { code: InboxUnavailable.of(error).code }, 'old events could not be dropped; it is tried again later');
      }
      this.#schedulePruning(more ? SLICE_PAUSE_MS : PRUNE_EVERY_MS);
    }, afterMs);
  }
}

/** The writes of a batch, each with its own part of the batch's bodies and plans. */
function pendingIn({ writes, bodies, plans }: Batch): Pending[] {
  let at = 0;
  return writes.map((write) => {
    const length = write.kind === 'our_numbers' ? 0 : write.bytes;
    at += length;
    return { write, body: Buffer.from(bodies, at - length, length), plan: write.kind === 'append' ? planIn(plans, write.plan) : null };
  });
}

function planIn(plans: Batch['plans'], hash: string | null): HashedPlan | null {
  const json = hash === null ? undefined : plans.get(hash);
  if (hash !== null && json === undefined) {
    throw new TypeError('a batch lacks the plan of one of its events');
  }
  return hash === null || json === undefined ? null : { hash, json };
}

function refusalOf({ code, message }: InboxUnavailable): WriteResult {
  return { ok: false, code, message };
}
