import { Gauge, type Registry } from 'prom-client';

/**
 * Adds the metric that says whether Temporal is available. Call once per registry.
 *
 * @param problem why it is unavailable, or null. Called at every scrape.
 */
export function addTemporalMetric(registry: Registry, problem: () => string | null): void {
  const gauge: Gauge = new Gauge({
    name: 'bridge_temporal_unavailable',
    help: '1 while Temporal does not answer or does not accept runs.',
    registers: [registry],
    collect: () => gauge.set(problem() === null ? 0 : 1),
  });
}
