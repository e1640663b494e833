import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Connector } from '../connectors/connector';
import { OurNumbers } from '../events/our-numbers';
import { DispatchLog } from '../inbox/dispatch-log';
import { Dispatcher, outcomeOf, type RunEnding } from '../inbox/dispatcher';
import { InboxReader } from '../inbox/reader';
import type { Settings } from '../settings/settings';
import type { ResolvedTemporal } from '../temporal/connection';
import { connectNative } from '../temporal/connection';
import { installRuntime } from '../temporal/worker';
import { refreshOurNumbers } from './our-numbers-refresh';
import { runStarter, searchAttributesOn } from './run-starter';
import { StepMetrics } from './step-metrics';
import { startWorker } from './worker-role';

/** A worker, with the dispatcher beside it where this machine has an inbox. */
export interface WorkerProcess {
  standIns: string[];
  metrics: StepMetrics;
  state(): { dispatcher: string | null; parked: Record<string, string> };
  wake(): void;
  ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Connects to Temporal and starts the worker; with `dispatch`, also starts runs for the inbox in the data folder, over the same connection:
 * that is what makes eager starts possible.
 */
export async function startWorkerProcess(options: {
  temporal: ResolvedTemporal;
  settings: Settings;
  connectors: readonly Connector[];
  dispatch: boolean;
  log: Logger;
  onClosed?: (eventId: string, ending: RunEnding) => void;
}): Promise<WorkerProcess> {
  const { settings, log } = options;
  installRuntime(log);
  const connection = await connectNative(options.temporal);
  const namespace = options.temporal.namespace;
  const ourNumbers = new OurNumbers(settings.numbers, settings.country);
  if (options.dispatch) {
    const known = InboxReader.open(settings.dataDir);
    known.ourNumbers().forEach((number) => ourNumbers.learn(number));
    known.close();
  }
  const stopRefreshing = refreshOurNumbers(ourNumbers, settings, log);
  const metrics = new StepMetrics();
  let dispatcher: Dispatcher | null = null;
  const worker = await startWorker({
    connection,
    namespace,
    connectors: options.connectors,
    settings,
    ourNumbers,
    log,
    events: {
      onWaiting: (workflowId) => dispatcher?.runWaits(workflowId),
      onAttempt: metrics.attempt,
      onRunEnded: (workflowId, failed, report) => dispatcher?.runEnded(workflowId, { status: failed ? 'failed' : 'completed', report }),
    },
  });
  let closeInbox = (): void => undefined;
  if (options.dispatch) {
    const reader = InboxReader.open(settings.dataDir);
    const record = DispatchLog.open(settings.dataDir);
    if (record.setAside !== null) {
      log.error({}, record.setAside);
    }
    dispatcher = new Dispatcher({
      events: reader,
      record,
      starter: runStarter(new Client({ connection, namespace }), { connection, searchAttributes: () => searchAttributesOn(connection, namespace, log), eager: true }),
      maxInFlight: settings.dispatch.maxInFlight,
      isTold: true,
      forgetAfterMs: settings.retention.maxAgeMs,
      log,
      onStarted: () => metrics.runStarted(),
      onClosed: (eventId, ending) => {
        metrics.runClosed(outcomeOf(ending));
        options.onClosed?.(eventId, ending);
      },
    });
    dispatcher.start();
    closeInbox = () => {
      reader.close();
      record.close();
    };
  }
  const untilEnded = async (): Promise<void> => {
    try {
      await worker.ended;
    } finally {
      stopRefreshing();
      await dispatcher?.stop();
      closeInbox();
      await connection.close();
    }
  };
  const ended = untilEnded();
  return {
    standIns: worker.standIns,
    metrics,
    state: () => ({ dispatcher: dispatcher?.problem() ?? null, parked: worker.parked() }),
    wake: () => dispatcher?.wake(),
    ended,
    stop: async () => {
      await dispatcher?.stop();
      await worker.stop();
      await ended;
    },
  };
}
