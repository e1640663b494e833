import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { Dispatcher } from './dispatcher';
import { RunMetrics } from './metrics';
import type { PendingEvents } from './pending-events';
import { RunLog } from './run-log';
import type { RunStarter } from './run-starter';
import type { RunEnding } from './run-tracker';

/** What {@link startDispatcher} needs. */
export interface DispatcherParts {
  dataDir: string;
  events: PendingEvents;
  starter: RunStarter;
  maxInFlight: number;
  /** Whether events are started in batches while more wait than runs may be started, and while such batches make progress. */
  batches: boolean;
  /** Whether the worker is in this process and reports how runs end. */
  endsArePushed: boolean;
  /** Runs that closed longer ago are deleted from the run log. Milliseconds. */
  forgetAfterMs: number;
  /** Gets the metrics of runs. Once per registry. */
  registry: Registry;
  log: Logger;
  onClosed?: (eventId: string, ending: RunEnding) => void;
}

/** A dispatcher with its run log and metrics. */
export type RunningDispatcher = Pick<
  Dispatcher,
  'wake' | 'runWaits' | 'runEnded' | 'batchEnded' | 'problem' | 'stop'
> & {
  /** Closes the run log. Call it after `stop`. */
  close(): void;
};

/**
 * Opens the run log and starts the dispatcher.
 * @throws DataFolderInUse when another dispatcher uses the data folder.
 */
export function startDispatcher(parts: DispatcherParts): RunningDispatcher {
  const { events, maxInFlight, batches, endsArePushed, forgetAfterMs, registry, log, onClosed } = parts;
  const runLog = RunLog.open(parts.dataDir);
  if (runLog.setAside !== null) {
    log.error({}, runLog.setAside);
  }
  const metrics = new RunMetrics(registry);
  const dispatcher = new Dispatcher({
    events,
    runLog,
    starter: metrics.counting(parts.starter),
    maxInFlight,
    batches,
    endsArePushed,
    forgetAfterMs,
    log,
    onClosed: (eventId, ending) => {
      metrics.closed(ending);
      onClosed?.(eventId, ending);
    },
  });
  let isClosed = false;
  metrics.watch({
    inFlight: () => dispatcher.runs().inFlight,
    open: () => (isClosed ? 0 : runLog.openCount()),
  });
  dispatcher.start();
  return {
    wake: () => dispatcher.wake(),
    runWaits: (eventId) => dispatcher.runWaits(eventId),
    runEnded: (eventId, ending) => dispatcher.runEnded(eventId, ending),
    batchEnded: (batchId, ending) => dispatcher.batchEnded(batchId, ending),
    problem: () => dispatcher.problem(),
    stop: () => dispatcher.stop(),
    close: () => {
      isClosed = true;
      runLog.close();
    },
  };
}
