import { celEnv, isCelError, parse, plan, type CelResult, type CelValue } from '@bufbuild/cel';
import type { JsonObject } from '../../events/json';
import { CONDITION_STEPS, isSpent, withBudget } from './budget';
import { celFunctions } from './cel-functions';
import { meterLoops } from './cel-loops';
import { celValueOf } from './cel-values';

/** CEL with functions that charge the budget of a condition. */
export const celEnvironment = celEnv({ funcs: [...celFunctions] });

/**
 * The result of a condition. With a problem it is not met. `absent`: it needs a value that the event does not have;
 * `over_budget`: it takes more than {@link CONDITION_STEPS}, so nothing is known about it.
 */
export type CelOutcome =
  { met: boolean } | { met: false; problem: 'absent' | 'not-boolean' | 'failed' | 'over_budget' };

/** @param names returns `lists`, `maps` and `windows`; called within the budget. */
type Evaluate = (variables: JsonObject, names?: () => Record<string, CelValue>) => CelOutcome;

/**
 * Compiles an expression without problems (see `analyseCel`). The compiled function never throws, and takes a bounded
 * number of steps whatever the variables contain.
 * @throws when the expression cannot be parsed.
 */
export function compileCel(expression: string): Evaluate {
  const parsed = parse(expression);
  meterLoops(parsed.expr);
  const evaluate = plan(celEnvironment, parsed);
  return (variables, names = () => ({})) => {
    const result = withBudget(CONDITION_STEPS, () => {
      const value = withoutStackTraces(() => evaluate({ ...celValues(variables), ...names() }));
      return isSpent() ? 'over_budget' : { value };
    });
    return result === 'over_budget' ? { met: false, problem: result } : outcomeOf(result.value);
  };
}

function outcomeOf(result: CelResult): CelOutcome {
  if (typeof result === 'boolean') {
    return { met: result };
  }
  if (!isCelError(result)) {
    return { met: false, problem: 'not-boolean' };
  }
  const absent = /^field not found|^unresolved attribute|null_type|no such key|index out of/.test(result.message);
  return { met: false, problem: absent ? 'absent' : 'failed' };
}

function celValues(variables: JsonObject): Record<string, CelValue> {
  const values: Record<string, CelValue> = {};
  for (const [name, value] of Object.entries(variables)) {
    values[name] = celValueOf(value);
  }
  return values;
}

/** A loop may make an error for each item; with a stack trace an error takes ten times as long. */
function withoutStackTraces<Result>(evaluate: () => Result): Result {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return evaluate();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
