import { processRegistry } from '../../admin/process-metrics';
import type { PartState } from '../../admin/server';
import { WrongUse } from '../../errors/operator-errors';
import type { LiveRules } from '../../rules/live-rules';
import { packageVersion } from '../../setup/package-root';
import { resolveTemporal } from '../../temporal/connection';
import { watchChildProcess } from '../child/metrics';
import { ChildSupervisor } from '../child/supervisor';
import { PROCESSES } from '../processes';
import { childPart, temporalPart } from '../readiness';
import { startReceiver } from '../receiver-process';
import type { Service } from '../service';
import { adminLine, temporalLine, webhookLine } from '../start-messages';
import { printOutput } from '../../text/print';
import type { ModeOptions } from './mode-options';

const CHILD = PROCESSES.receiver.child;

/**
 * Mode `receiver`: webhook and inbox in this process, the dispatcher in a child process. Workers elsewhere do the runs.
 * It answers whether or not Temporal can be reached.
 *
 * @throws WrongUse when no Temporal is configured: no worker elsewhere would find the runs.
 */
export async function startReceiverMode(options: ModeOptions & { rules: LiveRules }): Promise<Service> {
  const { settings, rules, configFile, log } = options;
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse(
      'Mode receiver needs a Temporal that workers share: set TEMPORAL_ADDRESS (or a profile), or start in mode all.',
    );
  }
  const dispatcher = new ChildSupervisor(CHILD, { configFile, embeddedAddress: null }, log);
  const registry = processRegistry(packageVersion());
  watchChildProcess(registry, CHILD, () => dispatcher);
  const receiver = await startReceiver({
    settings,
    configFile,
    elsewhere: {
      // Workers elsewhere know what is parked; their bridges' own alerts report it.
      parked: () => undefined,
      isParkedKnown: () => false,
      failing: () => undefined,
      seenWorking: () => undefined,
      standIns: () => ({}),
      temporal: () => dispatcher.state()?.temporal,
      worker: () => dispatcher.problem(),
    },
    rules,
    log,
    registry,
    onPending: () => dispatcher.wake(),
    mode: 'receiver',
    ask: (question) => dispatcher.ask(question),
    parts: () => partsOf(dispatcher),
    moreMetrics: () => dispatcher.metrics(),
    stopDependents: () => dispatcher.stop(),
  });
  printOutput(webhookLine(receiver.webhookUrl, settings));
  printOutput(adminLine(receiver.adminUrl));
  printOutput(temporalLine(temporal));
  dispatcher.onFirstReady(() =>
    printOutput('\nReady: it takes events and starts their runs; workers elsewhere do them. Ctrl-C stops it.'),
  );
  dispatcher.start();
  return receiver;
}

function partsOf(dispatcher: ChildSupervisor): Record<string, PartState> {
  const state = dispatcher.state();
  return { dispatcher: childPart(dispatcher), ...(state === null ? {} : { temporal: temporalPart(state.temporal) }) };
}
