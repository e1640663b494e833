import type { Plan, PlannedRule, PlannedStep } from '../rules/plan';
import type { JsonObject, JsonValue } from '../events/json';
import type { EarlierAttempts, EarlierRule, ReportSoFar, RuleReport, StepReport } from '../runs/run-contract';
import { RECORD_OPT_OUT } from '../runs/names';
import { EVERY_STEP, type LeftOut } from './job';

/** What one earlier run of an event did. */
export interface EarlierRun {
  rules: readonly RuleReport[];
  /** Steps that had begun when the run was cut off (terminated, timed out). */
  cutOff: ReportSoFar['under_way'];
  /** Whether the run ended by itself: steps without a report were not due then. */
  isComplete: boolean;
  /** What the run looked up of the event's call, when it is known. */
  calls?: JsonObject;
}

/** Which steps a retry or rerun may do. */
export interface Choice {
  rule?: string | undefined;
  step?: string | undefined;
  connection?: string | undefined;
  class?: string | undefined;
  /** `<rule>/<step>` of steps that may have happened and are done all the same, or {@link EVERY_STEP}. */
  ambiguous: ReadonlySet<string>;
  /** Also steps whose time is over. */
  late: boolean;
}

/** A step, as plans and reports name it. */
export interface StepName {
  id: string;
  action: string;
}

/** What is left to do of a plan. */
export interface Remaining {
  /** For the run's input. Rules that are not in it run as in a first run. */
  rules: Record<string, EarlierRule>;
  /** The steps that would run, also those that the bridge makes of itself. Some may turn out to be skipped. */
  steps: { rule: string; step: StepName }[];
  /** Why a failed step, or a rule of a rerun, is not done. */
  leftOut: LeftOut[];
  /** How many of the steps may have happened already. */
  doubtful: number;
}

type FailedStep = Extract<StepReport, { outcome: 'failed' }>;

/** When an event came, and the moment for which the plan is made. */
export interface Moments {
  receivedAt: Date;
  now: Date;
}

/**
 * What a retry does: the failed steps that the choice names, and what follows them. Everything else stands.
 *
 * A step that may have happened (`ambiguous`, or cut off and not safe to repeat) stands unless it is named. A step whose
 * time is over stands unless `late`.
 */
export function leftToRetry(plan: Plan, earlier: EarlierRun, choice: Choice, moments: Moments): Remaining {
  return remainingOf(
    plan.rules.map((rule) => {
      const report = earlier.rules.find(({ rule: name }) => name === rule.name);
      return restOf(rule, report, { ...earlier, skippedStands: true }, choice, moments);
    }),
  );
}

/**
 * What a rerun does of a new plan: all that no earlier run has done for a rule of that name.
 *
 * A rule that was skipped has done nothing, so it runs. A step is the same as an earlier one when it has the same id and
 * action.
 *
 * @param earlier all earlier runs, the oldest first.
 * @param choice `rule`: the only rule that runs; the others stand as they are. `again`: whatever was done is done again.
 * @param firedByTwin rules that acted on the same message when it came as another event.
 */
export function leftToRerun(
  plan: Plan,
  earlier: readonly EarlierRun[],
  { rule: only, again = false, ...choice }: Choice & { again?: boolean },
  firedByTwin: ReadonlySet<string>,
  moments: Moments,
): Remaining {
  return remainingOf(
    plan.rules.map((rule): RestOfRule => {
      if (only !== undefined && rule.name !== only) {
        return { rule, earlier: standing(asItStands(rule, earlier.at(-1))), run: [], leftOut: [] };
      }
      const run = earlier.findLast(({ rules }) => rules.some(({ rule: name }) => name === rule.name));
      const report = run?.rules.find(({ rule: name }) => name === rule.name);
      if (firedByTwin.has(rule.name)) {
        const stands: RuleReport = { rule: rule.name, outcome: 'skipped', reason: 'its twin ran the rule', steps: [] };
        return { rule, earlier: standing(stands), run: [], leftOut: ['by_twin'] };
      }
      if (run === undefined || report === undefined || again) {
        return { rule, earlier: null, run: stepsOf(rule), leftOut: [] };
      }
      if (rule.records !== undefined) {
        const isDone = report.steps.some(({ outcome }) => outcome === 'done');
        return isDone
          ? { rule, earlier: standing(report), run: [], leftOut: ['already_done'] }
          : { rule, earlier: null, run: stepsOf(rule), leftOut: [] };
      }
      const known = report.steps.filter(({ step, action }) =>
        rule.steps.some(({ id, action: now }) => id === step && now === action),
      );
      const rest = restOf(
        rule,
        { ...report, steps: known },
        { cutOff: run.cutOff, isComplete: false, skippedStands: false },
        choice,
        moments,
      );
      return rest.run.length === 0 && rest.leftOut.length === 0 ? { ...rest, leftOut: ['already_done'] } : rest;
    }),
  );
}

