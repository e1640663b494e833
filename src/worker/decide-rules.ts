import { STEP_ERRORS } from '../errors/step-errors';
import { eventWithFound } from '../events/complete-event';
import { callsNotFound, foundCalls } from '../events/known-calls';
import type { NumberLookup } from '../events/direction';
import { CONDITION_STEPS } from '../rules/language/budget';
import { meetsDeferred, unmetParts } from '../rules/deferred';
import type { DecideInput, RuleDecision } from '../runs/run-contract';

/**
 * Makes the activity that decides which rules run, after the call of the event was looked up. Pure: it asks nobody, and
 * gives the same decisions on every attempt.
 */
export function decideRules(ours: NumberLookup): (input: DecideInput) => Promise<Record<string, RuleDecision>> {
  return async ({ event, calls, rules }) => {
    const complete = eventWithFound(event, calls, ours);
    const notFound = callsNotFound(foundCalls.parse(calls));
    return Object.fromEntries(
      rules.map(({ name, country, condition }): [string, RuleDecision] => {
        const met = meetsDeferred(condition, complete, country);
        if (met === 'over_budget') {
          return [
            name,
            {
              outcome: 'failed',
              failure: {
                code: 'over_budget',
                message: `the condition of the rule takes more than ${CONDITION_STEPS} steps on this event`,
                remedy: STEP_ERRORS.over_budget.remedy,
              },
            },
          ];
        }
        const unmet = [...new Set(unmetParts(condition, complete, country))].join(', ');
        const reason =
          notFound.length === 0
            ? `not met by the call: ${unmet}`
            : `VoIPBIN has no call ${notFound.join(', ')}; not met without it: ${unmet}`;
        return [name, met ? { outcome: 'met' } : { outcome: 'not_met', reason }];
      }),
    );
  };
}
