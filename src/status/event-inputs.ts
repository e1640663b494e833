import type { CanonicalEvent } from '../events/canonical-event';
import type { NumberLookup } from '../events/direction';
import type { JsonObject } from '../events/json';
import type { RunOfEvent } from '../operations/event-history';
import type { ReportSoFar, StepReport } from '../runs/run-contract';
import {
  beganAt,
  renderedSteps,
  wasRendered,
  type InputProblem,
  type KnownRun,
  type RenderedStep,
} from './sent-inputs';

/** The inputs of a step. The names are the JSON keys of `events show --json`. */
export interface ShownInput {
  rule: string;
  step: string;
  /**
   * `done`: they were sent. `failed`: the step tried to send them; whether they arrived, its failure says. `skipped`: a
   * rule in mode shadow would have sent them.
   */
  outcome: StepReport['outcome'];
  /** Rendered, with references in place of secrets. */
  input: JsonObject;
  /** Phone numbers of the input that are written in another form, in E.164, by input. Absent when there are none. */
  read_as?: Readonly<Record<string, string>>;
}

/** A step whose inputs were rendered and are not certain. */
export interface HiddenInput {
  rule: string;
  step: string;
  /** A sentence for people. */
  reason: string;
}

/** What the steps of an event's last report sent, tried to send, or would have sent. */
export interface EventInputs {
  inputs: ShownInput[];
  inputs_not_shown: HiddenInput[];
}

/**
 * Asks a run, open or closed, for its report with the results of its steps. Null when Temporal does not have the run, or
 * no longer. @throws when Temporal or a worker does not answer.
 */
export type AskRun = (run: RunOfEvent) => Promise<ReportSoFar | null>;

const CANNOT_RENDER = 'they cannot be rendered again from what is stored';
const EARLIER_RUN = 'an earlier run did the step, and its inputs cannot be distinguished from those of the last run';

/** Why the inputs are not shown, when the run itself could not say what is missing, or was not asked. */
const WHY_NOT_ASKED = {
  gone: 'Temporal no longer keeps this run',
  unanswered: 'Temporal or a worker does not answer; try again while the bridge runs',
  not_asked: 'Temporal was not asked for the report of the run: bridge events show asks it',
} as const;

/** Why, when the run was asked. */
const WHY_ASKED: Readonly<Record<InputProblem, string>> = {
  results: CANNOT_RENDER,
  call: 'it is not known what the run looked up of the call',
  moment: 'it is not known when the step began',
  other_plan: EARLIER_RUN,
  unrenderable: CANNOT_RENDER,
};

/** A run, or one with its retries: they have one plan, and the last report is of all of them. */
interface RunWithRetries {
  runs: RunOfEvent[];
  last: RunOfEvent;
}

/**
 * Finds what the steps of an event sent, or tried to send. A step that an earlier run did is rendered with the rules of
 * that run. When the data folder does not have all that is needed (the results of a failed run, a call that a failed run
 * looked up), the run is asked.
 *
 * @param runs in their order, the last one with the report that is shown.
 * @param ask null asks nobody.
 */
export async function inputsOf(
  event: CanonicalEvent,
  ours: NumberLookup,
  runs: readonly RunOfEvent[],
  ask: AskRun | null,
): Promise<EventInputs> {
  const groups = withRetries(runs);
  const shown: EventInputs = { inputs: [], inputs_not_shown: [] };
  const byGroup = new Map<RunWithRetries, ReturnType<typeof render>>();
  for (const { rule, steps } of runs.at(-1)?.rules ?? []) {
    for (const ended of steps) {
      const group = wasRendered(ended) ? groupOf(groups, rule, ended) : undefined;
      if (group === undefined) {
        continue;
      }
      if (group === null) {
        shown.inputs_not_shown.push({ rule, step: ended.step, reason: EARLIER_RUN });
        continue;
      }
      const rendering = byGroup.get(group) ?? render(event, ours, group, ask);
      byGroup.set(group, rendering);
      const { steps: rendered, why } = await rendering;
      const found = rendered.find((one) => one.rule === rule && one.report.step === ended.step);
      if (found === undefined) {
        continue;
      }
      const { input, report, readAs } = found;
      if (typeof input === 'string') {
        shown.inputs_not_shown.push({ rule, step: ended.step, reason: why[input] });
      } else {
        const numbers = Object.keys(readAs).length === 0 ? {} : { read_as: readAs };
        shown.inputs.push({ rule, step: ended.step, outcome: report.outcome, input, ...numbers });
      }
    }
  }
  return shown;
}

