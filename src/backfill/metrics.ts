import { Counter, Gauge, type Registry } from 'prom-client';
import type { PassResult } from './pass';
import { BACKFILLED_TYPES } from './resource-event';

const PASS_OUTCOMES = ['finished', 'unfinished', 'failed'] as const;

/** Metrics of backfill. Create it once per registry. */
export class BackfillMetrics {
  readonly #events: Counter<'type' | 'outcome'>;
  readonly #passes: Counter<'outcome'>;
  readonly #finishedAt: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#events = new Counter({
      name: 'bridge_backfilled_events_total',
      help: 'Events that no webhook delivered and backfill found, by type and outcome.',
      labelNames: ['type', 'outcome'],
      registers,
    });
    // A series that starts with its first hit hides that hit from increase().
    for (const type of BACKFILLED_TYPES) {
      this.#events.inc({ type, outcome: 'received' }, 0);
      this.#events.inc({ type, outcome: 'ignored' }, 0);
    }
    this.#passes = new Counter({
      name: 'bridge_backfill_passes_total',
      help: "Passes over VoIPBIN's lists, by outcome: finished, unfinished (continued soon) or failed.",
      labelNames: ['outcome'],
      registers,
    });
    PASS_OUTCOMES.forEach((outcome) => this.#passes.inc({ outcome }, 0));
    this.#finishedAt = new Gauge({
      name: 'bridge_backfill_finished_timestamp_seconds',
      help: "When VoIPBIN's lists were last read to the end; 0 before the first time.",
      registers,
    });
  }

  /** Counts a pass that failed before it read a list. */
  failed(): void {
    this.#passes.inc({ outcome: 'failed' });
  }

  /** Counts a pass. */
  passed({ report, finished, problems }: PassResult, now: Date): void {
    for (const [type, counts] of Object.entries(report.byType())) {
      this.#events.inc({ type, outcome: 'received' }, counts.received);
      this.#events.inc({ type, outcome: 'ignored' }, counts.ignored);
    }
    this.#passes.inc({ outcome: finished ? 'finished' : problems.length > 0 ? 'failed' : 'unfinished' });
    if (finished) {
      this.#finishedAt.set(now.getTime() / 1_000);
    }
  }
}
