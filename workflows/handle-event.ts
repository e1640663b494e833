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
import type { GO_ON, PARKED_STEPS, SearchAttributeName } from '../src/runs/names';
import type { GoOn, ParkedStep } from '../src/runs/parking-contract';
import type {
  Outcome,
  RuleReport,
  RunFailureType,
  RunInput,
  RunReport,
  RunSinks,
  StepReport,
} from '../src/runs/run-contract';
import { claimLimits } from './claim-limits';
import { ParkedSteps } from './parked-steps';
import { runStep } from './run-step';

const { runs } = proxySinks<RunSinks & Sinks>();
const LET_GO: typeof GO_ON = 'goOn';
const PARKED: typeof PARKED_STEPS = 'parkedSteps';

/** The line of a parked connection lets a step try. */
export const goOn = defineSignal<[GoOn]>(LET_GO);
/** The steps that wait for a parked connection. */
export const parkedSteps = defineQuery<ParkedStep[]>(PARKED);

const outcomeKey = defineSearchAttributeKey('BridgeOutcome' satisfies SearchAttributeName, SearchAttributeType.KEYWORD);
const errorClassKey = defineSearchAttributeKey(
  'BridgeErrorClass' satisfies SearchAttributeName,
  SearchAttributeType.KEYWORD,
);

/**
 * Does the office work that one event asks for: the plan's rules side by side, a rule's steps in order.
 *
 * One rule's failure does not disturb another. Ends Completed with the report; ends Failed, with the report in the
 * failure's details, when any step failed.
 */
export async function handleEvent(input: RunInput): Promise<RunReport> {
  const { event, plan } = input;
  const rules = plan.rules.map((rule): RuleReport => ({ rule: rule.name, outcome: 'skipped', steps: [] }));
  const parked = new ParkedSteps(() => showProgress());
  const showProgress = (): void => setCurrentDetails(progressTable(rules, parked.list()));
  setHandler(goOn, (word) => parked.hear(word));
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

/**
 * Results may hold names and addresses; failures are shown and logged where those have no place. The activities' own
 * results stay in the history.
 */
function withoutResults(report: RunReport): RunReport {
  const bare = (step: StepReport): StepReport => (step.outcome === 'done' ? { ...step, result: {} } : step);
  return { ...report, rules: report.rules.map((rule) => ({ ...rule, steps: rule.steps.map(bare) })) };
}

/** What the rules of a run share. */
interface SharedByRules {
  parked: ParkedSteps;
  showProgress: () => void;
}

/**
 * When the event came, by this run's clock: as long before the run began as the event had waited by the clock of the
 * machine that had it. Epoch milliseconds. Clocks of different machines are never compared.
 */
function arrivedAt(input: RunInput): number {
  return workflowInfo().startTime.getTime() - (input.waited_ms ?? 0);
}

async function runRule(
  input: RunInput,
  rule: PlannedRule,
  report: RuleReport,
  { parked, showProgress }: SharedByRules,
): Promise<void> {
  const results: Record<string, JsonValue> = {};
  if (rule.limits !== undefined && rule.shadow === undefined) {
    const claimed = await claimLimits({
      event: input.event,
      rule: rule.name,
      timezone: rule.timezone,
      limits: rule.limits,
    });
    if (claimed !== null) {
      Object.assign(report, claimed);
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
    const done = await runStep(stepInput, arrivedAt(input), parked);
    report.steps.push(done);
    report.outcome = outcomeOf(report.steps);
    showProgress();
    if (done.outcome === 'done') {
      results[step.id] = done.result;
    } else if (done.outcome === 'failed' && step.on_error === 'stop') {
      return;
    }
  }
}

function outcomeOf(steps: StepReport[]): Outcome {
  const done = steps.some((step) => step.outcome === 'done');
  const failed = steps.some((step) => step.outcome === 'failed');
  if (failed) {
    return done ? 'partial' : 'failed';
  }
  return done ? 'done' : 'skipped';
}

function describeFailure(rule: string, step: Extract<StepReport, { outcome: 'failed' }>): string {
  const remedy = step.remedy === null ? '' : ` What to do: ${step.remedy}`;
  return `rule "${rule}", step "${step.step}" (${step.action}): ${step.class} ${step.code}: ${step.message}.${remedy}`;
}

/** Markdown for the run's page in the Temporal UI. Names of rules and steps, and outcomes; no personal data. */
function progressTable(rules: RuleReport[], parked: ParkedStep[]): string {
  const rows = rules.flatMap((rule) => {
    const ended = rule.steps.map(
      (step) =>
        `| ${rule.rule} | ${step.step} | ${step.outcome}${step.outcome === 'skipped' ? `: ${step.reason}` : ''} |`,
    );
    const waiting = parked.flatMap((step) =>
      step.rule === rule.rule
        ? [`| ${step.rule} | ${step.step} | waits: ${step.connection} is parked (${step.code}) |`]
        : [],
    );
    return ended.length + waiting.length === 0
      ? [`| ${rule.rule} | | ${rule.reason ?? 'under way'} |`]
      : [...ended, ...waiting];
  });
  return ['| rule | step | outcome |', '|---|---|---|', ...rows].join('\n');
}
