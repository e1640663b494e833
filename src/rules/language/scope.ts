import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject, JsonValue } from '../../events/json';
import { FIELDS } from './field-list';
import { FIELD_GROUPS } from './fields';

/** What templates and CEL conditions can refer to. */
export interface StepScope {
  event: CanonicalEvent;
  /** The results of the rule's earlier steps that ran, by step id. */
  steps: Record<string, JsonValue>;
}

/**
 * The variables of templates and CEL conditions: every field by name, `data`, and `steps.<id>.<field>`. Absent fields
 * are null, also those of an absent `peer` or `ours`. Values are shared with the event, not copied.
 */
export function variablesOf(scope: StepScope): JsonObject {
  const variables: JsonObject = {};
  for (const group of FIELD_GROUPS) {
    variables[group] = {};
  }
  for (const field of FIELDS) {
    const [group, name] = field.name.split('.');
    const value = field.read(scope.event);
    const target = name === undefined || group === undefined ? null : variables[group];
    if (name !== undefined && typeof target === 'object' && target !== null && !Array.isArray(target)) {
      target[name] = value;
    } else {
      variables[field.name] = value;
    }
  }
  variables['data'] = scope.event.data;
  variables['steps'] = scope.steps;
  return variables;
}
