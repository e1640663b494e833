import { digitsOf } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import type { FieldDefinition } from './field';
import { FIELDS } from './field-list';

const BY_NAME: ReadonlyMap<string, FieldDefinition> = new Map(FIELDS.map((field) => [field.name, field]));

/** Names that group fields and have no value: `peer`, `ours`, `call`, `call.peer`. A group comes after the one it is in. */
export const FIELD_GROUPS: ReadonlySet<string> = new Set(
  FIELDS.flatMap(({ name }) => {
    const parts = name.split('.').slice(0, -1);
    return parts.map((_part, index) => parts.slice(0, index + 1).join('.'));
  }),
);

/** A field of a group, as an example: `peer.number` for `peer`. */
export function exampleOf(group: string): string {
  return FIELDS.find(({ name }) => name.startsWith(`${group}.`))?.name ?? group;
}

/** The names of all fields, without `data`. */
export function fieldNames(): string[] {
  return FIELDS.map((field) => field.name);
}

/** A path into VoIPBIN's payload: `data.targets.0.destination.target`. */
function dataField(name: string): FieldDefinition {
  const path = name.split('.').slice(1);
  return {
    name,
    kind: 'any',
    presence: 'maybe',
    description: 'A part of the payload as VoIPBIN sent it.',
    read: (event) => {
      let value: JsonValue = event.data;
      for (const part of path) {
        if (typeof value !== 'object' || value === null || digitsOf(value) !== null || !Object.hasOwn(value, part)) {
          return null;
        }
        value = (Array.isArray(value) ? value[Number(part)] : value[part]) ?? null;
      }
      return value;
    },
  };
}

/** Finds a field by its dotted name; every `data.<path>` is a field. Undefined when there is none. */
export function fieldNamed(name: string): FieldDefinition | undefined {
  if (name.startsWith('data.') && name.split('.').every((part) => part !== '')) {
    return dataField(name);
  }
  return BY_NAME.get(name);
}

/**
 * Whether events of these types always, may or never have a value for a field.
 * @param types live names; null when some types of the rule are unknown.
 */
export function presenceFor(field: FieldDefinition, types: readonly string[] | null): 'always' | 'maybe' | 'never' {
  const { types: possible } = field;
  if (possible === undefined || types === null) {
    return field.presence;
  }
  const count = types.filter((type) => possible.test(type)).length;
  if (count === 0) {
    return 'never';
  }
  return count < types.length ? 'maybe' : field.presence;
}
