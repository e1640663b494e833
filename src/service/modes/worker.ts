import { processRegistry } from '../../admin/process-metrics';
import { createAdmin } from '../../admin/server';
import { connectors } from '../../connectors/registry';
import { WrongUse } from '../../errors/operator-errors';
import { TASK_QUEUE } from '../../runs/names';
import { packageVersion } from '../../setup/package-root';
import { resolveTemporal } from '../../temporal/connection';
import { workerParts } from '../readiness';
import { createService, type Service } from '../service';
import { adminLine, standInsLine, temporalLine } from '../start-messages';
import { printOutput } from '../../text/print';
import { startWorkerProcess, type WorkerService } from '../worker-process';
import type { ModeOptions } from './mode-options';

/**
 * Mode `worker`: the worker in this process, for events that receivers elsewhere have taken. Its admin port answers
 * before Temporal does. The service ends by itself when Temporal cannot be reached, and when the worker ends.
 *
 * @throws WrongUse when no Temporal is configured; PortTaken.
 */
export async function startWorkerMode({ settings, log }: ModeOptions): Promise<Service> {
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse(
      'Mode worker needs the Temporal that receivers use: set TEMPORAL_ADDRESS (or a profile), or start in mode all.',
    );
  }
  const registry = processRegistry(packageVersion());
  let worker: WorkerService | null = null;
  const admin = createAdmin({
    host: settings.receiver.adminHost,
    allowedHosts: settings.receiver.adminAllowedHosts,
    port: settings.receiver.adminPort,
    registry,
    ready: () => worker !== null && worker.state().temporal === null,
    parts: () =>
      worker === null
        ? { worker: { ok: false, detail: `it connects to Temporal at ${temporal.address}` } }
        : { worker: { ok: true, detail: `it polls task queue ${TASK_QUEUE}` }, ...workerParts(worker.state()) },
  });
  printOutput(adminLine(await admin.listen()));

  const run = async (): Promise<void> => {
    const started = await startWorkerProcess({ temporal, settings, connectors, registry, log });
    worker = started;
    printOutput(temporalLine(temporal));
    if (started.standIns.length > 0) {
      printOutput(standInsLine(started.standIns));
    }
    printOutput('\nReady: it does the runs that receivers start. Ctrl-C stops it.');
    await started.ended.catch((error: unknown) => {
      throw new Error(`The worker ended: ${error instanceof Error ? error.message : 'unknown error'}`, {
        cause: error,
      });
    });
  };
  const stop = async (): Promise<void> => {
    admin.stopping();
    // A worker that still connects has nothing under way.
    await worker?.stop();
    await admin.close();
  };
  return createService(stop, run());
}
