import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject, JsonValue } from '../../events/json';
import { evaluateCondition } from '../language/condition';
import { renderInput, TemplateError } from '../language/template';
import { showReferences } from '../language/secret-references';
import type { ActionCatalogue, Rule } from '../rule';

/** A step as it would run. No step has run, so a step sees no results of earlier ones. */
export interface ExplainedStep {
  id: string;
  action: string;
  /** Null without `if`, or when it depends on the result of an earlier step. */
  if: { expression: string; met: boolean } | null;
  /** Why the action would do nothing, as far as the event alone tells; null when it would act. */
  skipped: string | null;
  /** The rendered input, with references instead of secrets, or why it cannot be rendered. */
  input: { ok: true; value: JsonObject } | { ok: false; message: string };
}

/** Renders the inputs of a rule's steps for an event, without results of earlier steps. */
export function explainSteps(rule: Rule, event: CanonicalEvent, actions: ActionCatalogue): ExplainedStep[] {
  return rule.steps.map((step) => {
    const action = actions.find(step.action)?.action;
    const context = {
      event,
      steps: {},
      timezone: rule.timezone,
      country: rule.country,
      sinkOf: (name: string) => action?.sinkOf(name) ?? 'plain',
      accepts: (path: readonly string[], value: JsonValue) => action?.accepts(path, value) ?? false,
      rule: rule.name,
      step: step.id,
      now: new Date(),
      seed: `${event.event_id}/${rule.name}/${step.id}`,
    };
    const condition =
      step.if === undefined || /\bsteps\b/.test(step.if)
        ? null
        : { expression: step.if, met: tryEvaluate(() => evaluateCondition(step.if ?? '', context), false) };
    const input = tryRender(() => renderInput(step.input, context));
    return {
      id: step.id,
      action: step.action,
      if: condition,
      skipped: (input.ok ? action?.foresee(event, input.value, rule.country) : null) ?? null,
      input,
    };
  });
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
