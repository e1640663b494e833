import { assertNotLeftOut } from '../../events/left-out';
import { compileCel } from './cel';
import { analyseCel } from './cel-references';
import { evaluateIn, type CelScope } from './cel-scope';
import { TemplateError } from './template';

const MAX_CACHED_CONDITIONS = 500;
const conditions = new Map<string, ReturnType<typeof compileCel>>();

const PROBLEMS = {
  'not-boolean': 'the condition is neither true nor false',
  failed: 'the condition compares values that cannot be compared',
  over_budget: 'the condition takes too many steps on this event',
} as const;

/**
 * Evaluates the `if` of a step. A condition that needs an absent value is not met.
 * @throws TemplateError without personal data, when the result is not a boolean, different types are compared, or it
 *   takes too many steps.
 * @throws LeftOutError when the condition names a part of the event that was left out.
 */
export function evaluateCondition(expression: string, scope: CelScope): boolean {
  let evaluate = conditions.get(expression);
  if (evaluate === undefined) {
    if (conditions.size >= MAX_CACHED_CONDITIONS) {
      conditions.clear();
    }
    try {
      evaluate = compileCel(expression);
    } catch {
      throw new TemplateError('the condition is not a valid CEL expression');
    }
    conditions.set(expression, evaluate);
  }
  const { left_out: leftOut } = scope.event;
  if (leftOut !== undefined) {
    // CEL makes an error of an exception, and `||` may drop it, so a read is not detected at evaluation.
    assertNotLeftOut(
      analyseCel(expression).paths.map(({ path }) => path),
      leftOut,
    );
  }
  const outcome = evaluateIn(evaluate, scope);
  if ('problem' in outcome && outcome.problem !== 'absent') {
    throw new TemplateError(PROBLEMS[outcome.problem], outcome.problem === 'over_budget' ? 'over_budget' : 'template');
  }
  return outcome.met;
}
