import { z } from 'zod';
import { retryCommand } from './retry-command';
import type { Happening } from './watch';

/** How a run ended that did not do everything. */
export interface FailedRun {
  outcome: string | null;
  /** JSON text; null when it left none. */
  report: string | null;
}

const failedReport = z.object({
  rules: z.array(
    z.object({
      rule: z.string(),
      steps: z.array(
        z.looseObject({
          action: z.string(),
          step: z.string(),
          outcome: z.string(),
          class: z.string().optional(),
          code: z.string().optional(),
          message: z.string().optional(),
          remedy: z.string().nullish(),
        }),
      ),
    }),
  ),
});

/** The failures in reports, grouped by rule, connection and class. */
export function failuresIn(runs: readonly FailedRun[]): Happening[] {
  const groups = new Map<string, Happening>();
  for (const run of runs) {
    for (const failure of failuresOf(run)) {
      const known = groups.get(failure.key);
      if (known === undefined) {
        groups.set(failure.key, failure);
      } else {
        known.more += 1;
      }
    }
  }
  return [...groups.values()];
}

function failuresOf({ outcome: known, report }: FailedRun): Happening[] {
  const outcome = known ?? 'unknown';
  const parsed = failedReport.safeParse(report === null ? null : JSON.parse(report));
  if (!parsed.success) {
    return [
      {
        kind: 'run_failed',
        key: outcome,
        more: 1,
        summary: `Runs ended as ${outcome} without a report. See bridge events list --status ${outcome}`,
      },
    ];
  }
  return parsed.data.rules.flatMap(({ rule, steps }) => {
    const failed = steps.find((step) => step.outcome === 'failed');
    if (failed === undefined) {
      return [];
    }
    const { action, step, class: errorClass = 'permanent', code = '', message = '', remedy } = failed;
    const again = (verb: 'retry' | 'rerun'): string => retryCommand({ rule, step, class: errorClass, code }, verb);
    const connection = action.split('.')[0] ?? action;
    return [
      {
        kind: 'run_failed' as const,
        key: `${rule} ${connection} ${errorClass}`,
        rule,
        connection,
        error_class: errorClass,
        more: 1,
        summary: `Rule ${rule}, step ${step} (${action}) failed: ${message} (${code}). ${typeof remedy === 'string' ? `${remedy} ` : ''}Then: ${again('retry')}; or, if you corrected the rule, ${again('rerun')}`,
      },
    ];
  });
}
