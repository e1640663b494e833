import type { Plan, PlannedStep } from '../rules/plan';
import type { ReportSoFar, StepReport } from '../runs/run-contract';

/** What a run without a report has done of a rule. */
export interface RuleSoFar {
  rule: string;
  /** The steps that have ended. */
  steps: StepReport[];
  /** Ids of the steps that have begun and not ended. In a run that was cut off, they may have happened. */
  under_way: string[];
  /** Whether it has no more steps to do: the run waits for other rules. */
  has_ended: boolean;
}

/** What a run has done of each rule of which a step has begun. @param plan of the run; null when it is not known. */
export function rulesSoFar({ report, under_way }: ReportSoFar, plan: Plan | null): RuleSoFar[] {
  return report.rules
    .map(({ rule, steps }) => ({
      rule,
      steps,
      under_way: under_way.filter((begun) => begun.rule === rule).map(({ step }) => step),
      has_ended: hasEnded(plan?.rules.find(({ name }) => name === rule)?.steps ?? [], steps),
    }))
    .filter((rule) => rule.steps.length + rule.under_way.length > 0);
}

/** Whether every step of a rule has ended, or one failed so that those after it do not run. */
function hasEnded(planned: readonly PlannedStep[], ended: readonly StepReport[]): boolean {
  const outcomes = new Map(ended.map(({ step, outcome }) => [step, outcome]));
  return (
    planned.length > 0 &&
    (planned.every(({ id }) => outcomes.has(id)) ||
      planned.some(({ id, on_error: onError }) => onError === 'stop' && outcomes.get(id) === 'failed'))
  );
}
