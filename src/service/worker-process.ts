import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Connector } from '../connectors/connector';
import { OwnNumbers } from '../events/own-numbers';
import { startDispatcher, type RunningDispatcher } from '../dispatch/start-dispatcher';
import type { RunEnding } from '../dispatch/run-tracker';
import { InboxReader } from '../inbox/archive/reader';
import { startJobs, type RunningJobs } from '../operations/start-jobs';
import { warmUpConditions, warmUpTemplates } from '../rules/language/warm-up';
import type { Settings } from '../settings/settings';
import type { ResolvedTemporal } from '../temporal/connection';
import { connectNative } from '../temporal/connection';
import { addTemporalMetric } from '../temporal/metrics';
import { watchTemporal } from '../temporal/watch';
import { installRuntime } from '../worker/create-worker';
import { settlesWithin } from '../timing/settles-within';
import { runStarter, ensureSearchAttributes } from '../temporal/run-starter';
import { FailingConnections } from '../worker/failing-connections';
import { StepMetrics } from '../worker/metrics';
import { startWorker, type RunningWorker } from '../worker/start-worker';
import type { ChildService } from './child/child';
import { answerAboutConnections } from './connection-answers';
import { refreshOwnNumbers } from './refresh-own-numbers';
import { createService } from './service';

/** A start under way ends by then. If it does not, the next dispatcher starts the run again under the same id. */
const DISPATCHER_WITHIN_MS = 1_000;
/** Steps under way end by then: a little more than the worker's own bounds (worker/start-worker.ts). */
const DRAINED_WITHIN_MS = 15_000;
/** A drained worker ends by then. When Temporal does not answer, it does not end, and the stop goes on without it. */
const ENDED_WITHIN_MS = 2_000;
const POLL_MS = 50;
const CLOSE_WITHIN_MS = 1_000;

/** A worker, with or without a dispatcher beside it. */
export type WorkerService = ChildService;

/**
 * Connects to Temporal and starts the worker. With `dispatch` it also starts runs for the inbox in the data folder, over
 * the same connection: that makes eager starts possible.
 *
 * It ends by itself when the worker ends. It stops within 18 s; Temporal gives steps that did not end by then to the
 * next worker.
 *
 * @param options.registry gets the worker's metrics, and the dispatcher's. Once per registry.
 * @param options.dispatch.onClosed is called for every run that closed.
 * @throws TemporalUnreachable.
 */