function withRetries(runs: readonly RunOfEvent[]): RunWithRetries[] {
  const groups: RunWithRetries[] = [];
  for (const run of runs) {
    const group = run.kind === 'retry' ? groups.at(-1) : undefined;
    if (group === undefined) {
      groups.push({ runs: [run], last: run });
    } else {
      group.runs.push(run);
      group.last = run;
    }
  }
  return groups;
}

/**
 * The runs that did a step of the last report, or tried it last: the first ones that report it as it stands there.
 * @returns null when that is unknown: an earlier run left no report, or one of an earlier version.
 */
function groupOf(
  groups: readonly RunWithRetries[],
  rule: string,
  ended: StepReport,
): RunWithRetries | null | undefined {
  for (const group of groups.slice(0, -1)) {
    const { last } = group;
    if (last.rules === null) {
      return null;
    }
    const report = last.rules.find((one) => one.rule === rule)?.steps.find(({ step }) => step === ended.step);
    if (report === undefined || !wasRendered(report) || report.outcome !== ended.outcome) {
      continue;
    }
    if (beganAt(report) === undefined) {
      return null;
    }
    if (doingOf(report) === doingOf(ended)) {
      return group;
    }
  }
  return groups.at(-1);
}

/** Tells one doing of a step from another. A rerun of a failed step has the moment of the earlier one, and more attempts. */
function doingOf(report: StepReport): string {
  return `${beganAt(report) ?? ''} ${report.outcome === 'failed' ? (report.earlier?.attempts ?? 0) : ''}`;
}

/** Renders what is recorded; asks the run when that does not suffice. */
async function render(
  event: CanonicalEvent,
  ours: NumberLookup,
  group: RunWithRetries,
  ask: AskRun | null,
): Promise<{ steps: RenderedStep[]; why: Readonly<Record<InputProblem, string>> }> {
  const recorded = recordedIn(group);
  const steps = recorded === null ? [] : renderedSteps(event, ours, recorded);
  if (recorded === null || !steps.some(({ input }) => isKnownToRun(input))) {
    return { steps, why: WHY_ASKED };
  }
  const answer = ask === null ? 'not_asked' : await answerOf(ask, group.last);
  if (typeof answer === 'string') {
    const reason = WHY_NOT_ASKED[answer];
    return { steps, why: { ...WHY_ASKED, results: reason, call: reason, moment: reason } };
  }
  const { report, calls } = answer;
  return {
    steps: renderedSteps(event, ours, { ...recorded, rules: report.rules, hasResults: true, calls }),
    why: WHY_ASKED,
  };
}

async function answerOf(ask: AskRun, run: RunOfEvent): Promise<ReportSoFar | 'gone' | 'unanswered'> {
  try {
    return (await ask(run)) ?? 'gone';
  } catch {
    return 'unanswered';
  }
}

function recordedIn({ runs, last }: RunWithRetries): KnownRun | null {
  const { plan, rules, calls, closedAt } = last;
  return rules === null
    ? null
    : {
        plan,
        rules,
        hasResults: rules.every(({ steps }) => steps.every(({ outcome }) => outcome !== 'failed')),
        calls,
        from: runs[0]?.startedAt ?? last.startedAt,
        until: closedAt ?? new Date(),
      };
}

function isKnownToRun(input: RenderedStep['input']): boolean {
  return input === 'results' || input === 'call' || input === 'moment';
}
