import type { Logger } from 'pino';
import { processRegistry } from '../../admin/process-metrics';
import type { PartState } from '../../admin/server';
import type { LiveRules } from '../../rules/live-rules';
import type { Settings } from '../../settings/settings';
import { resolveTemporal } from '../../temporal/connection';
import { ChildSupervisor } from '../child/supervisor';
import { WrongUse } from '../../errors/operator-errors';
import { packageVersion } from '../../setup/package-root';
import { rulesPart, startReceiver, webhookLine } from '../receiver-process';
import type { Running } from '../../cli/start';
import { watchChildProcess } from '../child/metrics';
import { temporalPart } from '../readiness';

/**
 * Mode `receiver`: webhook and inbox in this process, the dispatcher in one of its own; runs are done by workers
 * elsewhere. Answers whether or not Temporal is there.
 * @throws WrongUse when no Temporal is configured: there would be nobody to share runs with.
 */
export async function startReceiverOnly(
  settings: Settings,
  rules: LiveRules,
  config: string | null,
  log: Logger,
): Promise<Running> {
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse(
      'Mode receiver needs a Temporal that workers share: set TEMPORAL_ADDRESS (or a profile), or start in mode all.',
    );
  }
  const dispatcher = new ChildSupervisor('dispatcher', { configFile: config, embeddedAddress: null }, log);
  const registry = processRegistry(packageVersion());
  watchChildProcess(registry, 'dispatcher', () => dispatcher);
  const receiver = await startReceiver({
    settings,
    registry,
    ruleSet: () => rules.ruleSet,
    log,
    onPending: () => dispatcher.wake(),
    parts: () => ({ rules: rulesPart(rules), ...partsOf(dispatcher) }),
    moreMetrics: () => dispatcher.metrics(),
  });
  process.stdout.write(
    `${webhookLine(receiver.webhook, settings)}\nAdmin     ${receiver.admin}/readyz and /metrics\nTemporal  ${temporal.address}, namespace ${temporal.namespace}\n`,
  );
  dispatcher.run();
  return {
    failed: new Promise(() => undefined),
    stop: async () => {
      await Promise.all([receiver.stop(), dispatcher.stop()]);
      await receiver.close();
    },
  };
}

function partsOf(dispatcher: ChildSupervisor): Record<string, PartState> {
  const state = dispatcher.state();
  return state === null
    ? {
        dispatcher: {
          ok: false,
          detail: `${dispatcher.problem() ?? 'it is being started'}; events are kept and handled when it runs`,
        },
      }
    : { dispatcher: { ok: true, detail: 'running' }, temporal: temporalPart(state.temporal) };
}
