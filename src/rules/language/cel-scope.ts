import type { CelOutcome, compileCel } from './cel';
import { celNames } from './cel-names';
import { variablesOf, type StepScope } from './scope';

/** What a CEL condition is evaluated with. */
export interface CelScope extends StepScope {
  /** Country of phone numbers without a country code; null when the rule file names none. */
  country: string | null;
}

/** Evaluates a compiled condition on an event, the results of earlier steps, and `lists`, `maps` and `windows`. */
export function evaluateIn(
  evaluate: ReturnType<typeof compileCel>,
  { event, steps, names, country }: CelScope,
): CelOutcome {
  const variables = variablesOf({ event, steps });
  return names === undefined
    ? evaluate(variables)
    : evaluate(variables, () => celNames(names, { at: Date.parse(event.occurred_at), country }));
}
