import { Gauge, type Registry } from 'prom-client';

/**
 * Shows whether Temporal can be used. @param problem why it cannot, or null; asked at every scrape. Once per registry.
 */
export function showTemporal(registry: Registry, problem: () => string | null): void {
  const gauge: Gauge = new Gauge({
    name: 'bridge_temporal_unavailable',
    help: '1 while Temporal does not answer or takes no runs.',
    registers: [registry],
    collect: () => gauge.set(problem() === null ? 0 : 1),
  });
}
