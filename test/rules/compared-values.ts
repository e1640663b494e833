import type { Condition } from '../../src/rules/rule';

/** The values that the first condition on a field compares with; null when there is none. */
export function valuesOf(condition: Condition | null): readonly unknown[] | null {
  if (condition?.kind === 'all') {
    return valuesOf(condition.of[0] ?? null);
  }
  return condition?.kind === 'field' && condition.test.operator === 'one_of' ? condition.test.values : null;
}
