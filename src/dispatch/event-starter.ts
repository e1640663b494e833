import type { Logger } from 'pino';
import type { Batch, Batches } from './batches';
import type { PendingEvent, UnreadableEvent } from './pending-events';
import type { RunRecorder } from './run-recorder';
import type { RunStarter } from './run-starter';
import type { RunTracker } from './run-tracker';
import type { Start } from './start-window';

/** What {@link EventStarter} needs. */
export interface EventStarterOptions {
  starter: RunStarter;
  recorder: RunRecorder;
  tracker: RunTracker;
  batches: Batches;
  log: Logger;
  /** Temporal will never accept this run or batch. */
  onRefused: (workflowId: string) => void;
}

/** Makes the starts of events at Temporal, and has them recorded and tracked. The tracker knows the events already. */
export class EventStarter {
  constructor(private readonly options: EventStarterOptions) {}

  /** Starts the run of one event. @throws when the start may succeed later. */
  async startRun({ seq, event, plan }: PendingEvent): Promise<void> {
    const { starter, recorder, tracker, log, onRefused } = this.options;
    const { event_id } = event;
    const result = await starter.start(event, plan);
    const at = new Date();
    recorder.recordStart({
      seq,
      event_id,
      run_id: result.outcome === 'started' ? result.runId : '',
      started_at: at,
    });
    if (result.outcome !== 'refused') {
      tracker.track(event_id);
      return;
    }
    const { reason } = result;
    log.error({ event_id, reason }, 'Temporal refused the run of an event; the event is kept, see bridge events show');
    tracker.remove(event_id);
    onRefused(event_id);
    recorder.recordEnd({ event_id, outcome: 'refused', report: JSON.stringify({ reason }), closed_at: at });
  }

  /**
   * Starts a batch. When Temporal refuses it, its events are started one by one.
   * @param start the events of it that are not started yet.
   * @throws as {@link startRun}.
   */
  async startBatch(batch: Batch, start: Start): Promise<void> {
    const { starter, recorder, tracker, batches, log, onRefused } = this.options;
    const places = new Set(start.events.map(({ seq }) => seq));
    const events = batch.events.filter(({ seq }) => places.has(seq));
    batches.record(batch);
    const result = await starter.startBatch({ id: batch.id, events });
    if (result.outcome === 'refused') {
      log.warn(
        { batch: batch.id, reason: result.reason },
        'Temporal refused a batch: its events are started one by one',
      );
      batches.drop(batch);
      onRefused(batch.id);
      for (const pending of events) {
        tracker.add(pending.event.event_id);
        await this.startRun(pending);
      }
      return;
    }
    const at = new Date();
    for (const { seq, event_id } of start.events) {
      recorder.recordStart({
        seq,
        event_id,
        run_id: result.outcome === 'started' ? result.runId : '',
        started_at: at,
        batch: batch.id,
      });
    }
    batches.started(batch);
    tracker.track(batch.id);
  }

  /** An event that cannot be read can never be started: it is recorded and logged, and does not block the others. */
  refuseUnreadable({ seq, event_id }: UnreadableEvent): void {
    const { recorder, log } = this.options;
    const reason = 'the event or its plan cannot be read: the inbox was damaged';
    const at = new Date();
    log.error({ event_id, reason }, 'an event cannot be handled; to fetch it from VoIPBIN again: bridge backfill');
    recorder.recordStart({ seq, event_id, run_id: '', started_at: at });
    recorder.recordEnd({ event_id, outcome: 'refused', report: JSON.stringify({ reason }), closed_at: at });
  }
}
