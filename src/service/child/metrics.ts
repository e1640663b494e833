import { Counter, Gauge, type Registry } from 'prom-client';
import type { ChildName } from './messages';
import type { ChildSupervisor } from './supervisor';

/** Metrics about a child process, from the outside. @param child null until there is one. Once per registry. */
export function watchChildProcess(
  registry: Registry,
  name: ChildName,
  child: () => Pick<ChildSupervisor, 'state' | 'restarts'> | null,
): void {
  const registers = [registry];
  const up: Gauge = new Gauge({
    name: `bridge_${name}_up`,
    help: `1 while the ${name} process runs and is heard of; while it is 0 its metrics are not shown.`,
    registers,
    collect: () => up.set((child()?.state() ?? null) === null ? 0 : 1),
  });
  const restarts: Counter = new Counter({
    name: `bridge_${name}_restarts_total`,
    help: `How often the ${name} process was started again after it had ended.`,
    registers,
    collect: () => {
      restarts.reset();
      restarts.inc(child()?.restarts() ?? 0);
    },
  });
}