/** What is left of one rule. `earlier` is null for a rule that runs as in a first run. */
interface RestOfRule {
  rule: PlannedRule;
  earlier: EarlierRule | null;
  run: StepName[];
  leftOut: LeftOut[];
  /** How many of `run` may have happened already; absent when none. */
  doubtful?: number;
}

/** The steps of a rule as a first run would do them. */
function stepsOf(rule: PlannedRule): StepName[] {
  return rule.records === undefined ? [...rule.steps] : [{ id: rule.records, action: RECORD_OPT_OUT }];
}

function remainingOf(rests: readonly RestOfRule[]): Remaining {
  return {
    rules: Object.fromEntries(rests.flatMap(({ rule, earlier }) => (earlier === null ? [] : [[rule.name, earlier]]))),
    steps: rests.flatMap(({ rule, run }) => run.map((step) => ({ rule: rule.name, step }))),
    leftOut: rests.flatMap(({ leftOut }) => leftOut),
    doubtful: rests.reduce((sum, { doubtful = 0 }) => sum + doubtful, 0),
  };
}

function restOf(
  rule: PlannedRule,
  report: RuleReport | undefined,
  run: Pick<EarlierRun, 'cutOff' | 'isComplete'> & { skippedStands: boolean },
  choice: Choice,
  moments: Moments,
): RestOfRule {
  const before: RuleReport = report ?? { rule: rule.name, outcome: 'skipped', steps: [] };
  if (rule.failure !== undefined) {
    return { rule, earlier: standing(before), run: [], leftOut: ['condition_failed'] };
  }
  const steps: Record<string, StepReport> = {};
  const attempts: Record<string, EarlierAttempts> = {};
  const toRun: StepName[] = [];
  const leftOut: LeftOut[] = [];
  let doubtful = 0;
  // The bridge's own steps (the limits, the look-up of a call, an opt-out) come before the first step of the rule.
  const failedBefore = before.steps.find(
    (report): report is FailedStep => report.outcome === 'failed' && !rule.steps.some(({ id }) => id === report.step),
  );
  const wasCutOff = run.cutOff.some(({ rule: name }) => name === rule.name);
  const hasBegun = wasCutOff || before.steps.some(({ step }) => rule.steps.some(({ id }) => id === step));
  if (failedBefore !== undefined) {
    if (!isChosen(rule, { id: failedBefore.step, action: failedBefore.action }, failedBefore.class, choice)) {
      return { rule, earlier: standing(before), run: [], leftOut };
    }
    if (!hasBegun) {
      return { rule, earlier: fresh(before), run: stepsOf(rule), leftOut };
    }
  } else if (rule.records !== undefined && before.steps.length === 0 && !run.isComplete) {
    return { rule, earlier: null, run: stepsOf(rule), leftOut };
  }
  for (const step of rule.steps) {
    const stepReport = before.steps.find(({ step: id }) => id === step.id);
    const cutOff = run.cutOff.find(({ rule: name, step: id }) => name === rule.name && id === step.id);
    if (stepReport?.outcome === 'done' || (stepReport?.outcome === 'skipped' && run.skippedStands)) {
      steps[step.id] = stepReport;
    } else if (stepReport?.outcome === 'failed' || (stepReport === undefined && cutOff !== undefined)) {
      const failure = stepReport?.outcome === 'failed' ? stepReport : null;
      const judged = judge(rule, step, failure, choice, moments);
      if (judged === 'run') {
        toRun.push(step);
        const earlier = failure?.earlier ?? {
          began_at: cutOff?.began_at ?? moments.receivedAt.toISOString(),
          attempts: 1,
          saved: null,
        };
        // Who names such a step has looked: it did not happen, so its action must not take it for done or doubtful.
        if (mayHaveHappened(step, failure)) {
          doubtful += 1;
          attempts[step.id] = { ...earlier, attempts: 0, saved: withoutAttempt(earlier.saved) };
        } else {
          attempts[step.id] = earlier;
        }
        continue;
      }
      if (judged !== 'not_chosen') {
        leftOut.push(judged);
      }
      steps[step.id] = failure ?? cutOffReport(step);
      if (step.on_error === 'stop') {
        break;
      }
    } else if (toRun.length > 0 || failedBefore !== undefined || !run.isComplete) {
      toRun.push(step);
    }
  }
  if (toRun.length === 0) {
    return { rule, earlier: standing(before), run: [], leftOut };
  }
  return { rule, earlier: { steps, attempts, passed: hasBegun, ...keyOf(before) }, run: toRun, leftOut, doubtful };
}

