import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { LiveRules } from '../rules/live-rules';
import { DispatchLog } from '../inbox/dispatch-log';
import { Dispatcher } from '../inbox/dispatcher';
import { InboxReader } from '../inbox/reader';
import type { Settings } from '../settings/settings';
import { connectClient, resolveTemporal } from '../temporal/connection';
import { registerSearchAttributes } from '../temporal/search-attributes';
import { WrongUse } from './exit';
import { rulesPart, startReceiver } from './receiver-role';
import { runStarter } from './run-starter';
import type { Running } from './start';

const REGISTER_AGAIN_MS = 5_000;

/**
 * Mode `receiver`: webhook, inbox and dispatcher in this process; runs are done by workers elsewhere. Answers whether or not Temporal is there.
 * @throws WrongUse when no Temporal is configured: there would be nobody to share runs with.
 */
export async function startReceiverOnly(settings: Settings, rules: LiveRules, log: Logger): Promise<Running> {
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  if (temporal.kind !== 'configured') {
    throw new WrongUse('Mode receiver needs a Temporal that workers share: set TEMPORAL_ADDRESS (or a profile), or start in mode all.');
  }
  let dispatcher: Dispatcher | null = null;
  const receiver = await startReceiver({
    settings,
    ruleSet: () => rules.ruleSet,
    log,
    onAppended: () => dispatcher?.wake(),
    parts: () => {
      const problem = dispatcher === null ? 'Temporal has not answered yet' : dispatcher.problem();
      return { rules: rulesPart(rules), temporal: { ok: problem === null, detail: problem ?? 'runs are started' } };
    },
    moreMetrics: () => '',
  });
  process.stdout.write(`Webhook   ${receiver.webhook}\nAdmin     ${receiver.admin}/readyz and /metrics\nTemporal  ${temporal.address}, namespace ${temporal.namespace}\n`);
  const connection = connectClient(temporal);
  const reader = InboxReader.open(settings.dataDir);
  const record = DispatchLog.open(settings.dataDir);
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const begin = async (): Promise<void> => {
    try {
      const searchAttributes = await registerSearchAttributes(connection, temporal.namespace);
      if (searchAttributes.problem !== undefined) {
        log.warn({ problem: searchAttributes.problem }, 'runs go without search attributes');
      }
      if (stopped) {
        return;
      }
      dispatcher = new Dispatcher({
        events: reader,
        record,
        starter: runStarter(new Client({ connection, namespace: temporal.namespace }), { searchAttributes: searchAttributes.available, eager: false }),
        maxInFlight: settings.dispatch.maxInFlight,
        forgetAfterMs: settings.retention.maxAgeMs,
        log,
      });
      dispatcher.start();
    } catch {
      timer = setTimeout(() => void begin(), REGISTER_AGAIN_MS);
    }
  };
  void begin();
  return {
    failed: new Promise(() => undefined),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await receiver.stop();
      await dispatcher?.stop();
      reader.close();
      record.close();
      await connection.close();
    },
  };
}
