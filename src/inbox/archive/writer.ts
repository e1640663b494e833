import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { settlesWithin } from '../../timing/settles-within';
import type { InboxLog } from '../inbox-log';
import { InboxUnavailable, type InboxProblem } from '../inbox-unavailable';
import type { InboxOutcome } from '../stored-event';
import { packRecords, type InboxRecord } from './record';
import type { Retention } from './retention';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages';

const RESTART_AFTER_MS = 1_000;
/** {@link ArchiveWriter.close} waits this long for the commit in progress, and then for the thread to end. */
const CLOSE_WITHIN_MS = 8_000;
const END_WITHIN_MS = 1_000;

/** What the writer needs. */
export interface ArchiveWriterOptions {
  dataDir: string;
  log: InboxLog;
  retention: Retention;
  /** The script of the thread. Default: the compiled one beside this file. */
  threadScript: string | undefined;
}

/** A commit whose answer has not come yet. */
interface PendingCommit {
  resolve: (outcomes: InboxOutcome[]) => void;
  reject: (error: InboxUnavailable) => void;
}

/** Runs the thread that writes `inbox.db` (writer-thread.ts), and starts it again when it ends unexpectedly. */
export class ArchiveWriter {
  #thread: Worker | null = null;
  #isOpen = false;
  #pending: PendingCommit | null = null;
  #onEnd: (() => void) | null = null;
  #problem: InboxProblem | null = null;

  private constructor(private readonly options: ArchiveWriterOptions) {}

  /**
   * Opens the archive in its thread.
   * @throws InboxUnavailable when it cannot be opened; Error when a newer bridge wrote it.
   */
  static async open(options: ArchiveWriterOptions): Promise<ArchiveWriter> {
    const writer = new ArchiveWriter(options);
    await writer.#start();
    return writer;
  }

  /** Why nothing can be written at present; null while the thread runs. */
  problem(): InboxProblem | null {
    return this.#problem;
  }

  /**
   * Commits records in one transaction. Call it again only after it settled.
   * @returns one outcome per record, when they are on the disk.
   * @throws InboxUnavailable (as a rejection) when the disk or the file refused them, or the thread ended.
   */
  commit(records: readonly InboxRecord[]): Promise<InboxOutcome[]> {
    const thread = this.#thread;
    if (thread === null || !this.#isOpen) {
      return Promise.reject(endedError());
    }
    // Keeps the process alive while a commit is in progress.
    thread.ref();
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      const packed = packRecords(records);
      const message: ToWriter = { type: 'commit', records: packed };
      thread.postMessage(message, [packed.bodies]);
    });
  }

  /**
   * Closes the archive and ends the thread, within a bound. Call it once.
   * @returns false when the thread could not be ended: it waits for the disk in a system call, which also keeps the
   *   process from exiting.
   */
  async close(): Promise<boolean> {
    const ended = new Promise<void>((resolve) => {
      this.#onEnd = resolve;
    });
    const thread = this.#thread;
    if (thread === null) {
      return true;
    }
    if (this.#isOpen) {
      thread.ref();
      const message: ToWriter = { type: 'close' };
      thread.postMessage(message);
      await settlesWithin(ended, CLOSE_WITHIN_MS);
    }
    return settlesWithin(thread.terminate(), END_WITHIN_MS);
  }

  #start(): Promise<void> {
    const { dataDir, retention, threadScript } = this.options;
    const workerData: WriterStart = { dataDir, retention };
    const thread = new Worker(threadScript ?? join(__dirname, 'writer-thread.js'), {
      workerData,
      name: 'inbox writer',
    });
    this.#thread = thread;
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromWriter) => {
        if (this.#thread !== thread) {
          return;
        }
        if (message.type === 'opened') {
          this.#isOpen = true;
          thread.unref();
          resolve();
        } else if (message.type === 'failed') {
          reject(
            message.code === 'newer' ? new Error(message.message) : new InboxUnavailable(message.code, message.message),
          );
        } else {
          this.#onMessage(message);
        }
      });
      // A lost message may be the answer to a commit.
      thread.on('messageerror', () => void thread.terminate());
      thread.on('error', (error) =>
        this.options.log.error({ error: error.name }, 'the thread that writes the inbox failed; it is started again'),
      );
      thread.on('exit', () => {
        reject(endedError());
        // A thread that failed to start may exit after its successor has started.
        if (this.#thread === thread) {
          this.#onExit();
        }
      });
    });
  }

  #onMessage(message: Exclude<FromWriter, { type: 'opened' | 'failed' }>): void {
    switch (message.type) {
      case 'committed':
        this.#takePending()?.resolve(message.outcomes);
        return;
      case 'refused':
        this.#takePending()?.reject(new InboxUnavailable(message.code, message.message));
        return;
      case 'log':
        this.options.log[message.level](message.fields, message.message);
        return;
      case 'closed':
        this.#onEnd?.();
    }
  }

  #takePending(): PendingCommit | null {
    const pending = this.#pending;
    this.#pending = null;
    if (this.#onEnd === null) {
      this.#thread?.unref();
    }
    return pending;
  }

  #onExit(): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#thread = null;
    this.#takePending()?.reject(endedError());
    if (this.#onEnd !== null) {
      this.#onEnd();
    } else if (wasOpen) {
      const { code, message } = endedError();
      this.#problem = { code, message, since: new Date() };
      this.#restartLater();
    }
  }

  #restartLater(): void {
    setTimeout(() => {
      if (this.#onEnd !== null) {
        return;
      }
      this.#start().then(
        () => {
          this.#problem = null;
          this.options.log.info({}, 'events can be kept again');
        },
        (error: unknown) => {
          this.#problem = {
            code: 'writer_ended',
            message: error instanceof Error ? error.message : 'unknown',
            since: this.#problem?.since ?? new Date(),
          };
          this.#restartLater();
        },
      );
    }, RESTART_AFTER_MS).unref();
  }
}

function endedError(): InboxUnavailable {
  return new InboxUnavailable(
    'writer_ended',
    'events cannot be kept: the thread that writes them ended and is being started again',
  );
}
