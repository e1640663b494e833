import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { CONNECTION_WORKS, GO_ON, LINE_STATE, REPORT_CONNECTION, RESUME, STEP_WAITS } from '../src/runs/names';
import type {
  ConnectionReport,
  GoOn,
  LineProgress,
  LineState,
  ParkConnectionInput,
  ParkedMemo,
  StepWaits,
} from '../src/runs/parking-contract';
import { WaitingLine } from './wait-queue';

const WAITS: typeof STEP_WAITS = 'stepWaits';
const WORKS: typeof CONNECTION_WORKS = 'connectionWorks';
const AT_ONCE: typeof RESUME = 'resume';
const STATE: typeof LINE_STATE = 'lineState';
const LET_GO: typeof GO_ON = 'goOn';
const REPORT: typeof REPORT_CONNECTION = 'connections.report';

/** A step waits for the connection. */
export const stepWaits = defineSignal<[StepWaits]>(WAITS);
/** A probe got through. */
export const connectionWorks = defineSignal(WORKS);
/** The oldest step is to try at once: there may be a new credential. */
export const resume = defineSignal(AT_ONCE);
export const lineState = defineQuery<LineState>(STATE);

/** Temporal's timers are no finer. */
const SECOND_MS = 1_000;
const REPORT_WITHIN_MS = 5_000;
const REPORT_TRIES = 3;

/**
 * A parked connection: the line of the steps that wait for it. It runs only while the connection is parked.
 *
 * A step that is let go leaves the line; when it fails by the credential again it is put back, in its old place. So a
 * probe that never reports (its provider hangs, its run ended) does not keep the next one from being made.
 *
 * Guaranteed: one probe at a time is let go, always the oldest; when one gets through all others follow, oldest first,
 * at the pace given. A failure meanwhile parks the connection again. Not guaranteed: that the steps reach the provider
 * in the order in which they are let go.
 */
export async function parkConnection(input: ParkConnectionInput): Promise<void> {
  const { connection, pace } = input;
  const line = new WaitingLine(input.waiting);
  let { problem } = input;
  const state: LineProgress = input.progress ?? {
    since: new Date().toISOString(),
    works: false,
    probe_at_once: false,
    probe_every_ms: pace.first_ms,
    next_probe_ms: Date.now() + pace.first_ms,
    reported: null,
  };
  const nextProbeAt = (): string | null => (state.works ? null : new Date(state.next_probe_ms).toISOString());
  const show = (): void =>
    setCurrentDetails(
      lineTable({ connection, problem, since: state.since, waiting: line.size, next_probe_at: nextProbeAt() }),
    );
  const remember = (): void => upsertMemo({ problem, since: state.since } satisfies ParkedMemo);

  const waitFor = (ms: number): void => {
    state.probe_every_ms = ms;
    state.next_probe_ms = Date.now() + ms;
    state.probe_at_once = false;
  };
  setHandler(stepWaits, ({ step, problem: failure }) => {
    line.add(step);
    if (failure !== null) {
      if (failure.code !== problem.code) {
        problem = failure;
        remember();
      }
      if (state.works) {
        state.works = false;
        waitFor(pace.first_ms);
      }
    }
    show();
  });
  setHandler(connectionWorks, () => {
    state.works = true;
    show();
  });
  setHandler(resume, () => {
    state.probe_at_once = true;
  });
  setHandler(lineState, () => ({ waiting: line.size, next_probe_at: nextProbeAt() }));
  remember();
  show();

  /** Takes out the oldest step. @returns whether it heard: its run may be gone. */
  const letGoOldest = async (probe: boolean): Promise<boolean> => {
    const step = line.takeOldest();
    const heard = step !== undefined && (await signalled(step.run, { step: step.step, connection, probe }));
    show();
    return heard;
  };
  const report = async (what: ConnectionReport['state']): Promise<void> => {
    state.reported = what;
    await reported({ connection, state: what, problem });
  };
  const mayProbeAtOnce = (): boolean => state.probe_at_once && line.size > 0;
  const historyIsLong = (): boolean =>
    workflowInfo().continueAsNewSuggested || workflowInfo().historyLength >= pace.history_events;

  let letGo = 0;
  for (;;) {
    if (historyIsLong()) {
      await continueAsNew<typeof parkConnection>({
        connection,
        pace,
        problem,
        waiting: [...line.steps],
        progress: state,
      });
    }
    if (state.works && line.size > 0) {
      letGo += (await letGoOldest(false)) ? 1 : 0;
      if (letGo >= pace.let_go_per_second) {
        letGo = 0;
        await condition(() => !state.works, SECOND_MS);
      }
    } else if (state.works && state.reported !== 'works') {
      await report('works');
    } else if (state.works) {
      return;
    } else if (state.reported !== 'parked') {
      await report('parked');
    } else if (state.next_probe_ms > Date.now() && !mayProbeAtOnce()) {
      await condition(() => state.works || mayProbeAtOnce() || historyIsLong(), state.next_probe_ms - Date.now());
    } else if (line.size > 0) {
      if (await letGoOldest(true)) {
        waitFor(state.probe_at_once ? pace.first_ms : Math.min(state.probe_every_ms * 2, pace.longest_ms));
      }
    } else {
      await report('left');
      if (line.size === 0) {
        return;
      }
    }
  }
}

/** @returns false when there is no such run (any more). */
async function signalled(run: string, word: GoOn): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(run).signal(LET_GO, word);
    return true;
  } catch (error) {
    if (isCancellation(error)) {
      throw error;
    }
    return false;
  }
}

/** Tells the operator. The line goes on when that fails. */
async function reported(report: ConnectionReport): Promise<void> {
  const local = proxyLocalActivities<Record<typeof REPORT, (report: ConnectionReport) => Promise<void>>>({
    startToCloseTimeout: REPORT_WITHIN_MS,
    retry: { maximumAttempts: REPORT_TRIES },
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

/** Markdown for the line's page in the Temporal UI. */
function lineTable(shown: ParkedMemo & LineState & { connection: string }): string {
  const { code, message, remedy } = shown.problem;
  const rows = [
    ['connection', shown.connection],
    ['code', code],
    ['why', message],
    [
      'what to do',
      `${remedy ?? 'Mend the credential.'} Then restart the worker, or: \`bridge connections resume ${shown.connection}\``,
    ],
    ['since', shown.since],
    ['steps that wait', String(shown.waiting)],
    ['next probe', shown.next_probe_at ?? 'it works again: they go on, oldest first'],
  ];
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}
