import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { InboxUnavailable, type InboxProblem } from '../inbox-unavailable';
import type { FromIndexer, IndexerStart, ToIndexer } from './indexer-messages';
import { isBefore, type JournalPosition } from '../journal/frame';
import type { IdHashes } from '../seen-ids';
import type { Retention } from './retention';

/**
 * What comes alone is indexed at once, so that it can be read as soon as it is answered; but no more often than this,
 * as every time costs the disk.
 */
const PAUSE_MS = 20;
/**
 * When more than this comes in one pause, answers go first: the rest is indexed together in the first pause in which
 * nothing comes,
 */
const FEW = 32;
/** at the latest after this, or when there are so many. */
const LATEST_MS = 1_000;
const MANY = 20_000;
const RESTART_MS = 1_000;
/** {@link Indexer.close} waits this long for what is under way, and then for the thread to end. */
const CLOSE_WITHIN_MS = 8_000;
const END_WITHIN_MS = 1_000;

/** Where the inbox tells of what an operator should know. */
export interface InboxLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** What the indexer needs. */
export interface IndexerOptions {
  dataDir: string;
  log: InboxLog;
  retention: Retention;
  /** Told when a part of the journal is in `inbox.db`. */
  onIndexed: (indexed: { through: JournalPosition; toDo: number; released: number }) => void;
  /** Told whenever the store refused a transaction. */
  onProblem: (code: string) => void;
  /** The script of the thread. Default: the compiled one beside this file. */
  threadScript: string | undefined;
}

/**
 * Owns the thread that brings what the journal keeps into `inbox.db` (indexer-thread.ts), and starts it again should it
 * end.
 */
export class Indexer {
  #thread: Worker | null = null;
  #isOpen = false;
  #closing: (() => void) | null = null;
  #problem: InboxProblem | null = null;
  /** The journal up to here is kept; null before anything is. */
  #kept: JournalPosition | null = null;
  /** The thread was asked for all up to here. */
  #asked: JournalPosition;
  #indexed: JournalPosition;
  /** What it was not yet asked for. */
  #unasked = { records: 0, since: 0, last: 0 };
  #pause: NodeJS.Timeout | undefined;
  #askedAt = -PAUSE_MS;
  #caughtUp: { end: JournalPosition; resolve: () => void }[] = [];

  private constructor(private readonly options: IndexerOptions) {
    this.#asked = { segment: 0, offset: 0 };
    this.#indexed = this.#asked;
  }

  /**
   * Brings what an earlier bridge left in the journal into `inbox.db`.
   * @returns with the place where the journal goes on, and the ids of all events kept.
   * @throws InboxUnavailable when the store cannot be opened; Error when a newer bridge wrote it.
   */
  static async open(
    options: IndexerOptions,
  ): Promise<{ indexer: Indexer; position: JournalPosition; known: IdHashes }> {
    const indexer = new Indexer(options);
    const { position, known } = await indexer.#start(false);
    if (known === null) {
      throw new Error('the thread that indexes the inbox did not say which events it has');
    }
    indexer.#asked = position;
    indexer.#indexed = position;
    return { indexer, position, known };
  }

  /** Why nothing can be indexed at present; null when all is well. */
  problem(): InboxProblem | null {
    return this.#problem;
  }

