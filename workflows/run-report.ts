import type { BatchedEnd } from '../src/runs/batch-contract';
import type { ParkedStep } from '../src/runs/parking-contract';
import type { Outcome, RuleReport, RunReport, StepReport } from '../src/runs/run-contract';

/** The outcome of a rule or run, from the steps that have ended. */
export function outcomeOf(steps: StepReport[]): Outcome {
  const anyDone = steps.some((step) => step.outcome === 'done');
  const anyFailed = steps.some((step) => step.outcome === 'failed');
  if (anyFailed) {
    return anyDone ? 'partial' : 'failed';
  }
  return anyDone ? 'done' : 'skipped';
}

/** One failed step, as the run's failure message lists it. */
export function describeFailure(rule: string, step: Extract<StepReport, { outcome: 'failed' }>): string {
  const remedy = step.remedy === null ? '' : ` What to do: ${step.remedy}`;
  return `rule "${rule}", step "${step.step}" (${step.action}): ${step.class} ${step.code}: ${step.message}.${remedy}`;
}

/** Markdown for the run's page in the Temporal UI: rules, steps and outcomes, without personal data. */
export function progressTable(rules: RuleReport[], parked: ParkedStep[]): string {
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
      ? [`| ${rule.rule} | | ${rule.reason ?? 'in progress'} |`]
      : [...ended, ...waiting];
  });
  return ['| rule | step | outcome |', '|---|---|---|', ...rows].join('\n');
}

/** Markdown for a batch's page in the Temporal UI: its events. `end` is null while the attempt is under way. */
export function batchTable(events: readonly (BatchedEnd | { event_id: string; end: null })[]): string {
  const rows = events.map((ended) => {
    if (ended.end === null) {
      return `| ${ended.event_id} | in progress |`;
    }
    return `| ${ended.event_id} | ${ended.end === 'over' ? ended.report.outcome : `see workflow \`${ended.event_id}\``} |`;
  });
  return ['| event | outcome |', '|---|---|', ...rows].join('\n');
}

/**
 * The report without the steps' results. Results may contain personal data, and failures are logged. The history keeps
 * the results of the activities.
 */
export function withoutResults(report: RunReport): RunReport {
  const withoutResult = (step: StepReport): StepReport => (step.outcome === 'done' ? { ...step, result: {} } : step);
  return { ...report, rules: report.rules.map((rule) => ({ ...rule, steps: rule.steps.map(withoutResult) })) };
}
