import { celEnv, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import type { JsonObject } from '../../events/json';
import { compilePattern } from './pattern';

/** CEL with the bridge's regular expressions, which bound the length of the searched text. */
export const celEnvironment = celEnv({ re2: { compile: (pattern) => ({ test: compilePattern(pattern) }) } });

/** The result of a condition. With a problem it is not met; `absent`: it needs a value that the event does not have. */
export type CelOutcome = { met: boolean } | { met: false; problem: 'absent' | 'not-boolean' | 'failed' };

type Evaluate = (variables: JsonObject) => CelOutcome;

/**
 * Compiles an expression without problems (see `analyseCel`). The compiled function never throws.
 * @throws when the expression cannot be parsed.
 */
export function compileCel(expression: string): Evaluate {
  const evaluate = plan(celEnvironment, parse(expression));
  return (variables) => {
    const result = evaluate(celInput(variables));
    if (typeof result === 'boolean') {
      return { met: result };
    }
    if (!isCelError(result)) {
      return { met: false, problem: 'not-boolean' };
    }
    const absent = /^field not found|^unresolved attribute|null_type|no such key|index out of/.test(result.message);
    return { met: false, problem: absent ? 'absent' : 'failed' };
  };
}

function celInput(variables: JsonObject): Record<string, CelInput> {
  return variables;
}
