import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/**
 * A registry with what every process tells of itself: its build (`bridge_build_info`), and `process_*` and `nodejs_*`
 * as prom-client has them.
 */
export function processRegistry(version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'bridge_build_info',
    help: '1; the version of the bridge is in the label.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return registry;
}
