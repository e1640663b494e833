import type { Logger } from 'pino';
import { connectors } from '../connectors/registry';
import type { Settings } from '../settings/settings';
import { resolveTemporal } from '../temporal/connection';
import { WrongUse } from './exit';
import type { Running } from './start';
import { startWorkerProcess } from './worker-process';

/**
 * Mode `worker`: runs only, for events that receivers elsewhere have taken.
 * @throws WrongUse when no Temporal is configured.
 */
export async function startWorkerOnly(settings: Settings, log: Logger): Promise<Running> {
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse('Mode worker needs the Temporal that receivers use: set TEMPORAL_ADDRESS (or a profile), or start in mode all.');
  }
  const worker = await startWorkerProcess({ temporal, settings, connectors, dispatch: false, log });
  process.stdout.write(`Temporal  ${temporal.address}, namespace ${temporal.namespace}\n`);
  if (worker.standIns.length > 0) {
    process.stdout.write(`Stand-ins ${worker.standIns.join(', ')}: no credentials are set for these, so nothing reaches the real services\n`);
  }
  return {
    failed: worker.ended.then(
      () => new Promise<string>(() => undefined),
      (error: unknown) => `The worker ended: ${error instanceof Error ? error.message : 'unknown error'}`,
    ),
    stop: () => worker.stop(),
  };
}
