import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  defineQuery,
  defineSignal,
  proxySinks,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
  type Sinks,
} from '@temporalio/workflow';
import type { JsonObject, JsonValue } from '../src/events/json';
import type { PlannedRule, PlannedStep } from '../src/rules/plan';
import type { PARKED_STEPS, RELEASE_STEP, RUN_REPORT, SearchAttributeName } from '../src/runs/names';
import type { ParkedStep, Release } from '../src/runs/parking-contract';
import type {
  EarlierRule,
  ReportSoFar,
  RuleReport,
  RunFailureType,
  RunInput,
  RunReport,
  RunSinks,
  StepReport,
} from '../src/runs/run-contract';
import { CallLookUp } from './call-look-up';
import { claimLimits } from './claim-limits';
import { ParkedSteps } from './parked-steps';
import { recordOptOut } from './record-opt-out';
import { describeFailure, outcomeOf, progressTable, withoutResults } from './run-report';
import { runStep } from './run-step';

const { runs } = proxySinks<RunSinks & Sinks>();
const RELEASE: typeof RELEASE_STEP = 'goOn';
const PARKED: typeof PARKED_STEPS = 'parkedSteps';
const REPORT: typeof RUN_REPORT = 'report';

/** The queue of a parked connection releases one of the run's steps (see parking-contract.ts). */
export const releaseStep = defineSignal<[Release]>(RELEASE);
/** The steps that wait for a parked connection. */
export const parkedSteps = defineQuery<ParkedStep[]>(PARKED);
/** The run's report so far, with the results of its steps. A retry continues from it. */
export const reportSoFar = defineQuery<ReportSoFar>(REPORT);

const outcomeKey = defineSearchAttributeKey('BridgeOutcome' satisfies SearchAttributeName, SearchAttributeType.KEYWORD);
const errorClassKey = defineSearchAttributeKey(
  'BridgeErrorClass' satisfies SearchAttributeName,
  SearchAttributeType.KEYWORD,
);

/**
 * Executes the plan of one event: the rules in parallel, the steps of a rule in order.
 *
 * A rule's failure does not affect other rules. The run ends Completed with the report, or, when any step failed,
 * Failed with the report in the failure's details. A later run of an event does what earlier runs left to do; its report
 * is of both.
 */
export async function handleEvent(input: RunInput): Promise<RunReport> {
  const { event, plan } = input;
  const rules = plan.rules.map((rule): RuleReport => ({ rule: rule.name, outcome: 'skipped', steps: [] }));
  const parked = new ParkedSteps(() => showProgress());
  const showProgress = (): void => setCurrentDetails(progressTable(rules, parked.list()));
  setHandler(releaseStep, (release) => parked.release(release));
  setHandler(parkedSteps, () => parked.list());
  const underWay: ReportSoFar['under_way'] = [];
  const callLookUp = new CallLookUp(input, (rule, step) =>
    runStep({ event, rule, timezone: 'UTC', country: null, step, steps: {} }, arrivedAt(input), parked),
  );
  const runReport = (): RunReport => ({
    event_id: event.event_id,
    ruleset: plan.ruleset,
    outcome: outcomeOf(rules.flatMap((rule) => rule.steps)),
    rules,
  });
  setHandler(reportSoFar, () => ({ report: runReport(), under_way: underWay, ...callLookUp.found() }));
  showProgress();
  await Promise.all(
    plan.rules.map(async (rule, index) => {
      const report = rules[index];
      if (report !== undefined) {
        await runRule(input, rule, report, { parked, underWay, callLookUp, showProgress });
      }
    }),
  );
  const report = runReport();
  const failures = rules.flatMap((rule) =>
    rule.steps.flatMap((step) => (step.outcome === 'failed' ? [{ rule: rule.rule, step }] : [])),
  );
  const first = failures[0];
  if (input.search_attributes) {
    upsertSearchAttributes([
      { key: outcomeKey, value: report.outcome },
      ...(first === undefined ? [] : [{ key: errorClassKey, value: first.step.class }]),
    ]);
  }
  if (first !== undefined) {
    runs.ended(true, withoutResults(report));
    throw ApplicationFailure.create({
      type: 'StepFailed' satisfies RunFailureType,
      nonRetryable: true,
      message: failures.map(({ rule, step }) => describeFailure(rule, step)).join('; '),
      details: [withoutResults(report)],
    });
  }
  const complete = { ...report, ...callLookUp.found() };
  runs.ended(false, complete);
  return complete;
}

/** State that the rules of a run share. */
interface RunState {
  parked: ParkedSteps;
  /** The steps that have begun and not ended. */
  underWay: ReportSoFar['under_way'];
  callLookUp: CallLookUp;
  showProgress: () => void;
}

/**
 * When the event arrived, by this run's clock, in epoch milliseconds: the run's start, less the time that the receiving
 * machine measured until then. Clocks of different machines are never compared.
 */
function arrivedAt(input: RunInput): number {
  return workflowInfo().startTime.getTime() - (input.waited_ms ?? 0);
}

