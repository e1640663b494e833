import { batchWorkflowId } from '../runs/names';
import { formBatch, type FormedBatch } from './batch-former';
import type { PendingEvent, PendingEvents } from './pending-events';
import type { BegunBatch, RunLog } from './run-log';
import type { StartWindow } from './start-window';

/** A batch with its events as they are in the inbox. Those that cannot be read are not in it. */
export interface Batch extends BegunBatch {
  events: PendingEvent[];
}

/** A batch that may be started. */
export type NewBatch = Batch & FormedBatch<PendingEvent>;

/**
 * The batches of a dispatcher: forms them, and remembers those that are recorded and not known to be started. Their start
 * failed, or the bridge died before it was answered. They are started again with the same events, under the same id, so
 * that Temporal refuses a second one.
 */
export class Batches {
  /** By the `seq` of each event. */
  readonly #batches = new Map<number, BegunBatch>();

  constructor(
    private readonly runLog: Pick<RunLog, 'begunBatches' | 'beginBatch' | 'dropBatch' | 'receiver'>,
    private readonly inbox: Pick<PendingEvents, 'pendingAfter'>,
  ) {}

  /**
   * Reads what an earlier dispatcher recorded.
   * @param isStarted tells events whose start is known.
   */
  load(isStarted: (seq: number) => boolean): void {
    for (const batch of this.runLog.begunBatches()) {
      if (batch.members.every(({ seq }) => isStarted(seq))) {
        this.runLog.dropBatch(batch.id);
      } else {
        this.#remember(batch);
      }
    }
  }

  /**
   * The batch that an event was begun in before; null when there is none. Places are not enough to tell: after a damaged
   * inbox was set aside, other events have them.
   * @param waiting a page of the inbox.
   */
  begun({ seq, event }: PendingEvent, waiting: readonly PendingEvent[]): Batch | null {
    const batch = this.#batches.get(seq);
    return batch?.members.some((member) => isAt(member, { seq, event })) === true
      ? { ...batch, events: batch.members.flatMap((member) => this.#pendingAt(member, waiting)) }
      : null;
  }

  /**
   * Forms a batch that begins with the first of the events that wait. It is not recorded.
   * @returns null when that event may not be in a batch.
   */
  form(waiting: readonly PendingEvent[], window: Pick<StartWindow, 'isBegun'>): NewBatch | null {
    const formed = formBatch(waiting.filter(({ seq }) => !window.isBegun(seq) && !this.#batches.has(seq)));
    const [first] = formed?.events ?? [];
    if (formed === null || first === undefined) {
      return null;
    }
    const members = formed.events.map(({ seq, event }) => ({ seq, event_id: event.event_id }));
    const id = batchWorkflowId({
      firstSeq: first.seq,
      eventIds: members.map(({ event_id }) => event_id),
      receiver: String(this.runLog.receiver()),
    });
    return { ...formed, id, members };
  }

  /** Records a batch that is about to be started. @throws the run log's error. */
  record({ id, members }: BegunBatch): void {
    this.runLog.beginBatch({ id, members });
    this.#remember({ id, members });
  }

  /** The batch was started. The run log forgets it when the start of its events is recorded. */
  started(batch: BegunBatch): void {
    batch.members.forEach(({ seq }) => this.#batches.delete(seq));
  }

  /** Temporal will never accept the batch. @throws the run log's error. */
  drop(batch: BegunBatch): void {
    this.runLog.dropBatch(batch.id);
    this.started(batch);
  }

  /** A member's event; none when it cannot be read, or is not in the inbox any more. */
  #pendingAt(member: Member, page: readonly PendingEvent[]): PendingEvent[] {
    const onPage = page.find(({ seq }) => seq === member.seq);
    const found = onPage === undefined ? this.inbox.pendingAfter(member.seq - 1, 1, () => undefined) : [onPage];
    return found.filter((pending) => isAt(member, pending));
  }

  #remember(batch: BegunBatch): void {
    batch.members.forEach(({ seq }) => this.#batches.set(seq, batch));
  }
}

type Member = BegunBatch['members'][number];

function isAt(member: Member, { seq, event }: Pick<PendingEvent, 'seq' | 'event'>): boolean {
  return member.seq === seq && member.event_id === event.event_id;
}