export async function startWorkerProcess(options: {
  temporal: ResolvedTemporal;
  settings: Settings;
  connectors: readonly Connector[];
  registry: Registry;
  log: Logger;
  dispatch?: { onClosed: (eventId: string, ending: RunEnding) => void };
}): Promise<WorkerService> {
  const { settings, registry, log } = options;
  installRuntime(log);
  warmUpConditions();
  warmUpTemplates();
  const connection = await connectNative(options.temporal);
  const namespace = options.temporal.namespace;
  const ownNumbers = new OwnNumbers(settings.numbers, settings.country);
  if (options.dispatch !== undefined) {
    const known = InboxReader.open(settings.dataDir);
    known.ownNumbers().forEach((number) => ownNumbers.learn(number));
    known.close();
  }
  const stopRefreshing = await refreshOwnNumbers(ownNumbers, settings, log);
  const steps = new StepMetrics(registry);
  const failing = new FailingConnections();
  let dispatcher: RunningDispatcher | null = null;
  let jobs: RunningJobs | null = null;
  const worker = await startWorker({
    connection,
    namespace,
    connectors: steps.timing(options.connectors),
    settings,
    ownNumbers,
    log,
    events: {
      onWaiting: (workflowId) => dispatcher?.runWaits(workflowId),
      onAttempt: (attempt) => {
        steps.attempt(attempt);
        failing.attempt(attempt);
      },
      onEffectNotKept: steps.effectNotKept,
      onRunEnded: (workflowId, failed, report) => {
        const ending: RunEnding = { status: failed ? 'failed' : 'completed', report };
        if (jobs?.runEnded(workflowId, ending) !== true) {
          dispatcher?.runEnded(workflowId, ending);
        }
      },
      onBatchEnded: (batchId, report) => dispatcher?.batchEnded(batchId, { status: 'completed', report }),
    },
  });
  steps.watch(() => Object.keys(worker.parked()));
  const watch = watchTemporal(connection, namespace, log);
  const temporalProblem = (): string | null => dispatcher?.problem() ?? watch.problem();
  addTemporalMetric(registry, temporalProblem);
  const { dispatch } = options;
  const reader = dispatch === undefined ? null : InboxReader.open(settings.dataDir);
  if (dispatch !== undefined && reader !== null) {
    const starter = runStarter(new Client({ connection, namespace }), {
      searchAttributes: () => ensureSearchAttributes(connection, namespace, log),
      eager: true,
    });
    dispatcher = startDispatcher({
      dataDir: settings.dataDir,
      events: reader,
      starter,
      maxInFlight: settings.dispatch.maxInFlight,
      batches: settings.dispatch.batches,
      endsArePushed: true,
      forgetAfterMs: settings.retention.maxAgeMs,
      registry,
      log,
      onClosed: (eventId, ending) => dispatch.onClosed(eventId, ending),
    });
    jobs = startJobs({ dataDir: settings.dataDir, starter, forgetAfterMs: settings.retention.maxAgeMs, log });
  }
  const stopStarting = (): Promise<unknown> => Promise.all([dispatcher?.stop(), jobs?.stop()]);
  let isStopping = false;
  const run = async (): Promise<void> => {
    try {
      await worker.ended;
    } catch (error) {
      if (!isStopping) {
        throw error;
      }
      log.warn(
        { error: error instanceof Error ? error.name : 'unknown' },
        'the worker did not end in time; Temporal gives its steps to the next worker',
      );
    } finally {
      stopRefreshing();
      watch.stop();
      await settlesWithin(stopStarting(), DISPATCHER_WITHIN_MS);
      reader?.close();
      jobs?.close();
      dispatcher?.close();
      // A worker that did not end keeps the connection open, until the process ends.
      await settlesWithin(connection.close(), CLOSE_WITHIN_MS);
    }
  };
  const running = run();
  const stop = async (): Promise<void> => {
    isStopping = true;
    const stopped = settlesWithin(stopStarting(), DISPATCHER_WITHIN_MS).then(() =>
      Promise.allSettled([worker.stop(), running]),
    );
    await Promise.race([stopped, untilDrained(worker)]);
    if (!(await settlesWithin(stopped, ENDED_WITHIN_MS))) {
      log.warn(
        {},
        worker.isDrained()
          ? 'Temporal does not answer, so it did not get to know that the worker stops; it will notice'
          : 'some steps did not end in time; Temporal gives them to the next worker',
      );
    }
  };
  return {
    ...createService(stop, running),
    standIns: worker.standIns,
    standInSettings: worker.standInSettings,
    voipbinStandIn: worker.voipbinStandIn,
    state: () => ({
      temporal: temporalProblem(),
      parked: worker.parked(),
      parked_known: worker.isParkedKnown(),
      failing: failing.list(),
      seen_working: failing.seenWorking(),
    }),
    wake: () => dispatcher?.wake(),
    answer: (question) =>
      answerAboutConnections(
        { client: new Client({ connection, namespace }), worker: settings, standIns: worker.mailboxes },
        question,
      ),
  };
}

/** Resolves when no step is under way, at the latest after {@link DRAINED_WITHIN_MS}. */
async function untilDrained(worker: Pick<RunningWorker, 'isDrained'>): Promise<void> {
  const deadline = performance.now() + DRAINED_WITHIN_MS;
  while (!worker.isDrained() && performance.now() < deadline) {
    await delay(POLL_MS);
  }
}
