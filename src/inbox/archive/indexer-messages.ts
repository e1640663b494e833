import type { InboxProblem } from '../inbox-unavailable';
import type { JournalPosition } from '../journal/frame';
import type { IdHashes } from '../seen-ids';
import type { Retention } from './retention';

/** What the inbox and its indexer's thread say to each other. */

/** What the thread is started with. */
export interface IndexerStart {
  dataDir: string;
  retention: Retention;
  /** Whether the journal is being written: the thread is one that takes over from another. */
  isJournalWritten: boolean;
}

export type ToIndexer =
  /** Bring into `inbox.db` what the journal has up to a place. */
  | { type: 'index'; through: JournalPosition }
  /** Close the store, then end. */
  | { type: 'close' };

export type FromIndexer =
  /**
   * The store is open. `position`: where the journal goes on. `known`: the ids of all events kept; null for a thread
   * that takes over.
   */
  | { type: 'opened'; position: JournalPosition; known: IdHashes | null }
  /** The store could not be opened; the thread ends. */
  | { type: 'failed'; code: string; message: string }
  /**
   * All of the journal up to `through` can be read in `inbox.db`; `toDo` events with something to do came with it. Up
   * to segment `released` it is there durably.
   */
  | { type: 'indexed'; through: JournalPosition; toDo: number; released: number }
  | { type: 'problem'; problem: InboxProblem | null }
  /** The store refused a transaction. */
  | { type: 'refused'; code: string }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; message: string }
  | { type: 'closed' };
