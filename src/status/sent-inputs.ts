import { isDeepStrictEqual } from 'node:util';
import { findAction } from '../connectors/registry';
import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonObject } from '../events/json';
import { showReferences } from '../rules/language/secret-references';
import { renderInput, TemplateError } from '../rules/language/template';
import type { Plan, PlannedRule, PlannedStep } from '../rules/plan';
import { fitForRun } from '../runs/fit-for-run';
import type { RunReport } from '../runs/run-contract';

/** Clocks of the machines that start runs and do them differ by less. */
const CLOCKS_DIFFER_MS = 60_000;

/** What a step that was done sent. The names are the JSON keys of `events show --json`. */
export interface SentInput {
  rule: string;
  step: string;
  /** Its rendered inputs, with references in place of secrets. */
  input: JsonObject;
}

/**
 * What the steps that were done sent: their inputs, rendered again with the plan, the event and the results of the run.
 *
 * Only what is certain is given. A step is left out whose input depends on when in the run it began, on a call that the
 * run looked up, or on results that the report of a failed run does not keep. Not guaranteed: that another version of the
 * bridge, which ran it, rendered the same.
 *
 * @param run the times of the event's only run.
 */
export function sentInputs(
  event: CanonicalEvent,
  plan: Plan,
  report: RunReport,
  run: { started_at: Date; closed_at: Date },
): SentInput[] {
  const seen = fitForRun(event);
  const hasFailed = report.rules.some(({ steps }) => steps.some(({ outcome }) => outcome === 'failed'));
  const times = [
    new Date(run.started_at.getTime() - CLOCKS_DIFFER_MS),
    new Date(run.closed_at.getTime() + CLOCKS_DIFFER_MS),
  ];
  return report.rules.flatMap(({ rule: name, key, steps: done }) => {
    const rule = plan.rules.find((planned) => planned.name === name);
    if (rule === undefined || rule.look_up !== undefined) {
      return [];
    }
    const results: Record<string, JsonObject> = {};
    return done.flatMap((ended) => {
      const step = rule.steps.find(({ id }) => id === ended.step);
      if (step === undefined || ended.outcome !== 'done') {
        return [];
      }
      const rendered =
        hasFailed && JSON.stringify(step.input).includes('steps')
          ? []
          : times.map((now) => render(rule, step, seen, { ...results }, now, key ?? event.event_id));
      results[step.id] = ended.result;
      const [first = null, last] = rendered;
      return first === null || !isDeepStrictEqual(first, last) ? [] : [{ rule: name, step: step.id, input: first }];
    });
  });
}

/** @returns null when it cannot be rendered. */
function render(
  rule: PlannedRule,
  step: PlannedStep,
  event: CanonicalEvent,
  steps: Record<string, JsonObject>,
  now: Date,
  key: string,
): JsonObject | null {
  const action = findAction(step.action)?.action;
  if (action === undefined) {
    return null;
  }
  try {
    return showReferences(
      renderInput(step.input, {
        event,
        steps,
        timezone: rule.timezone,
        country: rule.country,
        names: rule.names,
        now,
        seed: `${key}/${rule.name}/${step.id}`,
        sinkOf: (name) => action.sinkOf(name),
        accepts: (path, value) => action.accepts(path, value),
        isMoment: (name) => action.isMoment(name),
      }),
    );
  } catch (error) {
    // A damaged or removed event may lack what the template reads.
    if (error instanceof TemplateError) {
      return null;
    }
    throw error;
  }
}