  /** The journal has so many records more, and is kept up to a place: `inbox.db` is to follow. */
  follow(kept: JournalPosition, records: number): void {
    this.#kept = kept;
    const now = performance.now();
    this.#unasked = {
      records: this.#unasked.records + records,
      since: this.#unasked.records === 0 ? now : this.#unasked.since,
      last: now,
    };
    this.#followSoon();
  }

  /** Resolves when all that is kept by now is in `inbox.db`. It may never do so while there is a problem. */
  caughtUp(): Promise<void> {
    const end = this.#kept;
    if (end === null || !isBefore(this.#indexed, end)) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#caughtUp.push({ end, resolve });
      if (isBefore(this.#asked, end)) {
        this.#ask(end);
      }
    });
  }

  /**
   * Brings all that is kept into `inbox.db`, then closes it and ends the thread, within a bound. Call it once.
   * @returns false when the thread could not be ended: it hangs in a call of the system, and the process with it when
   *   it is to exit.
   */
  async close(): Promise<boolean> {
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
    if (this.#isOpen) {
      clearTimeout(this.#pause);
      this.#thread?.ref();
      if (this.#kept !== null) {
        this.#tell({ type: 'index', through: this.#kept });
      }
      this.#tell({ type: 'close' });
      const late = new AbortController();
      await Promise.race([closed, delay(CLOSE_WITHIN_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
    }
    if (this.#thread === null) {
      return true;
    }
    const late = new AbortController();
    try {
      return await Promise.race([
        this.#thread.terminate().then(() => true),
        delay(END_WITHIN_MS, false, { signal: late.signal }),
      ]);
    } finally {
      late.abort();
    }
  }

  #start(isJournalWritten: boolean): Promise<{ position: JournalPosition; known: IdHashes | null }> {
    const { dataDir, retention, threadScript } = this.options;
    const workerData: IndexerStart = { dataDir, retention, isJournalWritten };
    const thread = new Worker(threadScript ?? join(__dirname, 'indexer-thread.js'), {
      workerData,
      name: 'inbox indexer',
    });
    this.#thread = thread;
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromIndexer) => {
        if (this.#thread !== thread) {
          return;
        }
        if (message.type === 'opened') {
          this.#isOpen = true;
          // With nothing to do it keeps no process alive.
          thread.unref();
          resolve(message);
        } else if (message.type === 'failed') {
          reject(
            message.code === 'newer' ? new Error(message.message) : new InboxUnavailable(message.code, message.message),
          );
        } else {
          this.#hear(message);
        }
      });
      // A message that is lost may be one that others wait for: better to begin anew.
      thread.on('messageerror', () => void thread.terminate());
      thread.on('error', (error) =>
        this.options.log.error({ error: error.name }, 'the thread that indexes the inbox failed; it is started again'),
      );
      thread.on('exit', () => {
        reject(new InboxUnavailable('indexer_ended', 'events cannot be kept: the thread that indexes them ended'));
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
      this.#problem = {
        code: 'indexer_ended',
        message: 'events cannot be kept: the thread that indexes them ended and is being started again',
        since: new Date(),
      };
      this.#restart();
    }
  }

  #restart(): void {
    setTimeout(() => {
      if (this.#closing !== null) {
        return;
      }
      this.#start(true).then(
        () => {
          this.#problem = null;
          this.options.log.info({}, 'events can be kept again');
          if (this.#kept !== null) {
            this.#ask(this.#kept);
          }
        },
        (error: unknown) => {
          this.#problem = {
            code: 'indexer_ended',
            message: error instanceof Error ? error.message : 'unknown',
            since: this.#problem?.since ?? new Date(),
          };
          this.#restart();
        },
      );
    }, RESTART_MS).unref();
  }

  #hear(message: Exclude<FromIndexer, { type: 'opened' | 'failed' }>): void {
    const { log, onIndexed, onProblem } = this.options;
    switch (message.type) {
      case 'indexed':
        this.#indexed = message.through;
        onIndexed(message);
        this.#caughtUp = this.#caughtUp.filter(({ end, resolve }) => {
          const isDone = !isBefore(message.through, end);
          if (isDone) {
            resolve();
          }
          return !isDone;
        });
        if (!this.#isBusy() && this.#closing === null) {
          this.#thread?.unref();
          this.#followSoon();
        }
        return;
      case 'problem':
        this.#problem = message.problem;
        return;
      case 'refused':
        onProblem(message.code);
        return;
      case 'log':
        log[message.level](message.fields, message.message);
        return;
      case 'closed':
        this.#closing?.();
    }
  }

  #isBusy(): boolean {
    return isBefore(this.#indexed, this.#asked);
  }

  #followSoon(): void {
    if (this.#kept === null || this.#unasked.records === 0 || this.#isBusy() || this.#pause !== undefined) {
      return;
    }
    const now = performance.now();
    const { records, since, last } = this.#unasked;
    const isPaused = now - this.#askedAt >= PAUSE_MS;
    if ((isPaused && (records <= FEW || now - last >= PAUSE_MS)) || records >= MANY || now - since >= LATEST_MS) {
      this.#ask(this.#kept);
      return;
    }
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#followSoon();
    }, PAUSE_MS);
  }

  #ask(through: JournalPosition): void {
    this.#asked = through;
    this.#askedAt = performance.now();
    this.#unasked = { records: 0, since: 0, last: 0 };
    this.#thread?.ref();
    this.#tell({ type: 'index', through });
  }

  #tell(message: ToIndexer): void {
    this.#thread?.postMessage(message);
  }
}
