import { Counter, Gauge, type Registry } from 'prom-client';
import type { WorkerSupervisor } from './worker-supervisor';

/** Metrics of mode `all` about its worker process, from the outside. @param worker null until there is one. Once per registry. */
export function watchWorkerProcess(registry: Registry, worker: () => Pick<WorkerSupervisor, 'state' | 'restarts'> | null): void {
  const registers = [registry];
  const up: Gauge = new Gauge({
    name: 'bridge_worker_up',
    help: '1 while the worker process runs and is heard of; while it is 0 its metrics are not shown.',
    registers,
    collect: () => up.set((worker()?.state() ?? null) === null ? 0 : 1),
  });
  const restarts: Counter = new Counter({
    name: 'bridge_worker_restarts_total',
    help: 'How often the worker process was started again after it had ended.',
    registers,
    collect: () => {
      restarts.reset();
      restarts.inc(worker()?.restarts() ?? 0);
    },
  });
}
