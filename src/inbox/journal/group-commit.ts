import { setTimeout as delay } from 'node:timers/promises';
import { InboxUnavailable, type InboxProblem } from '../inbox-unavailable';
import { hashedPlan, type HashedPlan } from '../archive/statements';
import type { InboxLog } from '../archive/indexer';
import { Journal } from './journal';
import { NO_BYTES, type JournalPosition, type JournalRecord } from './frame';
import type { Plan } from '../../rules/plan';
import type { UnindexedEvent } from '../unindexed-events';

/** What is written together at most. */
const MOST_TOGETHER = 512;
const MOST_BYTES_TOGETHER = 16 * 1_048_576;
/** Bounds of what is not on the disk yet. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 128 * 1_048_576;
/**
 * Nobody waits longer: the disk, or the indexer, is taken for one that does not answer. VoIPBIN waits for an answer
 * five seconds.
 */
const SLOW_MS = 4_000;
/** How often a disk in trouble is tried when no event does so. */
const PROBE_EVERY_MS = 1_000;
/** {@link Writer.close} waits this long for what is under way. */
const CLOSE_WITHIN_MS = 8_000;

/** A record that waits to be written. */
interface Waiting {
  record: JournalRecord;
  plan: HashedPlan | null;
  event: UnindexedEvent | null;
  /** When it was added; `performance.now()`. */
  at: number;
  resolve: () => void;
  reject: (error: InboxUnavailable) => void;
}

/** What the writer needs. */
export interface WriterOptions {
  dataDir: string;
  log: InboxLog;
  /** Where the journal begins. */
  position: JournalPosition;
  /**
   * Told of every write that came through, before its records' promises resolve: the events in it, and the place behind
   * it.
   */
  onKept: (events: readonly UnindexedEvent[], records: number, end: JournalPosition, tookMs: number) => void;
  /** Told of events that were not kept, before their promises reject. */
  onRefused: (events: readonly UnindexedEvent[], error: InboxUnavailable) => void;
  /** Told of events that nobody waits for any more, though they may still be kept. */
  onLate: (events: readonly UnindexedEvent[], error: InboxUnavailable) => void;
  /** Told whenever the disk refused a write. */
  onProblem: (code: string) => void;
  /** Whether writing must wait until more of the journal is indexed. */
  mustWait: () => boolean;
}

/** Plans are objects that events share (`RuleSet.plan`), so each is turned into text once. */
const hashed = new WeakMap<Plan, HashedPlan>();

/** A plan as the journal keeps it. */
export function hashOf(plan: Plan): HashedPlan {
  let known = hashed.get(plan);
  if (known === undefined) {
    known = hashedPlan(JSON.stringify(plan));
    hashed.set(plan, known);
  }
  return known;
}

/**
 * Puts records into the journal.
 *
 * Group commit: what arrives within one turn of the event loop goes together, and while one write is on its way to the
 * disk all that arrives waits for the next one, hence one sync for all that arrived meanwhile. Alone, a record waits
 * for nothing but its own.
 *
 * Guarantees: a record's promise resolves only after the sync that covers it; records are written in the order in which
 * they were added; every promise settles within five seconds. Not guaranteed: that a record which was refused as `slow`
 * is not kept after all.
 */
export class Writer {
  readonly #journal: Journal;
  /** What waits for the next write. */
  #fresh: Waiting[] = [];
  /** What is being written, and since when. Nobody waits for it any more once the disk was found slow. */
  #writing: { together: Waiting[]; since: number } | null = null;
  #held = { records: 0, bytes: 0 };
  #isScheduled = false;
  #slow: NodeJS.Timeout | undefined;
  #probe: NodeJS.Timeout | undefined;
  #problem: InboxProblem | null = null;
  #isClosed = false;
  #idle: () => void = () => undefined;
  /** Plans that stand in the journal's present segment. */
  #plans = { segment: 0, hashes: new Set<string>() };

  constructor(private readonly options: WriterOptions) {
    this.#journal = new Journal(options.dataDir, options.position.segment);
  }

  /** Why nothing can be kept at present; null when all is well. */
  problem(): InboxProblem | null {
    return this.#problem;
  }

  /** Every segment of the journal up to this one is in `inbox.db`, durably. */
  release(segment: number): void {
    this.#journal.release(segment);
  }

