import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  CONNECTION_WORKS,
  PROBE_OVER,
  QUEUE_STATE,
  RELEASE_STEP,
  REPORT_CONNECTION,
  RESUME,
  STEP_WAITS,
} from '../src/runs/names';
import type {
  ConnectionReport,
  ParkConnectionInput,
  ParkedMemo,
  ParkingProgress,
  ProbeId,
  QueueState,
  Release,
  StepWaits,
} from '../src/runs/parking-contract';
import { beginProbe, endProbe, probeDueAt } from './probe-under-way';
import { WaitQueue } from './wait-queue';

const WAITS: typeof STEP_WAITS = 'stepWaits';
const WORKS: typeof CONNECTION_WORKS = 'connectionWorks';
const RESUME_NOW: typeof RESUME = 'resume';
const OVER: typeof PROBE_OVER = 'probeOver';
const STATE: typeof QUEUE_STATE = 'lineState';
const RELEASE: typeof RELEASE_STEP = 'goOn';
const REPORT: typeof REPORT_CONNECTION = 'connections.report';

/** A step waits for the connection. */
export const stepWaits = defineSignal<[StepWaits]>(WAITS);
/** A released step succeeded. */
export const connectionWorks = defineSignal(WORKS);
/** Release the oldest step at once: there may be a new credential. */
export const resume = defineSignal(RESUME_NOW);
/** A released probe is over, and does not show whether the connection works. */
export const probeOver = defineSignal<[ProbeId?]>(OVER);
export const queueState = defineQuery<QueueState>(STATE);

/** The resolution of Temporal's timers. */
const SECOND_MS = 1_000;
const REPORT_WITHIN_MS = 5_000;
const REPORT_ATTEMPTS = 3;

/**
 * A parked connection: the queue of the steps that wait for it. It runs while the connection is parked.
 * parking-contract.ts describes the protocol, and the way of a release from here to the step's next attempt.
 *
 * A released step leaves the queue. When its attempt fails with class `credential` again, the step returns to its old
 * place. A probe whose end is not reported (its provider hangs, its run was terminated) holds up the next one for
 * twice the first interval at most. A probe that failed for another reason is followed by the next step at once: it
 * leaves the queue for good, so that as many requests follow each other as there are steps, at most.
 *
 * Guarantees: one probe at a time, unless one takes longer than twice the first interval (a minute; only the attempts
 * of mails may), or an operator asks for the next. The first is the oldest step, the steps after it follow in turn.
 * When a probe succeeds, all other steps are released, oldest first, at the given pace. A failure meanwhile parks the
 * connection again.
 *
 * Not guaranteed: that the steps reach the provider in the order of their release.
 */