/** For a rule without any effect so far; null when it runs as in a first run. */
function fresh(before: RuleReport): EarlierRule | null {
  return before.key === undefined ? null : { steps: {}, attempts: {}, passed: false, ...keyOf(before) };
}

function keyOf({ key }: RuleReport): Pick<EarlierRule, 'key'> {
  return key === undefined ? {} : { key };
}

/**
 * What an action saved, without the number of the attempt that saved it, as attempts are counted from 1 again. What does
 * not depend on it still holds: which recipients have a mail.
 */
function withoutAttempt(saved: JsonValue): JsonValue {
  return typeof saved === 'object' && saved !== null && !Array.isArray(saved)
    ? Object.fromEntries(Object.entries(saved).filter(([name]) => name !== 'attempt'))
    : null;
}

function judge(
  rule: PlannedRule,
  step: PlannedStep,
  failure: FailedStep | null,
  choice: Choice,
  { receivedAt, now }: Moments,
): 'run' | 'not_chosen' | LeftOut {
  if (!isChosen(rule, step, failure?.class ?? 'ambiguous', choice)) {
    return 'not_chosen';
  }
  const isNamed = choice.ambiguous.has(EVERY_STEP) || choice.ambiguous.has(`${rule.name}/${step.id}`);
  if (mayHaveHappened(step, failure) && !isNamed) {
    return 'ambiguous';
  }
  const isOver = step.retry.from === 'event' && receivedAt.getTime() + step.retry.for_ms < now.getTime();
  return (isOver || failure?.code === 'too_late') && !choice.late ? 'too_late' : 'run';
}

function isChosen(rule: PlannedRule, step: StepName, errorClass: string, choice: Choice): boolean {
  return (
    (choice.rule === undefined || choice.rule === rule.name) &&
    (choice.step === undefined || choice.step === step.id) &&
    (choice.connection === undefined || step.action.startsWith(`${choice.connection}.`)) &&
    (choice.class === undefined || choice.class === errorClass)
  );
}

function mayHaveHappened(step: PlannedStep, failure: FailedStep | null): boolean {
  return failure === null ? step.effect === 'once' : failure.class === 'ambiguous';
}

/** The report of a rule that another rule's rerun leaves alone. */
function asItStands(rule: PlannedRule, last: EarlierRun | undefined): RuleReport {
  const report = last?.rules.find(({ rule: name }) => name === rule.name);
  const cutOff = last?.cutOff.filter(({ rule: name }) => name === rule.name).map(({ step }) => step) ?? [];
  const steps = [
    ...(report?.steps ?? []),
    ...rule.steps.filter(({ id }) => cutOff.includes(id)).map((step) => cutOffReport(step)),
  ];
  return { rule: rule.name, outcome: cutOff.length > 0 ? 'failed' : 'skipped', ...report, steps };
}

function standing(report: RuleReport): EarlierRule {
  return { stands: report, steps: {}, attempts: {}, passed: true };
}

function cutOffReport(step: PlannedStep): StepReport {
  return {
    step: step.id,
    action: step.action,
    outcome: 'failed',
    class: 'ambiguous',
    code: 'cut_off',
    message: 'its run was ended while the step was under way: it may have happened',
    remedy: 'Look at the provider whether it happened.',
  };
}
