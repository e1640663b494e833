import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject, JsonValue } from '../../events/json';
import { FIELDS } from './field-list';
import { FIELD_GROUPS } from './fields';
import { namedVariables, type NamedValues } from './named-values';

/** What templates and CEL conditions can refer to. */
export interface StepScope {
  event: CanonicalEvent;
  /** The results of the rule's earlier steps that ran, by step id. */
  steps: Record<string, JsonValue>;
  /** What the rule's texts and conditions use of lists, maps and windows; absent when they use nothing. */
  names?: NamedValues | undefined;
}

/**
 * The variables of templates, and of CEL conditions without `names` (see `evaluateIn`): every field by name, `data`,
 * and `steps.<id>.<field>`. Absent fields are null, also those of an absent `peer` or `ours`. Values are shared with
 * the event, not copied.
 */
export function variablesOf(scope: StepScope): JsonObject {
  const variables: JsonObject = {};
  const groups = new Map<string, JsonObject>([['', variables]]);
  for (const name of FIELD_GROUPS) {
    const group: JsonObject = {};
    groups.set(name, group);
    inGroup(groups, name, group);
  }
  for (const field of FIELDS) {
    inGroup(groups, field.name, field.read(scope.event));
  }
  variables['data'] = scope.event.data;
  variables['steps'] = scope.steps;
  if (scope.names !== undefined) {
    Object.assign(variables, namedVariables(scope.names, Date.parse(scope.event.occurred_at)));
  }
  return variables;
}

function inGroup(groups: ReadonlyMap<string, JsonObject>, name: string, value: JsonValue): void {
  const dot = name.lastIndexOf('.');
  const group = groups.get(dot === -1 ? '' : name.slice(0, dot));
  if (group !== undefined) {
    group[name.slice(dot + 1)] = value;
  }
}
