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
import type { JsonValue } from '../src/events/json';
import type { PlannedRule } from '../src/rules/plan';
import type { PARKED_STEPS, RELEASE_STEP, SearchAttributeName } from '../src/runs/names';
import type { ParkedStep, Release } from '../src/runs/parking-contract';
import type { RuleReport, RunFailureType, RunInput, RunReport, RunSinks } from '../src/runs/run-contract';
import { claimLimits } from './claim-limits';
import { ParkedSteps } from './parked-steps';
import { describeFailure, outcomeOf, progressTable, withoutResults } from './run-report';
import { runStep } from './run-step';

const { runs } = proxySinks<RunSinks & Sinks>();
const RELEASE: typeof RELEASE_STEP = 'goOn';
const PARKED: typeof PARKED_STEPS = 'parkedSteps';

/** The queue of a parked connection releases one of the run's steps (see parking-contract.ts). */
export const releaseStep = defineSignal<[Release]>(RELEASE);
/** The steps that wait for a parked connection. */
export const parkedSteps = defineQuery<ParkedStep[]>(PARKED);

const outcomeKey = defineSearchAttributeKey('BridgeOutcome' satisfies SearchAttributeName, SearchAttributeType.KEYWORD);
const errorClassKey = defineSearchAttributeKey(
  'BridgeErrorClass' satisfies SearchAttributeName,
  SearchAttributeType.KEYWORD,
);

/**
 * Executes the plan of one event: the rules in parallel, the steps of a rule in order.
 *
 * A rule's failure does not affect other rules. The run ends Completed with the report, or, when any step failed,
 * Failed with the report in the failure's details.
 */
export async function handleEvent(input: RunInput): Promise<RunReport> {
  const { event, plan } = input;
  const rules = plan.rules.map((rule): RuleReport => ({ rule: rule.name, outcome: 'skipped', steps: [] }));
  const parked = new ParkedSteps(() => showProgress());
  const showProgress = (): void => setCurrentDetails(progressTable(rules, parked.list()));
  setHandler(releaseStep, (release) => parked.release(release));
  setHandler(parkedSteps, () => parked.list());
  showProgress();
  await Promise.all(
    plan.rules.map(async (rule, index) => {
      const report = rules[index];
      if (report !== undefined) {
        await runRule(input, rule, report, { parked, showProgress });
      }
    }),
  );
  const report: RunReport = {
    event_id: event.event_id,
    ruleset: plan.ruleset,
    outcome: outcomeOf(rules.flatMap((rule) => rule.steps)),
    rules,
  };
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
  runs.ended(first !== undefined, first === undefined ? report : withoutResults(report));
  if (first !== undefined) {
    throw ApplicationFailure.create({
      type: 'StepFailed' satisfies RunFailureType,
      nonRetryable: true,
      message: failures.map(({ rule, step }) => describeFailure(rule, step)).join('; '),
      details: [withoutResults(report)],
    });
  }
  return report;
}

/** State that the rules of a run share. */
interface RunState {
  parked: ParkedSteps;
  showProgress: () => void;
}

/**
 * When the event arrived, by this run's clock, in epoch milliseconds: the run's start, less the time that the receiving
 * machine measured until then. Clocks of different machines are never compared.
 */
function arrivedAt(input: RunInput): number {
  return workflowInfo().startTime.getTime() - (input.waited_ms ?? 0);
}

async function runRule(
  input: RunInput,
  rule: PlannedRule,
  report: RuleReport,
  { parked, showProgress }: RunState,
): Promise<void> {
  if (rule.failure !== undefined) {
    report.steps.push({ step: 'if', action: 'rules.if', outcome: 'failed', class: 'permanent', ...rule.failure });
    report.outcome = outcomeOf(report.steps);
    showProgress();
    return;
  }
  const results: Record<string, JsonValue> = {};
  if (rule.limits !== undefined && rule.shadow === undefined) {
    const refusal = await claimLimits({
      event: input.event,
      rule: rule.name,
      timezone: rule.timezone,
      limits: rule.limits,
    });
    if (refusal !== null) {
      Object.assign(report, refusal);
      showProgress();
      return;
    }
  }
  for (const step of rule.steps) {
    const stepInput = {
      event: input.event,
      rule: rule.name,
      timezone: rule.timezone,
      country: rule.country,
      step,
      steps: { ...results },
      ...(rule.shadow === undefined ? {} : { shadow: rule.shadow }),
    };
    const stepReport = await runStep(stepInput, arrivedAt(input), parked);
    report.steps.push(stepReport);
    report.outcome = outcomeOf(report.steps);
    showProgress();
    if (stepReport.outcome === 'done') {
      results[step.id] = stepReport.result;
    } else if (stepReport.outcome === 'failed' && step.on_error === 'stop') {
      return;
    }
  }
}
