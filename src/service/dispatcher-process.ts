import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { startDispatcher } from '../dispatch/start-dispatcher';
import { InboxReader } from '../inbox/archive/reader';
import { startJobs } from '../operations/start-jobs';
import type { Settings } from '../settings/settings';
import { connectClient, type ResolvedTemporal } from '../temporal/connection';
import { addTemporalMetric } from '../temporal/metrics';
import { runStarter, ensureSearchAttributes } from '../temporal/run-starter';
import { watchTemporal } from '../temporal/watch';
import { settlesWithin } from '../timing/settles-within';
import type { ChildService } from './child/child';
import { answerAboutConnections } from './connection-answers';
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
  const reader = InboxReader.open(settings.dataDir);
  const connection = connectClient(temporal);
  const starter = runStarter(new Client({ connection, namespace: temporal.namespace }), {
    searchAttributes: () => ensureSearchAttributes(connection, temporal.namespace, log),
    eager: false,
  });
  const dispatcher = startDispatcher({
    dataDir: settings.dataDir,
    events: reader,
    starter,
    maxInFlight: settings.dispatch.maxInFlight,
    batches: settings.dispatch.batches,
    endsArePushed: false,
    forgetAfterMs: settings.retention.maxAgeMs,
    registry,
    log,
  });
  const jobs = startJobs({ dataDir: settings.dataDir, starter, forgetAfterMs: settings.retention.maxAgeMs, log });
  const watch = watchTemporal(connection, temporal.namespace, log);
  const problem = (): string | null => dispatcher.problem() ?? watch.problem();
  addTemporalMetric(registry, problem);
  const stop = async (): Promise<void> => {
    watch.stop();
    await settlesWithin(Promise.all([dispatcher.stop(), jobs.stop()]), DISPATCHER_WITHIN_MS);
    await settlesWithin(connection.close(), CLOSE_WITHIN_MS);
    reader.close();
    jobs.close();
    dispatcher.close();
  };
  return {
    ...createService(stop),
    standIns: [],
    standInSettings: {},
    voipbinStandIn: null,
    state: () => ({
      temporal: problem(),
      parked: {},
      parked_known: false,
      failing: {},
      seen_working: { since: 0, names: [] },
    }),
    wake: () => dispatcher.wake(),
    answer: (question) =>
      answerAboutConnections(
        { client: new Client({ connection, namespace: temporal.namespace }), worker: null, standIns: new Map() },
        question,
      ),
  };
}