async function runRule(input: RunInput, rule: PlannedRule, report: RuleReport, state: RunState): Promise<void> {
  const earlier = input.earlier?.rules[rule.name];
  if (earlier?.stands !== undefined) {
    Object.assign(report, earlier.stands);
    state.showProgress();
    return;
  }
  if (rule.failure !== undefined) {
    report.steps.push({ step: 'if', action: 'rules.if', outcome: 'failed', class: 'permanent', ...rule.failure });
    report.outcome = outcomeOf(report.steps);
    state.showProgress();
    return;
  }
  if (rule.records !== undefined) {
    report.steps.push(await recordOptOut({ event: input.event, state: rule.records === 'opt_out' ? 'out' : 'in' }));
    report.outcome = outcomeOf(report.steps);
    state.showProgress();
    return;
  }
  const key = earlier?.key ?? input.earlier?.key;
  if (key !== undefined) {
    report.key = key;
  }
  const call = await callFor(rule, report, earlier, state);
  if (call === null) {
    state.showProgress();
    return;
  }
  if (rule.limits !== undefined && rule.shadow === undefined && earlier?.passed !== true) {
    const refusal = await claimLimits({
      event: input.event,
      ...call,
      rule: rule.name,
      timezone: rule.timezone,
      limits: rule.limits,
    });
    if (refusal !== null) {
      Object.assign(report, refusal);
      state.showProgress();
      return;
    }
  }
  const results: Record<string, JsonValue> = {};
  for (const step of rule.steps) {
    const stepReport =
      earlier?.steps[step.id] ??
      (await runStepOf(input, rule, step, { results: { ...results }, call }, earlier, state));
    report.steps.push(stepReport);
    report.outcome = outcomeOf(report.steps);
    state.showProgress();
    if (stepReport.outcome === 'done') {
      results[step.id] = stepReport.result;
    } else if (stepReport.outcome === 'failed' && step.on_error === 'stop') {
      return;
    }
  }
}

/** What was looked up for a rule; without `calls` when it needs nothing. */
interface CallOfRule {
  calls?: JsonObject;
}

/**
 * Looks up the call of the event for a rule that needs it, and decides whether the rule runs.
 * @param earlier what earlier runs did of the rule. When it began in one, only what its texts read is looked up.
 * @returns null when it does not; its report then says why.
 */
async function callFor(
  rule: PlannedRule,
  report: RuleReport,
  earlier: EarlierRule | undefined,
  { callLookUp }: RunState,
): Promise<CallOfRule | null> {
  if (rule.look_up === undefined && rule.unless === undefined) {
    return {};
  }
  const looked = await callLookUp.result();
  if (!looked.ok) {
    if (rule.look_up === undefined) {
      // A rule that cannot be judged stops no rule below it.
      return {};
    }
    report.steps.push(...(earlier === undefined ? [] : untouched(rule, earlier, looked.report)), looked.report);
    report.outcome = outcomeOf(report.steps);
    return null;
  }
  const { calls, decisions } = looked;
  if (earlier?.passed === true) {
    return rule.look_up === undefined ? {} : { calls };
  }
  const stopper = rule.unless?.find((name) => decisions[name]?.outcome === 'met');
  if (stopper !== undefined) {
    report.reason = `the rule ${stopper} above it runs and has stop`;
    return null;
  }
  const decision = decisions[rule.name];
  if (decision?.outcome === 'not_met') {
    report.reason = decision.reason;
    return null;
  }
  if (decision?.outcome === 'failed') {
    report.steps.push({ step: 'if', action: 'rules.if', outcome: 'failed', class: 'permanent', ...decision.failure });
    report.outcome = outcomeOf(report.steps);
    return null;
  }
  return rule.look_up === undefined ? {} : { calls };
}

/** The reports of a rule's steps when the run fails before it comes to them: what earlier runs did of them still holds. */
function untouched(
  rule: PlannedRule,
  { steps, attempts }: EarlierRule,
  failure: Extract<StepReport, { outcome: 'failed' }>,
): StepReport[] {
  return rule.steps.flatMap(({ id, action }): StepReport[] => {
    const done = steps[id];
    const earlier = attempts[id];
    if (done !== undefined) {
      return [done];
    }
    return earlier === undefined ? [] : [{ ...failure, step: id, action, earlier }];
  });
}

async function runStepOf(
  input: RunInput,
  rule: PlannedRule,
  step: PlannedStep,
  { results, call }: { results: Record<string, JsonValue>; call: CallOfRule },
  earlier: EarlierRule | undefined,
  { parked, underWay }: RunState,
): Promise<StepReport> {
  const key = earlier?.key ?? input.earlier?.key;
  const stepInput = {
    event: input.event,
    ...call,
    rule: rule.name,
    timezone: rule.timezone,
    country: rule.country,
    ...(rule.names === undefined ? {} : { names: rule.names }),
    step,
    steps: results,
    ...(rule.shadow === undefined ? {} : { shadow: rule.shadow }),
    ...(key === undefined ? {} : { key }),
  };
  const begun = { rule: rule.name, step: step.id, began_at: new Date().toISOString() };
  underWay.push(begun);
  const report = await runStep(stepInput, arrivedAt(input), parked, earlier?.attempts[step.id]);
  // Not when the run is cancelled: the step was cut off then.
  underWay.splice(underWay.indexOf(begun), 1);
  return report;
}