  /** What had to wait for the indexer may go on. */
  goOn(): void {
    if (this.#problem?.code === 'busy' && !this.options.mustWait()) {
      this.#solved();
    }
    if (this.#fresh.length > 0) {
      this.#write();
    }
  }

  /** @throws InboxUnavailable (as a rejection) when it could not be kept. */
  add(record: JournalRecord, plan: HashedPlan | null = null, event: UnindexedEvent | null = null): Promise<void> {
    const refusal = this.#refusal(sizeOf(record));
    if (refusal !== null) {
      this.options.onRefused(event === null ? [] : [event], refusal);
      return Promise.reject(refusal);
    }
    this.#held.records += 1;
    this.#held.bytes += sizeOf(record);
    return new Promise((resolve, reject) => {
      this.#fresh.push({ record, plan, event, at: performance.now(), resolve, reject });
      this.#schedule();
    });
  }

  /** Why a record of this size would be refused at once; null when it would not. */
  #refusal(bytes: number): InboxUnavailable | null {
    if (this.#isClosed) {
      return new InboxUnavailable('closed', 'the inbox is closed');
    }
    // While the disk (or the indexer) hangs nothing is added to what waits for it; that it does its work after all
    // tells when it is back.
    if (this.#problem?.code === 'slow' || this.#problem?.code === 'busy') {
      return new InboxUnavailable(this.#problem.code, this.#problem.message);
    }
    if (this.#held.records >= MOST_WAITING || (this.#held.bytes > 0 && this.#held.bytes + bytes > MOST_WAITING_BYTES)) {
      return new InboxUnavailable('busy', 'events cannot be kept: they come faster than the disk takes them');
    }
    return null;
  }

