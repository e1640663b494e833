import type { RunStarter } from '../../src/dispatch/run-starter';
import type { RunEnding } from '../../src/dispatch/run-tracker';
import type { CanonicalEvent } from '../../src/events/canonical-event';

/** A Temporal that the test controls: what it was asked, and when it answers. */
export class ControlledTemporal implements RunStarter {
  readonly started: string[] = [];
  readonly ends = new Map<string, (ending: RunEnding) => void>();
  away = false;
  refuse = new Set<string>();
  /** Starts of these fail. */
  failing = new Set<string>();
  /** Starts that are answered when the test calls their function. */
  held = new Map<string, () => void>();
  hold = false;
  /** Every start of a batch. */
  readonly batches: { id: string; events: string[] }[] = [];
  /** Batches that Temporal has. */
  readonly known = new Set<string>();
  refuseBatches = false;
  asked = 0;
  failures = 0;
  mostAtOnce = 0;
  #changed = (): void => undefined;

  async start(event: CanonicalEvent): ReturnType<RunStarter['start']> {
    this.asked += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.asked);
    try {
      if (this.hold) {
        await new Promise<void>((resolve) => this.held.set(event.event_id, resolve));
      }
      return this.#answer(event);
    } finally {
      this.asked -= 1;
    }
  }

  #answer(event: CanonicalEvent): Awaited<ReturnType<RunStarter['start']>> {
    if (this.away || this.failing.has(event.event_id)) {
      this.failures += 1;
      throw new Error('UNAVAILABLE');
    }
    if (this.refuse.has(event.event_id)) {
      return { outcome: 'refused', reason: 'too large' };
    }
    this.started.push(event.event_id);
    this.#changed();
    return { outcome: 'started', runId: `run-${event.id}` };
  }

  async startBatch(batch: Parameters<RunStarter['startBatch']>[0]): ReturnType<RunStarter['startBatch']> {
    this.batches.push({ id: batch.id, events: batch.events.map(({ event }) => event.event_id) });
    if (this.hold) {
      await new Promise<void>((resolve) => this.held.set(batch.id, resolve));
    }
    if (this.away) {
      this.failures += 1;
      throw new Error('UNAVAILABLE');
    }
    if (this.refuseBatches) {
      return { outcome: 'refused', reason: 'too large' };
    }
    if (this.known.has(batch.id)) {
      return { outcome: 'exists' };
    }
    this.known.add(batch.id);
    this.started.push(...batch.events.map(({ event }) => event.event_id));
    this.#changed();
    return { outcome: 'started', runId: `run-${batch.id}` };
  }

  ended(workflowId: string): Promise<RunEnding> {
    return new Promise((resolve) => this.ends.set(workflowId, resolve));
  }

  async startedAtLeast(count: number): Promise<void> {
    while (this.started.length < count) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  end(eventId: string): void {
    this.ends.get(eventId)?.({ status: 'completed', report: { outcome: 'done', rules: [] } });
  }
}
