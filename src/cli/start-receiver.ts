import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { processRegistry } from '../admin/process-metrics';
import type { LiveRules } from '../rules/live-rules';
import { DispatchLog } from '../inbox/dispatch-log';
import { Dispatcher } from '../inbox/dispatcher';
import { InboxReader } from '../inbox/reader';
import type { Settings } from '../settings/settings';
import { connectClient, resolveTemporal } from '../temporal/connection';
import { showTemporal } from '../temporal/metrics';
import { watchTemporal } from '../temporal/watch';
import { endsWithin } from './ends-within';
import { WrongUse } from './exit';
import { packageVersion } from './package-root';
import { rulesPart, startReceiver, type RunningReceiver } from './receiver-role';
import { RunMetrics } from './run-metrics';
import { runStarter, searchAttributesOn } from './run-starter';
import type { Running } from './start';
import { temporalPart } from './worker-parts';

/** A start that is under way ends by then; else it is made again, which is no second run. */
const DISPATCHER_WITHIN_MS = 6_000;
const CLOSE_WITHIN_MS = 1_000;

/**
 * Mode `receiver`: webhook, inbox and dispatcher in this process; runs are done by workers elsewhere. Answers whether or not Temporal is there.
 * @throws WrongUse when no Temporal is configured: there would be nobody to share runs with.
 */
export async function startReceiverOnly(settings: Settings, rules: LiveRules, log: Logger): Promise<Running> {
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse('Mode receiver needs a Temporal that workers share: set TEMPORAL_ADDRESS (or a profile), or start in mode all.');
  }
  // Before the door is open: a data folder whose runs nobody can start must not take events.
  const record = DispatchLog.open(settings.dataDir);
  if (record.setAside !== null) {
    log.error({}, record.setAside);
  }
  const reader = InboxReader.open(settings.dataDir);
  const connection = connectClient(temporal);
  const registry = processRegistry(packageVersion());
  const runs = new RunMetrics(registry);
  const dispatcher = new Dispatcher({
    events: reader,
    record,
    starter: runs.counting(runStarter(new Client({ connection, namespace: temporal.namespace }), { searchAttributes: () => searchAttributesOn(connection, temporal.namespace, log), eager: false })),
    maxInFlight: settings.dispatch.maxInFlight,
    forgetAfterMs: settings.retention.maxAgeMs,
    log,
    onClosed: (_eventId, ending) => runs.closed(ending),
  });
  const watch = watchTemporal(connection, temporal.namespace, log);
  const temporalProblem = (): string | null => dispatcher.problem() ?? watch.problem();
  runs.watch({ inFlight: () => dispatcher.runs().inFlight, open: () => record.openCount() });
  showTemporal(registry, temporalProblem);
  const stopDispatching = async (): Promise<void> => {
    watch.stop();
    await endsWithin(dispatcher.stop(), DISPATCHER_WITHIN_MS);
  };
  const closeAll = async (): Promise<void> => {
    await endsWithin(connection.close(), CLOSE_WITHIN_MS);
    reader.close();
    record.close();
  };
  let receiver: RunningReceiver;
  try {
    receiver = await startReceiver({
      settings,
      registry,
      ruleSet: () => rules.ruleSet,
      log,
      onIndexed: () => dispatcher.wake(),
      parts: () => ({ rules: rulesPart(rules), temporal: temporalPart(temporalProblem()) }),
    });
  } catch (error) {
    await stopDispatching();
    await closeAll();
    throw error;
  }
  process.stdout.write(`Webhook   ${receiver.webhook}\nAdmin     ${receiver.admin}/readyz and /metrics\nTemporal  ${temporal.address}, namespace ${temporal.namespace}\n`);
  dispatcher.start();
  return {
    failed: new Promise(() => undefined),
    stop: async () => {
      await Promise.all([receiver.stop(), stopDispatching()]);
      await receiver.close();
      await closeAll();
    },
  };
}
