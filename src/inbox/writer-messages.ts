import type { InboxProblem } from './inbox-unavailable';
import type { Retention } from './retention';

/** What the inbox and its writer's thread say to each other. */

/** One write. Bodies travel together, beside the writes (see {@link Batch}). */
export type Write =
  | {
      kind: 'append';
      event_id: string;
      type: string;
      /** `data.id`, or what stands for it. */
      id: string;
      /** When it was received. Epoch milliseconds. */
      received_at: number;
      /** The hash of its plan, which the batch holds; null when there is nothing to do. */
      plan: string | null;
      content_type: string | null;
      /** The event's head and the rule set that judged it, as JSON. */
      head: string;
      /** Bytes of its body. */
      bytes: number;
    }
  | { kind: 'quarantine'; reason: string; received_at: number; content_type: string | null; bytes: number }
  | { kind: 'our_numbers'; numbers: readonly string[]; learned_at: number };

/** Writes that were handed over together; they share one transaction, with those of other batches that wait. */
export interface Batch {
  writes: readonly Write[];
  /** The bodies of the writes that have one, end to end, in the order of the writes. */
  bodies: ArrayBuffer;
  /** The JSON of every plan that the writes refer to, by its SHA-256 (hex). */
  plans: ReadonlyMap<string, string>;
}

/** What became of one write: of an event its `InboxOutcome`, of a quarantined body its id, of numbers null. */
export type WriteResult = { ok: true; value: string | null } | { ok: false; code: string; message: string };

/** What the thread is started with. */
export interface WriterStart {
  dataDir: string;
  retention: Retention;
}

export type ToWriter =
  /** @param number counts the batches that this thread was given. */
  | { type: 'batch'; number: number; batch: Batch }
  /** Close the store, then end. */
  | { type: 'close' };

export type FromWriter =
  | { type: 'opened' }
  /** The store could not be opened; the thread ends. */
  | { type: 'failed'; code: string; message: string }
  /** Batches are done, the oldest first: kept and synced, or refused. `tookMs` is that of their transaction, null when nothing was kept. */
  | { type: 'results'; batches: readonly { number: number; results: readonly WriteResult[] }[]; tookMs: number | null }
  | { type: 'problem'; problem: InboxProblem | null }
  /** The store refused a transaction. */
  | { type: 'refused'; code: string }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; message: string }
  | { type: 'closed' };
