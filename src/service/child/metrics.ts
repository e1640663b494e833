import { Counter, Gauge, type Registry } from 'prom-client';
import type { ChildName } from '../processes';
import type { ChildSupervisor } from './supervisor';

/**
 * Metrics about a child process, measured by its parent. Once per registry.
 * @param child gives the supervisor; null until there is one.
 */
export function watchChildProcess(
  registry: Registry,
  name: ChildName,
  child: () => Pick<ChildSupervisor, 'state' | 'restarts'> | null,
): void {
  const registers = [registry];
  const up: Gauge = new Gauge({
    name: `bridge_${name}_up`,
    help: `1 while the ${name} process runs and reports its state; while it is 0, its metrics are missing.`,
    registers,
    collect: () => up.set((child()?.state() ?? null) === null ? 0 : 1),
  });
  const restarts: Counter = new Counter({
    name: `bridge_${name}_restarts_total`,
    help: `Restarts of the ${name} process after it had ended by itself.`,
    registers,
    collect: () => {
      restarts.reset();
      restarts.inc(child()?.restarts() ?? 0);
    },
  });
}
