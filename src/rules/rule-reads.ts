import type { FieldDefinition } from './language/field';
import { FIELDS } from './language/field-list';
import { pathsIn, pathsInExpression, refersTo } from './language/references';
import type { Condition, Rule } from './rule';

/** The fields in the conditions of a rule that a look-up of the call may tell. */
export function conditionedFields(rule: Rule): FieldDefinition[] {
  return lookedUpAmong([...fieldsOf(rule.when), ...(rule.if === null ? [] : pathsInExpression(rule.if.expression))]);
}

/** The fields that a rule reads, in its conditions, limits, texts and actions, and that a look-up of the call may tell. */
export function lookedUpFields(rule: Rule): FieldDefinition[] {
  return lookedUpAmong([
    ...fieldsOf(rule.when),
    ...(rule.if === null ? [] : pathsInExpression(rule.if.expression)),
    ...[rule.limits.cooldown?.per, rule.limits.max?.per].filter((per) => typeof per === 'string'),
    ...rule.actionReads,
    ...rule.steps.flatMap((step) => [...pathsIn(step.input), ...pathsInExpression(step.if ?? '')]),
  ]);
}

const LOOKED_UP = FIELDS.filter((field) => field.lookedUp !== undefined);

function lookedUpAmong(paths: readonly string[]): FieldDefinition[] {
  // The texts of a rule may name a value thousands of times.
  const different = [...new Set(paths)];
  return LOOKED_UP.filter((field) => different.some((path) => refersTo(path, field.name)));
}

function fieldsOf(condition: Condition | null): string[] {
  switch (condition?.kind) {
    case undefined:
    case 'during':
      return [];
    case 'field':
      return [condition.field.name];
    case 'not':
      return fieldsOf(condition.of);
    case 'all':
    case 'any':
      return condition.of.flatMap(fieldsOf);
  }
}
