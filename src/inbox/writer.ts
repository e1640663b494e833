import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { batchOf, type PreparedWrite } from './batch';
import { InboxUnavailable, type InboxProblem } from './inbox-unavailable';
import type { Retention } from './retention';
import type { FromWriter, ToWriter, WriteResult, WriterStart } from './writer-messages';

/** What is handed over together at most. */
const MAX_WRITES = 512;
/** Bounds of what is not on the disk yet. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 128 * 1_048_576;
/** A disk that takes longer for a batch is taken for one that does not answer. VoIPBIN waits for an answer five seconds. */
const SLOW_MS = 4_000;
const RESTART_MS = 1_000;
/** {@link Writer.close} waits this long for what is under way, and then for the thread to end. */
const CLOSE_WITHIN_MS = 8_000;
const END_WITHIN_MS = 1_000;

/** Where the inbox tells of what an operator should know. */
export interface InboxLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** What the writer needs. */
export interface WriterOptions {
  dataDir: string;
  log: InboxLog;
  retention: Retention;
  /** Told of every batch that came through: how many writes, and how long its transaction took, its sync included. */
  onCommit?: (writes: number, tookMs: number) => void;
  /** Told whenever the store refused a transaction. */
  onProblem?: (code: string) => void;
  /** The script of the thread. Default: the compiled one beside this file. */
  threadScript?: string;
}

/** A batch that the thread has. */
interface Sent {
  number: number;
  /** `performance.now()` */
  at: number;
  waiting: Waiting[];
}

interface Waiting {
  prepared: PreparedWrite;
  resolve: (value: string | null) => void;
  reject: (error: InboxUnavailable) => void;
}

/**
 * Hands writes to the thread that writes the store (writer-thread.ts), which is started again should it end.
 *
 * Group commit: what arrives within one turn of the event loop is handed over at once, and while the thread is busy with a transaction all that is handed over
 * meanwhile waits for the next one, hence one sync for all that arrived meanwhile. Alone, a write waits for nothing but its own.
 *
 * Guarantees: a write's promise resolves only after the sync that covers it; writes are done in the order in which they were added; every promise settles
 * within five seconds. Not guaranteed: that a write which was refused as `slow` or `writer_ended` is not kept after all.
 */
export class Writer {
  #thread: Worker | null = null;
  #isOpen = false;
  #closing: (() => void) | null = null;
  /** What came in this turn of the event loop. */
  #fresh: Waiting[] = [];
  /** Batches that the thread has, the oldest first. */
  #sent: Sent[] = [];
  #batches = 0;
  #held = { writes: 0, bytes: 0 };
  #scheduled = false;
  #slow: NodeJS.Timeout | undefined;
  #problem: InboxProblem | null = null;

  private constructor(private readonly options: WriterOptions) {}

  /** @throws InboxUnavailable when the store cannot be opened; Error when a newer bridge wrote it. */
  static async open(options: WriterOptions): Promise<Writer> {
    const writer = new Writer(options);
    await writer.#start();
    return writer;
  }

  /** Why nothing can be kept at present; null when all is well. */
  problem(): InboxProblem | null {
    return this.#problem;
  }

