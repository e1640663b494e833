import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject, JsonValue } from '../../events/json';
import { evaluateCondition } from '../language/condition';
import { renderInput, TemplateError } from '../language/template';
import { resultsIn, resultsInInput } from '../language/references';
import { referencesIn, showReferences } from '../language/secret-references';
import type { Action } from '../../connectors/connector';
import type { PlannedStep } from '../plan';
import type { ActionCatalogue, Rule } from '../rule';

/** A step as it would run. No step has run: a step sees the results of earlier ones that are given. */
export interface ExplainedStep {
  id: string;
  action: string;
  /** Null without `if`. `met` is null when it depends on results of earlier steps, and none are given. */
  if: { expression: string; met: boolean | null } | null;
  /** Why the action would do nothing, as far as the event alone tells; null when it would act. */
  skipped: string | null;
  /** Why the action would refuse the rendered input, so that the step fails for good; null as far as is known. */
  refused: string | null;
  /** The steps whose results it uses, where none are given: its input is rendered as if they had none. */
  unknown_results: readonly string[];
  /** The rendered input, with references instead of secrets, or why it cannot be rendered. */
  input: { ok: true; value: JsonObject } | { ok: false; message: string };
  /** Phone numbers of the input that are written in another form, in E.164, by input. Absent when there are none. */
  read_as?: Readonly<Record<string, string>>;
}

/**
 * Renders the inputs of a rule's steps for an event.
 * @param given results of earlier steps, by step id. Without one, the step counts as skipped. Without any, it is not known
 *   what they returned.
 */
export function explainSteps(
  rule: Rule,
  event: CanonicalEvent,
  actions: ActionCatalogue,
  given?: Readonly<Record<string, JsonObject>>,
): ExplainedStep[] {
  return rule.steps.map((step, index) => {
    const earlier = rule.steps
      .slice(0, index)
      .flatMap(({ id }) => (given?.[id] === undefined ? [] : [[id, given[id]]]));
    const action = actions.find(step.action)?.action;
    const context = {
      event,
      steps: Object.fromEntries(earlier),
      timezone: rule.timezone,
      country: rule.country,
      sinkOf: (name: string) => action?.sinkOf(name) ?? 'plain',
      isMoment: (name: string) => action?.isMoment(name) ?? false,
      names: rule.names,
      accepts: (path: readonly string[], value: JsonValue) => action?.accepts(path, value) ?? false,
      rule: rule.name,
      step: step.id,
      // What the run renders: its steps begin as the event arrives.
      now: new Date(event.received_at),
      seed: `${event.event_id}/${rule.name}/${step.id}`,
    };
    const condition =
      step.if === undefined
        ? null
        : {
            expression: step.if,
            met:
              earlier.length === 0 && resultsIn(step.if).length > 0
                ? null
                : tryEvaluate(() => evaluateCondition(step.if ?? '', context), false),
          };
    const input = tryRender(() => renderInput(step.input, context));
    const skipped = (input.ok ? action?.foresee(event, input.value, rule.country) : null) ?? null;
    return {
      id: step.id,
      action: step.action,
      if: condition,
      skipped,
      refused:
        action !== undefined && input.ok && skipped === null && condition?.met !== false
          ? refusalOf(action, step, input.value, { event, country: rule.country, hasResults: earlier.length > 0 })
          : null,
      unknown_results: given === undefined ? resultsInInput(step.input) : [],
      input,
      ...readAs(input.ok ? action?.numbersRead(input.value, rule.country) : undefined),
    };
  });
}

function readAs(numbers: Readonly<Record<string, string>> = {}): Pick<ExplainedStep, 'read_as'> {
  return Object.keys(numbers).length === 0 ? {} : { read_as: numbers };
}

/** Inputs with secrets, and those made of results that nobody gave, are not judged. */
function refusalOf(
  action: Action,
  step: PlannedStep,
  rendered: JsonObject,
  { event, country, hasResults }: { event: CanonicalEvent; country: string | null; hasResults: boolean },
): string | null {
  const names = Object.keys(rendered).filter((name) => {
    const written = JSON.stringify(step.input[name] ?? null);
    return referencesIn(written).length === 0 && (hasResults || !/\bsteps\./.test(written));
  });
  const problems = action.problemsOf(rendered, names, { event, country });
  return problems.length === 0
    ? null
    : problems.map(({ message, remedy }) => `${message}${remedy === null ? '' : `: ${remedy}`}`).join('; ');
}

function tryEvaluate<Result>(evaluate: () => Result, otherwise: Result): Result {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof TemplateError) {
      return otherwise;
    }
    throw error;
  }
}

function tryRender(render: () => JsonObject): ExplainedStep['input'] {
  try {
    return { ok: true, value: showReferences(render()) };
  } catch (error) {
    if (error instanceof TemplateError) {
      return { ok: false, message: error.message };
    }
    throw error;
  }
}