export async function parkConnection(input: ParkConnectionInput): Promise<void> {
  const { connection, pace } = input;
  const queue = new WaitQueue(input.waiting);
  let { problem } = input;
  const progress: ParkingProgress = input.progress ?? {
    since: new Date().toISOString(),
    works: false,
    probe_at_once: false,
    probe_every_ms: pace.first_ms,
    next_probe_ms: Date.now() + pace.first_ms,
    reported: null,
  };
  const nextProbeAt = (): string | null => (progress.works ? null : new Date(probeDueAt(progress)).toISOString());
  const show = (): void =>
    setCurrentDetails(
      queueTable({ connection, problem, since: progress.since, waiting: queue.size, next_probe_at: nextProbeAt() }),
    );
  const writeMemo = (): void => upsertMemo({ problem, since: progress.since } satisfies ParkedMemo);

  const scheduleProbe = (ms: number): void => {
    progress.probe_every_ms = ms;
    progress.next_probe_ms = Date.now() + ms;
    progress.probe_at_once = false;
  };
  setHandler(stepWaits, ({ step, problem: failure }) => {
    queue.add(step);
    endProbe(progress, step);
    if (failure !== null) {
      if (failure.code !== problem.code) {
        problem = failure;
        writeMemo();
      }
      if (progress.works) {
        progress.works = false;
        progress.probe_over = false;
        scheduleProbe(pace.first_ms);
      }
    }
    show();
  });
  setHandler(connectionWorks, () => {
    progress.works = true;
    progress.probing = null;
    show();
  });
  setHandler(resume, () => {
    progress.probe_at_once = true;
    progress.probed = null;
  });
  setHandler(probeOver, (probe) => {
    // Earlier code had no handler, and may have been signalled by a worker of this version.
    if (patched('probe-over')) {
      // One that ends late does not start another beside the one that is under way by now.
      progress.probe_over ||= probe === undefined || endProbe(progress, probe);
    }
  });
  setHandler(queueState, () => ({ waiting: queue.size, next_probe_at: nextProbeAt() }));
  writeMemo();
  show();

  /** Releases the oldest step, or the probe whose turn it is. @returns false when its run no longer exists. */
  const releaseNext = async (probe: boolean): Promise<boolean> => {
    // Before the release: the answer may be here before the release is known to be delivered.
    progress.probe_over = false;
    const inTurn = probe && input.probes_in_turn === true;
    const step = inTurn ? queue.takeNext(progress.probed ?? null) : queue.takeOldest();
    if (inTurn) {
      progress.probed = step ?? null;
    }
    if (probe && step !== undefined) {
      beginProbe(progress, step, Date.now(), input.single_probe === true ? pace.first_ms * 2 : 0);
    }
    const isDelivered = step !== undefined && (await sendRelease(step.run, { step: step.step, connection, probe }));
    if (step !== undefined && !isDelivered) {
      endProbe(progress, step);
    }
    show();
    return isDelivered;
  };
  const report = async (state: ConnectionReport['state']): Promise<void> => {
    progress.reported = state;
    await sendReport({ connection, state, problem });
  };
  const mayProbeAtOnce = (): boolean => (progress.probe_at_once || progress.probe_over === true) && queue.size > 0;
  const historyIsLong = (): boolean =>
    workflowInfo().continueAsNewSuggested || workflowInfo().historyLength >= pace.history_events;

  let releasedThisSecond = 0;
  for (;;) {
    if (historyIsLong()) {
      await continueAsNew<typeof parkConnection>({
        connection,
        pace,
        problem,
        waiting: [...queue.steps],
        progress,
        ...(input.probes_in_turn === true ? { probes_in_turn: true } : {}),
        ...(input.single_probe === true ? { single_probe: true } : {}),
      });
    }
    if (progress.works && queue.size > 0) {
      releasedThisSecond += (await releaseNext(false)) ? 1 : 0;
      if (releasedThisSecond >= pace.let_go_per_second) {
        releasedThisSecond = 0;
        await condition(() => !progress.works, SECOND_MS);
      }
    } else if (progress.works && progress.reported !== 'works') {
      await report('works');
    } else if (progress.works) {
      return;
    } else if (progress.reported !== 'parked') {
      await report('parked');
    } else if (probeDueAt(progress) > Date.now() && !mayProbeAtOnce()) {
      const dueAt = probeDueAt(progress);
      await condition(
        () => progress.works || mayProbeAtOnce() || historyIsLong() || probeDueAt(progress) < dueAt,
        dueAt - Date.now(),
      );
    } else if (queue.size > 0) {
      const afterMs = progress.probe_over === true ? progress.probe_every_ms : progress.probe_every_ms * 2;
      if (await releaseNext(true)) {
        scheduleProbe(progress.probe_at_once ? pace.first_ms : Math.min(afterMs, pace.longest_ms));
      }
    } else {
      await report('left');
      if (queue.size === 0) {
        return;
      }
    }
  }
}

/** @returns false when the run does not exist, or has ended. */
async function sendRelease(run: string, release: Release): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(run).signal(RELEASE, release);
    return true;
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
    return false;
  }
}

/** Reports to the operator. A report that fails is dropped: the queue is more important. */
async function sendReport(report: ConnectionReport): Promise<void> {
  const local = proxyLocalActivities<Record<typeof REPORT, (report: ConnectionReport) => Promise<void>>>({
    startToCloseTimeout: REPORT_WITHIN_MS,
    retry: { maximumAttempts: REPORT_ATTEMPTS },
    summary: report.state,
  });
  try {
    await local[REPORT](report);
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
  }
}

/** Markdown for the queue's page in the Temporal UI. */
function queueTable(shown: ParkedMemo & QueueState & { connection: string }): string {
  const { code, message, remedy } = shown.problem;
  const rows = [
    ['connection', shown.connection],
    ['code', code],
    ['why', message],
    [
      'what to do',
      `${remedy ?? 'Renew the credential.'} Then restart the worker, or run \`bridge connections resume ${shown.connection}\``,
    ],
    ['since', shown.since],
    ['waiting steps', String(shown.waiting)],
    ['next probe', shown.next_probe_at ?? 'none: the connection works again, and the steps are being released'],
  ];
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}
