import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/**
 * Makes a registry with the metrics of every process: its build (`bridge_build_info`), and prom-client's `process_*` and
 * `nodejs_*`.
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
