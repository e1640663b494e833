import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { batchOf, type PreparedWrite } from './batch';
import { InboxUnavailable, type InboxProblem } from './inbox-unavailable';
import type { Retention } from './retention';
import type { FromWriter, ToWriter, WriteResult, WriterStart } from './writer-messages';

/** Bounds of one batch: how long the store's only writer may be busy with it. */
const MAX_WRITES = 512;
const MAX_BYTES = 16 * 1_048_576;
/** Bounds of what waits for the next batch. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 128 * 1_048_576;
/** A disk that takes longer for a batch is taken for one that does not answer. VoIPBIN waits for an answer five seconds. */
const SLOW_MS = 4_000;
const RESTART_MS = 1_000;
/** {@link Writer.close} waits this long for what is under way. */
const CLOSE_WITHIN_MS = 8_000;

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

interface Waiting {
  prepared: PreparedWrite;
  resolve: (value: string | null) => void;
  reject: (error: InboxUnavailable) => void;
}

/**
 * Hands writes to the thread that writes the store (writer-thread.ts), which is started again should it end.
 *
 * Group commit: while a batch is under way everything that arrives waits for the next one, hence one sync for all that arrived meanwhile. Alone, a
 * write waits for nothing but its own.
 *
 * Guarantees: a write's promise resolves only after the sync that covers it; writes are done in the order in which they were added; every promise settles
 * within five seconds. Not guaranteed: that a write which was refused as `slow` or `writer_ended` is not kept after all.
 */
export class Writer {
  #thread: Worker | null = null;
  #isOpen = false;
  #closing: (() => void) | null = null;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #underWay: Waiting[] | null = null;
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
    if (!this.#isOpen) {
      return Promise.reject(new InboxUnavailable(this.#problem?.code ?? 'unknown', this.#problem?.message ?? 'events cannot be kept: the store is not open'));
    }
    const bytes = sizeOf(prepared);
    if (this.#waiting.length >= MOST_WAITING || (this.#waitingBytes > 0 && this.#waitingBytes + bytes > MOST_WAITING_BYTES)) {
      return Promise.reject(new InboxUnavailable('busy', 'events cannot be kept: they come faster than the disk takes them'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ prepared, resolve, reject });
      this.#waitingBytes += bytes;
      this.#schedule();
    });
  }

  /** Keeps what still waits, then closes the store and ends the thread, within a bound. */
  async close(): Promise<void> {
    if (this.#closing !== null) {
      return;
    }
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    });
    this.#thread?.ref();
    this.#schedule();
    await Promise.race([closed, late]);
    clearTimeout(timer);
    clearTimeout(this.#slow);
    this.#refuseAll(new InboxUnavailable('closed', 'the inbox is closed'));
    await this.#thread?.terminate();
  }

  #start(): Promise<void> {
    const { dataDir, retention, threadScript } = this.options;
    const workerData: WriterStart = { dataDir, retention };
    const thread = new Worker(threadScript ?? join(__dirname, 'writer-thread.js'), { workerData, name: 'inbox writer' });
    this.#thread = thread;
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromWriter) => {
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
        this.#settle(message.results, message.tookMs);
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
    if (!this.#scheduled && this.#underWay === null) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    }
  }

  #send(): void {
    if (this.#underWay !== null || !this.#isOpen) {
      return;
    }
    if (this.#waiting.length === 0) {
      if (this.#closing !== null) {
        this.#tell({ type: 'close' });
      }
      return;
    }
    this.#underWay = this.#takeBatch();
    this.#thread?.ref();
    const batch = batchOf(this.#underWay.map(({ prepared }) => prepared));
    this.#tell({ type: 'batch', batch }, [batch.bodies]);
    this.#slow = setTimeout(() => this.#tooSlow(), SLOW_MS);
  }

  #tell(message: ToWriter, transfer: ArrayBuffer[] = []): void {
    this.#thread?.postMessage(message, transfer);
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { prepared } of this.#waiting) {
      const size = sizeOf(prepared);
      if (count > 0 && (count === MAX_WRITES || bytes + size > MAX_BYTES)) {
        break;
      }
      bytes += size;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #settle(results: readonly WriteResult[], tookMs: number | null): void {
    clearTimeout(this.#slow);
    const batch = this.#underWay ?? [];
    this.#underWay = null;
    if (this.#problem?.code === 'slow') {
      this.options.log.info({ code: 'slow' }, 'events can be kept again');
      this.#problem = null;
    }
    if (tookMs !== null) {
      this.options.onCommit?.(results.length, tookMs);
    }
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = results[index];
      if (result?.ok === true) {
        resolve(result.value);
      } else {
        reject(new InboxUnavailable(result?.code ?? 'unknown', result?.message ?? 'events cannot be kept: the store failed'));
      }
    }
    if (this.#waiting.length > 0 || this.#closing !== null) {
      this.#schedule();
    } else {
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
    for (const { reject } of [...(this.#underWay ?? []), ...this.#waiting]) {
      reject(new InboxUnavailable('slow', message));
    }
    // The batch stays under way until its results come: the thread can do no other.
    this.#underWay = [];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#slow = setTimeout(() => this.#tooSlow(), SLOW_MS);
  }

  #refuseAll(error: InboxUnavailable): void {
    clearTimeout(this.#slow);
    const all = [...(this.#underWay ?? []), ...this.#waiting];
    this.#underWay = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { reject } of all) {
      reject(error);
    }
  }
}

/** About how much memory it takes. */
function sizeOf({ write, body }: PreparedWrite): number {
  return (body?.length ?? 0) + (write.kind === 'append' ? write.head.length : 0) + 1_024;
}
