import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { LiveRules } from '../rules/live-rules';
import { DispatchLog } from '../inbox/dispatch-log';
import { Dispatcher } from '../inbox/dispatcher';
import { InboxReader } from '../inbox/reader';
import type { Settings } from '../settings/settings';
import { connectClient, resolveTemporal } from '../temporal/connection';
import { WrongUse } from './exit';
import { rulesPart, startReceiver, type RunningReceiver } from './receiver-role';
import { runStarter, searchAttributesOn } from './run-starter';
import type { Running } from './start';

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
  const reader = InboxReader.open(settings.dataDir);
  const connection = connectClient(temporal);
  const dispatcher = new Dispatcher({
    events: reader,
    record,
    starter: runStarter(new Client({ connection, namespace: temporal.namespace }), { connection, searchAttributes: () => searchAttributesOn(connection, temporal.namespace, log), eager: false }),
    maxInFlight: settings.dispatch.maxInFlight,
    forgetAfterMs: settings.retention.maxAgeMs,
    log,
  });
  const closeAll = async (): Promise<void> => {
    await dispatcher.stop();
    reader.close();
    record.close();
    await connection.close();
  };
  let receiver: RunningReceiver;
  try {
    receiver = await startReceiver({
      settings,
      ruleSet: () => rules.ruleSet,
      log,
      onAppended: () => dispatcher.wake(),
      parts: () => {
        const problem = dispatcher.problem();
        return { rules: rulesPart(rules), temporal: { ok: problem === null, detail: problem ?? 'runs are started' } };
      },
      moreMetrics: () => '',
    });
  } catch (error) {
    await closeAll();
    throw error;
  }
  process.stdout.write(`Webhook   ${receiver.webhook}\nAdmin     ${receiver.admin}/readyz and /metrics\nTemporal  ${temporal.address}, namespace ${temporal.namespace}\n`);
  dispatcher.start();
  return {
    failed: new Promise(() => undefined),
    stop: async () => {
      await receiver.stop();
      await closeAll();
    },
  };
}
