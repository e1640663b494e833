import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { Dispatcher } from '../dispatch/dispatcher';
import { RunMetrics } from '../dispatch/metrics';
import { RunLog } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import type { Settings } from '../settings/settings';
import { connectClient, type ResolvedTemporal } from '../temporal/connection';
import { addTemporalMetric } from '../temporal/metrics';
import { runStarter, ensureSearchAttributes } from '../temporal/run-starter';
import { watchTemporal } from '../temporal/watch';
import { settlesWithin } from '../timing/settles-within';
import type { ChildService } from './child/child';
import { createService } from './service';

/** A start under way ends by then. If it does not, the next dispatcher starts the run again under the same id. */
const DISPATCHER_WITHIN_MS = 6_000;
const CLOSE_WITHIN_MS = 1_000;

/**
 * Starts runs for the inbox in the data folder; workers elsewhere do them. It needs no Temporal at the start and retries
 * until there is one. It does not end by itself, and stops within 7 s.
 *
 * @param options.registry gets the dispatcher's metrics. Once per registry.
 * @throws DataFolderInUse.
 */
export function startDispatcherProcess(options: {
  temporal: ResolvedTemporal;
  settings: Settings;
  registry: Registry;
  log: Logger;
}): ChildService {
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
  const stop = async (): Promise<void> => {
    watch.stop();
    await settlesWithin(dispatcher.stop(), DISPATCHER_WITHIN_MS);
    await settlesWithin(connection.close(), CLOSE_WITHIN_MS);
    reader.close();
    record.close();
  };
  return {
    ...createService(stop),
    standIns: [],
    state: () => ({ temporal: problem(), parked: {} }),
    wake: () => dispatcher.wake(),
  };
}
