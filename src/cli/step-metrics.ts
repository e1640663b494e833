import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { StepTools } from '../../activities/step-activities';

/** The worker's metrics, in a registry of their own: Temporal's own exporter ends with its last native object. */
export class StepMetrics {
  readonly registry = new Registry();
  readonly #attempts = new Counter({
    name: 'bridge_step_attempts_total',
    help: 'Attempts of steps, by action, outcome (done, skipped, failed) and error class.',
    labelNames: ['action', 'outcome', 'class'],
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'bridge_step_attempt_seconds',
    help: 'How long attempts took, the provider included.',
    labelNames: ['action'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    registers: [this.registry],
  });
  readonly #started = new Counter({ name: 'bridge_runs_started_total', help: 'Runs handed to Temporal.', registers: [this.registry] });
  readonly #closed = new Counter({
    name: 'bridge_runs_closed_total',
    help: 'Runs whose end this worker saw, by outcome.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly #parked = new Gauge({
    name: 'bridge_connection_parked',
    help: '1 while the connection is parked because its credential or account does not work.',
    labelNames: ['connection'],
    registers: [this.registry],
  });

  attempt: StepTools['onAttempt'] = ({ action, outcome, class: errorClass, seconds }) => {
    this.#attempts.inc({ action, outcome, class: errorClass ?? '' });
    this.#seconds.observe({ action }, seconds);
  };

  runStarted(): void {
    this.#started.inc();
  }

  runClosed(outcome: string): void {
    this.#closed.inc({ outcome });
  }

  parked(names: readonly string[]): void {
    this.#parked.reset();
    for (const connection of names) {
      this.#parked.set({ connection }, 1);
    }
  }
}
