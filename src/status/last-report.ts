import type { LaterRunEntry } from '../dispatch/later-runs';
import type { RunLogEntry } from '../dispatch/run-log';
import type { RunReport, StepReport } from '../runs/run-contract';

/** A step that failed for good. */
export interface FailedStep {
  rule: string;
  step: string;
  action: string;
  class: string;
  code: string;
}

/** The report in a stored run; null when it left none, or one that is not a report (a refusal). */
export function reportIn(run: { report: string | null } | null): RunReport | null {
  const report: unknown = run === null || run.report === null ? null : JSON.parse(run.report);
  return typeof report === 'object' && report !== null && 'rules' in report ? (report as RunReport) : null;
}

/** The report of the event's last run that Temporal accepted. */
export function lastReport(first: RunLogEntry | null, later: LaterRunEntry | null): RunReport | null {
  return reportIn(later !== null && later.started_at !== null ? later : first);
}

/** The steps that failed, in the order of the report. */
export function failedSteps(report: RunReport | null): FailedStep[] {
  return (report?.rules ?? []).flatMap(({ rule, steps }) =>
    steps.flatMap((step) =>
      step.outcome === 'failed'
        ? [{ rule, step: step.step, action: step.action, class: step.class, code: step.code }]
        : [],
    ),
  );
}

/** Whether a name is that of a step: its id, or its action. */
export function isStep({ step, action }: Pick<StepReport, 'step' | 'action'>, name: string): boolean {
  return step === name || action === name;
}
