import type { Logger } from 'pino';
import type { RunReports, RunStarter } from '../dispatch/run-starter';
import { LaterRuns } from '../dispatch/later-runs';
import { RunLogReader } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import { JobRunner } from './job-runner';
import { OperationsReader } from './store';

/** New events that wait for their start. Jobs wait for them when there are more. */
const MOST_PENDING = 20;

/** A job runner with what it reads and writes. */
export interface RunningJobs extends Pick<JobRunner, 'runEnded' | 'problem' | 'stop'> {
  /** Closes the records. Call it after `stop`. */
  close(): void;
}

/** Starts doing confirmed jobs, beside the dispatcher of the same data folder, which must have started. */
export function startJobs(options: {
  dataDir: string;
  starter: RunStarter & RunReports;
  /** Runs that ended longer ago are deleted from the record. Milliseconds. */
  forgetAfterMs: number;
  log: Logger;
}): RunningJobs {
  const { dataDir, starter, forgetAfterMs, log } = options;
  const inbox = InboxReader.open(dataDir);
  const runLog = new RunLogReader(dataDir);
  const jobs = new OperationsReader(dataDir);
  const laterRuns = new LaterRuns(dataDir);
  const runner = new JobRunner({
    records: { inbox, runLog, laterRuns, jobs },
    jobs,
    laterRuns,
    starter,
    isBusy: () => inbox.backlog(runLog, new Date()).depth > MOST_PENDING,
    forgetAfterMs,
    log,
  });
  runner.start();
  return {
    runEnded: (workflowId, ending) => runner.runEnded(workflowId, ending),
    problem: () => runner.problem(),
    stop: () => runner.stop(),
    close: () => {
      inbox.close();
      runLog.close();
      jobs.close();
      laterRuns.close();
    },
  };
}
