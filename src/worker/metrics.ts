import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StepTools } from '../../activities/attempt';
import { ERROR_CLASSES } from '../errors/step-errors';
import type { Action, Connector } from '../connectors/connector';

/**
 * The worker's metrics: outcomes of attempts, and latencies of providers. Make it once per registry.
 *
 * Temporal's own exporter is not used: it ends with the SDK's last native object.
 */
export class StepMetrics {
  readonly #attempts: Counter<'action' | 'outcome' | 'class'>;
  readonly #seconds: Histogram<'action'>;
  readonly #notKept: Counter;
  readonly #latency: Histogram<'connection' | 'action' | 'outcome'>;

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    this.#attempts = new Counter({
      name: 'bridge_step_attempts_total',
      help: 'Attempts of steps, by action, outcome (done, skipped, failed) and error class.',
      labelNames: ['action', 'outcome', 'class'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'bridge_step_attempt_seconds',
      help: 'How long attempts took, rendering and parked connections included.',
      labelNames: ['action'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      registers,
    });
    this.#notKept = new Counter({
      name: 'bridge_effects_not_remembered_total',
      help: 'Effects that were done and could not be written to effects.db.',
      registers,
    });
    this.#latency = new Histogram({
      name: 'bridge_provider_latency_seconds',
      help: 'How long providers took over an action (all its requests), by connection, action and outcome.',
      labelNames: ['connection', 'action', 'outcome'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
      registers,
    });
  }

  attempt: StepTools['onAttempt'] = ({ action, outcome, failure, seconds }) => {
    this.#attempts.inc({ action, outcome, class: failure?.class ?? '' });
    this.#seconds.observe({ action }, seconds);
  };

  effectNotKept = (): void => this.#notKept.inc();

  /**
   * Returns the connectors with actions that measure their time. Rendering and the connection's gate are not included:
   * it is the provider's latency.
   */
  timing(connectors: readonly Connector[]): Connector[] {
    for (const { name, actions } of connectors) {
      for (const action of Object.keys(actions)) {
        // increase() does not see the first event of a series that begins with it.
        ERROR_CLASSES.forEach((errorClass) =>
          this.#attempts.inc({ action: `${name}.${action}`, outcome: 'failed', class: errorClass }, 0),
        );
      }
    }
    return connectors.map((connector) => ({
      ...connector,
      actions: Object.fromEntries(
        Object.entries(connector.actions).map(([name, action]) => [
          name,
          this.#timed(action, connector.name, `${connector.name}.${name}`),
        ]),
      ),
    }));
  }

  /** Adds the metric of parked connections. @param parked returns their names. Called at every scrape. */
  watch(parked: () => string[]): void {
    const gauge: Gauge<'connection'> = new Gauge({
      name: 'bridge_connection_parked',
      help: '1 while the connection is parked because its credential or account does not work.',
      labelNames: ['connection'],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const connection of parked()) {
          gauge.set({ connection }, 1);
        }
      },
    });
  }

  #timed(action: Action, connection: string, name: string): Action {
    return {
      ...action,
      run: async (context, input) => {
        const end = this.#latency.startTimer({ connection, action: name });
        try {
          const result = await action.run(context, input);
          end({ outcome: result.outcome });
          return result;
        } catch (error) {
          end({ outcome: 'failed' });
          throw error;
        }
      },
    };
  }
}
