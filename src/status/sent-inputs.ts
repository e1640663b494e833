import { isDeepStrictEqual } from 'node:util';
import { findAction } from '../connectors/registry';
import type { CanonicalEvent } from '../events/canonical-event';
import { eventWithFound } from '../events/complete-event';
import type { NumberLookup } from '../events/direction';
import type { JsonObject } from '../events/json';
import { LeftOutError } from '../events/left-out';
import type { StepErrorCode } from '../errors/step-errors';
import { readsResults } from '../rules/language/references';
import { showReferences } from '../rules/language/secret-references';
import { renderInput, TemplateError } from '../rules/language/template';
import type { Plan, PlannedRule, PlannedStep } from '../rules/plan';
import { fitForRun } from '../runs/fit-for-run';
import { actionKey, SHADOWED } from '../runs/names';
import type { RuleReport, StepReport } from '../runs/run-contract';

/** Clocks of the machines that start runs and do them differ by less. */
const CLOCKS_DIFFER_MS = 60_000;

/** What is known of a run that has ended. */
export interface KnownRun {
  plan: Plan;
  rules: readonly RuleReport[];
  /** Whether the report has the results of its steps, also when one failed. */
  hasResults: boolean;
  /** What it looked up of the event's call; undefined when nothing, or when that is not known. */
  calls: JsonObject | undefined;
  /** When it was started and ended, by the clock of the machine that started it. */
  from: Date;
  until: Date;
}

/**
 * Why the inputs of a step cannot be rendered again. The run itself may know what is missing, except for `unrenderable`
 * and `other_plan`.
 */
export type InputProblem = 'results' | 'call' | 'moment' | 'other_plan' | 'unrenderable';

/** A step whose inputs were rendered, with them or why they are not known. */
export interface RenderedStep {
  rule: string;
  report: StepReport;
  /** With references in place of secrets. */
  input: JsonObject | InputProblem;
  /** Phone numbers of the input that are written in another form, in E.164, by input. */
  readAs: Readonly<Record<string, string>>;
}

/**
 * Renders the inputs of the steps that a run did, tried and failed to do, or would have done in mode shadow, again:
 * with its plan, the event, what it looked up, the results of its steps and the moments at which they began.
 *
 * Only what is certain is given. Steps that the bridge makes of itself have no inputs, and are not in the list. Not
 * guaranteed: that another version of the bridge, which ran it, rendered the same; and that a number of ours, learned
 * since, did not change who called whom in a call that was looked up.
 */
export function renderedSteps(event: CanonicalEvent, ours: NumberLookup, run: KnownRun): RenderedStep[] {
  const seen = fitForRun(event);
  return run.rules.flatMap((report) => {
    const rule = run.plan.rules.find(({ name }) => name === report.rule);
    const results: Record<string, JsonObject> = {};
    return report.steps.flatMap((ended): RenderedStep[] => {
      const step = rule?.steps.find(({ id }) => id === ended.step);
      if (rule === undefined || step === undefined || !wasRendered(ended)) {
        return [];
      }
      const input = inputOf({ event: seen, ours, run, rule, step, ended, results: { ...results }, key: report.key });
      if (ended.outcome === 'done') {
        results[step.id] = ended.result;
      }
      const action = typeof input === 'string' ? undefined : findAction(step.action)?.action;
      const readAs = typeof input === 'string' ? undefined : action?.numbersRead(input, rule.country);
      return [{ rule: rule.name, report: ended, input, readAs: readAs ?? {} }];
    });
  });
}

/** When a step began; undefined when its inputs were not rendered, and in reports of earlier versions. */
export function beganAt(step: StepReport): string | undefined {
  return step.outcome === 'failed' ? step.earlier?.began_at : step.began_at;
}

/** Codes of steps that failed before their inputs were rendered. */
const NOT_RENDERED: ReadonlySet<string> = new Set<StepErrorCode>(['template', 'over_budget', 'event_cut']);

/**
 * Whether the inputs of a step of a rule file were rendered: it was done, an attempt of it failed, or its rule is in mode
 * shadow. A parked connection may hold a step back to the end. What the bridge does of itself has no inputs.
 */
export function wasRendered(step: StepReport): boolean {
  if (findAction(step.action) === undefined) {
    return false;
  }
  switch (step.outcome) {
    case 'done':
      return true;
    case 'skipped':
      return step.reason === SHADOWED;
    case 'failed':
      return (step.earlier?.attempts ?? 0) > 0 && !NOT_RENDERED.has(step.code);
  }
}

interface StepToRender {
  event: CanonicalEvent;
  ours: NumberLookup;
  run: KnownRun;
  rule: PlannedRule;
  step: PlannedStep;
  ended: StepReport;
  results: Record<string, JsonObject>;
  key: string | undefined;
}

function inputOf(one: StepToRender): JsonObject | InputProblem {
  const { event, ours, run, rule, step, ended, results, key = event.event_id } = one;
  if (step.action !== ended.action) {
    return 'other_plan';
  }
  if (rule.look_up !== undefined && run.calls === undefined) {
    return 'call';
  }
  if (!run.hasResults && Object.keys(results).length > 0 && readsResults({ input: step.input })) {
    return 'results';
  }
  const action = findAction(step.action)?.action;
  if (action === undefined) {
    return 'unrenderable';
  }
  const began = beganAt(ended);
  // Without the moment: what is the same for the beginning and the end of the run does not depend on it.
  const moments =
    began === undefined
      ? [new Date(run.from.getTime() - CLOCKS_DIFFER_MS), new Date(run.until.getTime() + CLOCKS_DIFFER_MS)]
      : [new Date(began)];
  try {
    const completed = rule.look_up === undefined ? event : eventWithFound(event, run.calls, ours);
    const [first = {}, last = first] = moments.map((now) =>
      showReferences(
        renderInput(step.input, {
          event: completed,
          steps: results,
          timezone: rule.timezone,
          country: rule.country,
          names: rule.names,
          now,
          seed: actionKey(key, rule.name, step.id),
          sinkOf: (name) => action.sinkOf(name),
          accepts: (path, value) => action.accepts(path, value),
          isMoment: (name) => action.isMoment(name),
        }),
      ),
    );
    return isDeepStrictEqual(first, last) ? first : 'moment';
  } catch (error) {
    // A damaged event, or one whose parts were left out, may lack what the template reads.
    if (error instanceof TemplateError || error instanceof LeftOutError) {
      return 'unrenderable';
    }
    throw error;
  }
}
