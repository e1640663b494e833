import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { RunLog } from '../dispatch/run-log';
import { Dispatcher } from '../dispatch/dispatcher';
import { InboxReader } from '../inbox/archive/reader';
import type { Settings } from '../settings/settings';
import { connectClient, type ResolvedTemporal } from '../temporal/connection';
import { addTemporalMetric } from '../temporal/metrics';
import { watchTemporal } from '../temporal/watch';
import type { ChildWork } from './child/child';
import { settlesWithin } from '../timing/settles-within';
import { RunMetrics } from '../dispatch/metrics';
import { runStarter, ensureSearchAttributes } from '../temporal/run-starter';

/** A start that is under way ends by then; else it is made again, which is no second run. */
const DISPATCHER_WITHIN_MS = 6_000;
const CLOSE_WITHIN_MS = 1_000;

/**
 * Starts runs for the inbox in the data folder, which workers elsewhere do. Whether Temporal is there or not: it is
 * tried again.
 *
 * @param options.registry gets the dispatcher's metrics. Once per registry.
 * @throws DataFolderInUse.
 */
export function startDispatcherProcess(options: {
  temporal: ResolvedTemporal;
  settings: Settings;
  registry: Registry;
  log: Logger;
}): ChildWork {
  const { temporal, settings, registry, log } = options;
  const record = RunLog.open(settings.dataDir);
  if (record.setAside !== null) {
    log.error({}, record.setAside);
  }
  const reader = InboxReader.open(settings.dataDir);
  const connection = connectClient(temporal);
  const runs = new RunMetrics(registry);
  const dispatcher = new Dispatcher({
    events: reader,
    record,
    starter: runs.counting(
      runStarter(new Client({ connection, namespace: temporal.namespace }), {
        searchAttributes: () => ensureSearchAttributes(connection, temporal.namespace, log),
        eager: false,
      }),
    ),
    maxInFlight: settings.dispatch.maxInFlight,
    forgetAfterMs: settings.retention.maxAgeMs,
    log,
    onClosed: (_eventId, ending) => runs.closed(ending),
  });
  const watch = watchTemporal(connection, temporal.namespace, log);
  const problem = (): string | null => dispatcher.problem() ?? watch.problem();
  runs.watch({ inFlight: () => dispatcher.runs().inFlight, open: () => record.openCount() });
  addTemporalMetric(registry, problem);
  dispatcher.start();
  return {
    standIns: [],
    state: () => ({ temporal: problem(), parked: {} }),
    wake: () => dispatcher.wake(),
    ended: new Promise(() => undefined),
    stop: async () => {
      watch.stop();
      await settlesWithin(dispatcher.stop(), DISPATCHER_WITHIN_MS);
      await settlesWithin(connection.close(), CLOSE_WITHIN_MS);
      reader.close();
      record.close();
    },
  };
}