  /** @throws InboxUnavailable (as a rejection) when it could not be kept. */
  add(prepared: PreparedWrite): Promise<string | null> {
    if (this.#closing !== null) {
      return Promise.reject(new InboxUnavailable('closed', 'the inbox is closed'));
    }
    // While the disk hangs nothing is added to what waits for it; the results of that tell when it is back.
    if (!this.#isOpen || this.#problem?.code === 'slow') {
      return Promise.reject(new InboxUnavailable(this.#problem?.code ?? 'unknown', this.#problem?.message ?? 'events cannot be kept: the store is not open'));
    }
    const bytes = sizeOf(prepared);
    if (this.#held.writes >= MOST_WAITING || (this.#held.bytes > 0 && this.#held.bytes + bytes > MOST_WAITING_BYTES)) {
      return Promise.reject(new InboxUnavailable('busy', 'events cannot be kept: they come faster than the disk takes them'));
    }
    return new Promise((resolve, reject) => {
      this.#fresh.push({ prepared, resolve, reject });
      this.#held.writes += 1;
      this.#held.bytes += bytes;
      this.#schedule();
    });
  }

  /**
   * Keeps what still waits, then closes the store and ends the thread, within a bound. Call it once.
   * @returns false when the thread could not be ended: it hangs in a call of the system, and the process with it when it is to exit.
   */
  async close(): Promise<boolean> {
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    });
    if (this.#isOpen) {
      this.#thread?.ref();
      this.#schedule();
      await Promise.race([closed, late]);
    }
    clearTimeout(timer);
    clearTimeout(this.#slow);
    this.#refuseAll(new InboxUnavailable('closed', 'the inbox is closed'));
    return this.#thread === null || Promise.race([this.#thread.terminate().then(() => true), delay(END_WITHIN_MS, false)]);
  }

  #start(): Promise<void> {
    const { dataDir, retention, threadScript } = this.options;
    const workerData: WriterStart = { dataDir, retention };
    const thread = new Worker(threadScript ?? join(__dirname, 'writer-thread.js'), { workerData, name: 'inbox writer' });
    this.#thread = thread;
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromWriter) => {
        if (this.#thread !== thread) {
          return;
        }
        if (message.type === 'opened') {
          this.#isOpen = true;
          // With nothing to do it keeps no process alive.
          thread.unref();
          resolve();
        } else if (message.type === 'failed') {
          reject(message.code === 'newer' ? new Error(message.message) : new InboxUnavailable(message.code, message.message));
        } else {
          this.#hear(message);
        }
      });
      // A message that is lost would give its answer to the next one's sender: better to begin anew.
      thread.on('messageerror', () => void thread.terminate());
      thread.on('error', (error) => this.options.log.error({ error: error.name }, 'the thread that writes the inbox failed; it is started again'));
      thread.on('exit', () => {
        reject(new InboxUnavailable('writer_ended', 'events cannot be kept: the thread that writes them ended'));
        if (this.#thread === thread) {
          this.#ended();
        }
      });
    });
  }

  #ended(): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#thread = null;
    if (this.#closing !== null) {
      this.#closing();
    } else if (wasOpen) {
      const message = 'events cannot be kept: the thread that writes them ended and is being started again';
      this.#problem = { code: 'writer_ended', message, since: new Date() };
      this.#refuseAll(new InboxUnavailable('writer_ended', message));
      this.#restart();
    }
  }

  #restart(): void {
    setTimeout(() => {
      if (this.#closing !== null) {
        return;
      }
      this.#start().then(
        () => {
          this.#problem = null;
          this.options.log.info({}, 'events can be kept again');
        },
        (error: unknown) => {
          this.#problem = { code: 'writer_ended', message: error instanceof Error ? error.message : 'unknown', since: this.#problem?.since ?? new Date() };
          this.#restart();
        },
      );
    }, RESTART_MS).unref();
  }

  #hear(message: Exclude<FromWriter, { type: 'opened' | 'failed' }>): void {
    const { log, onProblem } = this.options;
    switch (message.type) {
      case 'results':
        this.#settle(message.batches, message.tookMs);
        return;
      case 'problem':
        this.#problem = message.problem;
        return;
      case 'refused':
        onProblem?.(message.code);
        return;
      case 'log':
        log[message.level](message.fields, message.message);
        return;
      case 'closed':
        this.#closing?.();
    }
  }

  /** What comes within one turn of the event loop goes together. */
  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    }
  }

  #send(): void {
    if (!this.#isOpen) {
      return;
    }
    while (this.#fresh.length > 0) {
      const sent = this.#fresh.splice(0, MAX_WRITES);
      const batch = batchOf(sent.map(({ prepared }) => prepared));
      const number = (this.#batches += 1);
      this.#sent.push({ number, at: performance.now(), waiting: sent });
      this.#thread?.ref();
      this.#tell({ type: 'batch', number, batch }, [batch.bodies]);
      this.#slow ??= setTimeout(() => this.#tooSlow(), SLOW_MS);
    }
    if (this.#closing !== null) {
      this.#tell({ type: 'close' });
    }
  }

  #tell(message: ToWriter, transfer: ArrayBuffer[] = []): void {
    this.#thread?.postMessage(message, transfer);
  }

  #settle(batches: readonly { number: number; results: readonly WriteResult[] }[], tookMs: number | null): void {
    for (const { number, results } of batches) {
      const sent = this.#sent.shift();
      if (sent?.number !== number) {
        this.options.log.error({}, 'the thread that writes the inbox answered out of turn; it is started again');
        this.#refuse(sent?.waiting ?? [], new InboxUnavailable('writer_ended', 'events cannot be kept: the thread that writes them failed'));
        void this.#thread?.terminate();
        return;
      }
      for (const [index, { prepared, resolve, reject }] of sent.waiting.entries()) {
        this.#release(prepared);
        const result = results[index];
        if (result?.ok === true) {
          resolve(result.value);
        } else {
          reject(new InboxUnavailable(result?.code ?? 'unknown', result?.message ?? 'events cannot be kept: the store failed'));
        }
      }
    }
    if (tookMs !== null) {
      this.options.onCommit?.(batches.reduce((sum, { results }) => sum + results.length, 0), tookMs);
    }
    clearTimeout(this.#slow);
    const oldest = this.#sent[0];
    const leftMs = oldest === undefined ? SLOW_MS : oldest.at + SLOW_MS - performance.now();
    this.#slow = oldest === undefined ? undefined : setTimeout(() => this.#tooSlow(), Math.max(leftMs, 0));
    if (this.#problem?.code === 'slow' && leftMs > 0) {
      this.options.log.info({ code: 'slow' }, 'events can be kept again');
      this.#problem = null;
    }
    if (oldest === undefined && this.#closing === null) {
      this.#thread?.unref();
    }
  }

  /** The disk hangs. Nobody is kept waiting; what the disk takes after all is a duplicate when it is sent again. */
  #tooSlow(): void {
    const message = `events cannot be kept: the disk has not answered for ${SLOW_MS / 1_000} s; look at its health and load`;
    if (this.#problem === null) {
      this.options.log.error({ code: 'slow' }, message);
      this.options.onProblem?.('slow');
    }
    this.#problem = { code: 'slow', message, since: this.#problem?.since ?? new Date() };
    // The thread still has these batches, and their results will come: nobody waits for them any more.
    const late = this.#sent.flatMap((sent) => sent.waiting.splice(0));
    this.#refuse(late, new InboxUnavailable('slow', message));
    this.#slow = undefined;
  }

  #refuseAll(error: InboxUnavailable): void {
    clearTimeout(this.#slow);
    this.#slow = undefined;
    const all = [...this.#sent.flatMap(({ waiting }) => waiting), ...this.#fresh];
    this.#sent = [];
    this.#fresh = [];
    this.#refuse(all, error);
  }

  #refuse(waiting: readonly Waiting[], error: InboxUnavailable): void {
    for (const { prepared, reject } of waiting) {
      this.#release(prepared);
      reject(error);
    }
  }

  #release(prepared: PreparedWrite): void {
    this.#held.writes -= 1;
    this.#held.bytes -= sizeOf(prepared);
  }
}

/** About how much memory it takes. */
function sizeOf({ write, body }: PreparedWrite): number {
  return (body?.length ?? 0) + (write.kind === 'append' ? write.head.length : 0) + 1_024;
}
