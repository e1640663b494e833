/** The messages between the inbox and its writer thread. */
import type { InboxOutcome } from '../stored-event';
import type { PackedRecords } from './record';
import type { Retention } from './retention';

/** The data that the thread is started with. */
export interface WriterStart {
  dataDir: string;
  retention: Retention;
}

export type ToWriter =
  /** Commit these in one transaction; one at a time. Answered by `committed` or `refused`. */
  | { type: 'commit'; records: PackedRecords }
  /** Close the archive, then end. */
  | { type: 'close' };

export type FromWriter =
  /** The archive is open. */
  | { type: 'opened' }
  /** The archive could not be opened; the thread ends. */
  | { type: 'failed'; code: string; message: string }
  /** The records are on the disk. */
  | { type: 'committed'; outcomes: InboxOutcome[] }
  /** The disk or the file refused the transaction. */
  | { type: 'refused'; code: string; message: string }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; message: string }
  | { type: 'closed' };
