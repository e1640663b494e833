import type { Logger } from 'pino';
import { processRegistry } from '../../admin/process-metrics';
import { createAdmin } from '../../admin/server';
import { connectors } from '../../connectors/registry';
import type { Settings } from '../../settings/settings';
import { resolveTemporal } from '../../temporal/connection';
import { TASK_QUEUE } from '../../runs/names';
import type { ChildWork } from '../child/child';
import { WrongUse } from '../../errors/operator-errors';
import { packageVersion } from '../../setup/package-root';
import type { Running } from '../../cli/start';
import { workerParts } from '../readiness';
import { startWorkerProcess } from '../worker-process';

/**
 * Mode `worker`: runs only, for events that receivers elsewhere have taken. Its admin port answers before Temporal
 * does.
 * @throws WrongUse when no Temporal is configured; PortTaken.
 */
export async function startWorkerOnly(settings: Settings, log: Logger): Promise<Running> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse(
      'Mode worker needs the Temporal that receivers use: set TEMPORAL_ADDRESS (or a profile), or start in mode all.',
    );
  }
  const registry = processRegistry(packageVersion());
  let worker: ChildWork | null = null;
  const admin = createAdmin({
    host: settings.receiver.adminHost,
    port: settings.receiver.adminPort,
    registry,
    ready: () => worker !== null && worker.state().temporal === null,
    parts: () =>
      worker === null
        ? { worker: { ok: false, detail: `it connects to Temporal at ${temporal.address}` } }
        : { worker: { ok: true, detail: `it polls task queue ${TASK_QUEUE}` }, ...workerParts(worker.state()) },
  });
  print(`Admin     ${await admin.listen()}/readyz and /metrics`);

  const run = async (): Promise<void> => {
    const started = await startWorkerProcess({ temporal, settings, connectors, dispatch: false, registry, log });
    worker = started;
    print(`Temporal  ${temporal.address}, namespace ${temporal.namespace}`);
    if (started.standIns.length > 0) {
      print(
        `Stand-ins ${started.standIns.join(', ')}: no credentials are set for these, so nothing reaches the real services`,
      );
    }
    await started.ended;
  };
  return {
    failed: run().then(
      () => new Promise<string>(() => undefined),
      (error: unknown) => (worker === null ? messageOf(error) : `The worker ended: ${messageOf(error)}`),
    ),
    stop: async () => {
      admin.stopping();
      // One that still connects has nothing under way.
      await worker?.stop();
      await admin.close();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