  /**
   * Writes what still waits, then closes the journal, within a bound. Call it once.
   * @returns false when a write is still on its way: the disk hangs.
   */
  async close(): Promise<boolean> {
    this.#isClosed = true;
    clearTimeout(this.#probe);
    if (this.#fresh.length > 0 || this.#writing !== null) {
      const idle = new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
      this.#schedule();
      const late = new AbortController();
      await Promise.race([idle, delay(CLOSE_WITHIN_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
    }
    clearTimeout(this.#slow);
    this.#refuse(this.#fresh.splice(0), new InboxUnavailable('closed', 'the inbox is closed'));
    if (this.#writing !== null) {
      return false;
    }
    await this.#journal.close();
    return true;
  }

  /** What comes within one turn of the event loop goes together. */
  #schedule(): void {
    if (!this.#isScheduled && this.#writing === null) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#write();
      });
    } else {
      this.#boundWait();
    }
  }

  #write(): void {
    if (this.#writing === null && this.#fresh.length > 0 && !this.#journal.isFull && !this.options.mustWait()) {
      this.#begin(this.#fresh.splice(0, this.#fits()));
    }
    this.#boundWait();
  }

  #begin(together: Waiting[]): void {
    const since = performance.now();
    this.#writing = { together, since };
    this.#journal.write(this.#recordsOf(together)).then(
      (end) => this.#written(together, end, performance.now() - since),
      (error: unknown) => this.#failed(together, error),
    );
  }

  /** Sees to it that nobody waits for longer than the bound, whatever the reason. */
  #boundWait(): void {
    const oldest = this.#writing === null ? this.#fresh[0]?.at : (this.#writing.together[0]?.at ?? this.#writing.since);
    if (oldest !== undefined && this.#slow === undefined && this.#problem?.code !== 'slow') {
      this.#slow = setTimeout(() => this.#tooSlow(), Math.max(0, oldest + SLOW_MS - performance.now()));
    }
  }

  #fits(): number {
    let bytes = 0;
    const beyond = this.#fresh.findIndex(
      ({ record }, index) => index > 0 && (index === MOST_TOGETHER || (bytes += sizeOf(record)) > MOST_BYTES_TOGETHER),
    );
    return beyond === -1 ? this.#fresh.length : beyond;
  }

  /** A plan goes before the first event of a segment that has it, so that every segment can be read by itself. */
  #recordsOf(together: readonly Waiting[]): JournalRecord[] {
    const { segment } = this.#journal;
    if (this.#plans.segment !== segment) {
      this.#plans = { segment, hashes: new Set() };
    }
    const records: JournalRecord[] = [];
    for (const { record, plan } of together) {
      if (plan !== null && !this.#plans.hashes.has(plan.hash)) {
        this.#plans.hashes.add(plan.hash);
        records.push({ meta: { kind: 'plan', hash: plan.hash }, text: plan.json, bytes: NO_BYTES });
      }
      records.push(record);
    }
    return records;
  }

  #written(together: readonly Waiting[], end: JournalPosition, tookMs: number): void {
    this.#settled();
    if (this.#problem !== null && this.#problem.code !== 'busy') {
      this.#solved();
    }
    this.options.onKept(eventsOf(together), together.length, end, tookMs);
    // The disk has its next work before these are answered.
    this.#write();
    for (const { record, resolve } of together) {
      this.#release(record);
      resolve();
    }
    this.#idleIfSo();
  }

  #solved(): void {
    this.options.log.info({ code: this.#problem?.code }, 'events can be kept again');
    this.#problem = null;
  }

  #failed(together: readonly Waiting[], error: unknown): void {
    this.#settled();
    // Which of its plans the segment has is not known now.
    this.#plans = { segment: 0, hashes: new Set() };
    const unavailable = InboxUnavailable.of(error);
    this.options.onProblem(unavailable.code);
    if (this.#problem === null) {
      this.options.log.error({ code: unavailable.code }, unavailable.message);
    }
    this.#problem = { code: unavailable.code, message: unavailable.message, since: this.#problem?.since ?? new Date() };
    this.#refuse(together, unavailable);
    this.#scheduleProbe();
    this.#boundWait();
    if (this.#fresh.length > 0) {
      this.#schedule();
    }
    this.#idleIfSo();
  }

  #settled(): void {
    this.#writing = null;
    clearTimeout(this.#slow);
    this.#slow = undefined;
  }

  #idleIfSo(): void {
    if (this.#fresh.length === 0 && this.#writing === null) {
      this.#idle();
    }
  }

  /** Without traffic (a load balancer has turned away) only this finds out that the disk takes writes again. */
  #scheduleProbe(): void {
    if (this.#probe === undefined && !this.#isClosed) {
      this.#probe = setTimeout(() => {
        this.#probe = undefined;
        if (this.#problem !== null && this.#writing === null) {
          this.#begin([]);
          this.#boundWait();
        }
      }, PROBE_EVERY_MS);
      this.#probe.unref();
    }
  }

  /**
   * Somebody has waited for too long. Nobody is kept waiting; what the disk takes after all is a duplicate when it is
   * sent again.
   */
  #tooSlow(): void {
    this.#slow = undefined;
    const isDisk = this.#writing !== null && performance.now() - this.#writing.since >= SLOW_MS / 2;
    const code = isDisk ? 'slow' : 'busy';
    const message = isDisk
      ? `events cannot be kept: the disk has not answered for ${SLOW_MS / 1_000} s; look at its health and load`
      : 'events cannot be kept: they come faster than they can be brought into inbox.db; look at the health and load of the disk';
    if (this.#problem?.code !== code) {
      this.options.log.error({ code }, message);
      this.options.onProblem(code);
    }
    this.#problem = { code, message, since: this.#problem?.since ?? new Date() };
    const error = new InboxUnavailable(code, message);
    const writing = this.#writing?.together ?? [];
    this.options.onLate(eventsOf(writing), error);
    for (const { reject } of writing) {
      reject(error);
    }
    this.#refuse(this.#fresh.splice(0), error);
    if (code === 'busy' && !this.options.mustWait() && !this.#journal.isFull) {
      // It was only that much at once.
      this.#solved();
    }
  }

  #refuse(waiting: readonly Waiting[], error: InboxUnavailable): void {
    this.options.onRefused(eventsOf(waiting), error);
    for (const { record, reject } of waiting) {
      this.#release(record);
      reject(error);
    }
  }

  #release(record: JournalRecord): void {
    this.#held.records -= 1;
    this.#held.bytes -= sizeOf(record);
  }
}

/** About how much memory it takes. */
function sizeOf({ text, bytes }: JournalRecord): number {
  return bytes.length + text.length + 1_024;
}

function eventsOf(waiting: readonly Waiting[]): UnindexedEvent[] {
  return waiting.flatMap(({ event }) => (event === null ? [] : [event]));
}
