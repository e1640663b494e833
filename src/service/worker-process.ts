import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Connector } from '../connectors/connector';
import { OwnNumbers } from '../events/own-numbers';
import { RunLog } from '../dispatch/run-log';
import { Dispatcher } from '../dispatch/dispatcher';
import type { RunEnding } from '../dispatch/run-tracker';
import { InboxReader } from '../inbox/archive/reader';
import type { Settings } from '../settings/settings';
import type { ResolvedTemporal } from '../temporal/connection';
import { connectNative } from '../temporal/connection';
import { addTemporalMetric } from '../temporal/metrics';
import { watchTemporal } from '../temporal/watch';
import { installRuntime } from '../worker/create-worker';
import type { ChildWork } from './child/child';
import { settlesWithin } from '../timing/settles-within';
import { refreshOurNumbers } from './refresh-own-numbers';
import { RunMetrics } from '../dispatch/metrics';
import { runStarter, ensureSearchAttributes } from '../temporal/run-starter';
import { StepMetrics } from '../worker/metrics';
import { startWorker, type RunningWorker } from '../worker/start-worker';

/** A start under way may end before the worker does; it is made again if it did not. */
const DISPATCHER_WITHIN_MS = 1_000;
/** What is under way takes this long at most: the worker's own bounds (worker-role.ts), and a little. */
const DRAINED_WITHIN_MS = 15_000;
/**
 * A Temporal that does not answer keeps a worker from ending; with nothing under way it is not waited for longer than
 * this.
 */
const GOODBYE_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 50;
const CLOSE_WITHIN_MS = 1_000;

/**
 * Connects to Temporal and starts the worker; with `dispatch`, also starts runs for the inbox in the data folder, over
 * the same connection: that is what makes eager starts possible.
 *
 * It stops within 18 s. What was under way and did not end is made again by the next worker.
 *
 * @param options.registry gets the worker's metrics, and the dispatcher's. Once per registry.
 * @throws TemporalUnreachable.
 */
export async function startWorkerProcess(options: {
  temporal: ResolvedTemporal;
  settings: Settings;
  connectors: readonly Connector[];
  dispatch: boolean;
  registry: Registry;
  log: Logger;
  onClosed?: (eventId: string, ending: RunEnding) => void;
}): Promise<ChildWork> {
  const { settings, registry, log } = options;
  installRuntime(log);
  const connection = await connectNative(options.temporal);
  const namespace = options.temporal.namespace;
  const ownNumbers = new OwnNumbers(settings.numbers, settings.country);
  if (options.dispatch) {
    const known = InboxReader.open(settings.dataDir);
    known.ownNumbers().forEach((number) => ownNumbers.learn(number));
    known.close();
  }
  const stopRefreshing = refreshOurNumbers(ownNumbers, settings, log);
  const steps = new StepMetrics(registry);
  let dispatcher: Dispatcher | null = null;
  const worker = await startWorker({
    connection,
    namespace,
    connectors: steps.timing(options.connectors),
    settings,
    ownNumbers,
    log,
    events: {
      onWaiting: (workflowId) => dispatcher?.runWaits(workflowId),
      onAttempt: steps.attempt,
      onRunEnded: (workflowId, failed, report) =>
        dispatcher?.runEnded(workflowId, { status: failed ? 'failed' : 'completed', report }),
    },
  });
  steps.watch(() => Object.keys(worker.parked()));
  const watch = watchTemporal(connection, namespace, log);
  const temporalProblem = (): string | null => dispatcher?.problem() ?? watch.problem();
  addTemporalMetric(registry, temporalProblem);
  let closeInbox = (): void => undefined;
  if (options.dispatch) {
    const reader = InboxReader.open(settings.dataDir);
    const record = RunLog.open(settings.dataDir);
    if (record.setAside !== null) {
      log.error({}, record.setAside);
    }
    const runs = new RunMetrics(registry);
    const dispatching = new Dispatcher({
      events: reader,
      record,
      starter: runs.counting(
        runStarter(new Client({ connection, namespace }), {
          searchAttributes: () => ensureSearchAttributes(connection, namespace, log),
          eager: true,
        }),
      ),
      maxInFlight: settings.dispatch.maxInFlight,
      isTold: true,
      forgetAfterMs: settings.retention.maxAgeMs,
      log,
      onClosed: (eventId, ending) => {
        runs.closed(ending);
        options.onClosed?.(eventId, ending);
      },
    });
    let openRuns = (): number => record.openCount();
    runs.watch({ inFlight: () => dispatching.runs().inFlight, open: () => openRuns() });
    dispatcher = dispatching;
    dispatching.start();
    closeInbox = () => {
      openRuns = () => 0;
      reader.close();
      record.close();
    };
  }
  let stopping = false;
  const untilEnded = async (): Promise<void> => {
    try {
      await worker.ended;
    } catch (error) {
      if (!stopping) {
        throw error;
      }
      log.warn(
        { error: error instanceof Error ? error.name : 'unknown' },
        'the worker did not end cleanly in time; Temporal gives what was under way to the next worker',
      );
    } finally {
      stopRefreshing();
      watch.stop();
      await settlesWithin(dispatcher?.stop() ?? Promise.resolve(), DISPATCHER_WITHIN_MS);
      closeInbox();
      // A worker that did not end holds on to it; the process ends soon, and it with the process.
      await settlesWithin(connection.close(), CLOSE_WITHIN_MS);
    }
  };
  const ended = untilEnded();
  return {
    standIns: worker.standIns,
    state: () => ({ temporal: temporalProblem(), parked: worker.parked() }),
    wake: () => dispatcher?.wake(),
    ended,
    stop: async () => {
      stopping = true;
      const stopped = settlesWithin(dispatcher?.stop() ?? Promise.resolve(), DISPATCHER_WITHIN_MS).then(() =>
        Promise.allSettled([worker.stop(), ended]),
      );
      await Promise.race([stopped, untilDrained(worker)]);
      if (!(await settlesWithin(stopped, GOODBYE_WITHIN_MS))) {
        log.warn(
          {},
          worker.isDrained()
            ? 'Temporal could not be told that the worker stops; it will notice'
            : 'steps that did not end in time are left behind; Temporal gives them to the next worker',
        );
      }
    },
  };
}

/** Until nothing is under way; no longer than that should take. */
async function untilDrained(worker: Pick<RunningWorker, 'isDrained'>): Promise<void> {
  const deadline = performance.now() + DRAINED_WITHIN_MS;
  while (!worker.isDrained() && performance.now() < deadline) {
    await delay(LOOK_EVERY_MS);
  }
}
