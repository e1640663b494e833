import { exampleOf, FIELD_GROUPS, fieldNamed, fieldNames, presenceFor } from '../language/fields';
import { FIELD_SYNONYMS } from '../language/field-synonyms';
import { nearest } from '../../yaml/nearest-name';
import { isNamedRoot, type Kind } from '../language/cel-kinds';
import type { Single } from '../language/named-values';
import { comparableNumber } from '../language/operators';
import { comparableEntries } from './comparable-entries';
import type { Names } from './field-test';
import type { KnownFields } from './known-fields';
import type { NamedList } from './lists';
import type { NamedMap } from './maps';
import { lookAtName } from './named-variables';
import { neverInTemplate, type NeverEqual } from './never-equal';
import type { Variable } from './variable';

/** The fields of a step's result, as far as its JSON Schema describes them. */
export interface ResultShape {
  /** Null when any field may exist; empty for a single value. */
  fields: ReadonlyMap<string, ResultShape> | null;
  /** What kind of value it is, beside null. */
  kind: Kind;
}

/** Among more entries, none is looked for that is written in a similar way: it takes long. */
const MOST_SUGGESTED = 100;

/** The variables that exist for one step of a rule, and whether they may be absent. */
export class Variables {
  constructor(
    /** The live names of the rule's event types; null when some are unknown. */
    private readonly types: readonly string[] | null,
    /** What is known of fields whenever the rule matches, because it has conditions on them. */
    private readonly known: KnownFields,
    /** The results of earlier steps, by id. */
    private readonly steps: ReadonlyMap<string, ResultShape>,
    /** The ids of this step and later ones, for findings. */
    private readonly laterSteps: ReadonlySet<string>,
    /** What texts and conditions can use of the rule files; null for nothing. */
    private readonly names: Names | null,
  ) {}

  /** A variable of a template: as in conditions, but a map is found by the filter `lookup`. */
  lookInTemplate(path: readonly string[]): Variable {
    const [root = '', name] = path;
    if (root === 'maps' && this.names !== null) {
      return {
        state: 'unknown',
        message: 'maps are no variables',
        hint: `write {{ <field> | lookup: '${name ?? '<map>'}' | default: '…' }}`,
      };
    }
    // Liquid has more to say of a list: `lists.vip.size`, `lists.vip.first`.
    return this.look(root === 'lists' ? path.slice(0, 2) : path);
  }

  look(path: readonly string[]): Variable {
    const [root = ''] = path;
    return this.names !== null && isNamedRoot(root)
      ? lookAtName(root, path.slice(1), this.names)
      : this.#lookAtField(path);
  }

  /** The entries of a list or map; empty when there is none of this name. */
  entriesOf(root: 'lists' | 'maps', name: string): readonly Single[] {
    return root === 'lists'
      ? (this.names?.lists.get(name) ?? []).map(({ value }) => value)
      : (this.names?.maps.get(name) ?? []).map(({ key }) => key);
  }

  /** The country of numbers without a country code. */
  get country(): string | null {
    return this.known.country;
  }

  /** The entries of a map; none when there is no map of this name. */
  mapNamed(name: string): NamedMap {
    return this.names?.maps.get(name) ?? [];
  }

  /** The items of a list; none when there is no list of this name. */
  listNamed(name: string): NamedList {
    return this.names?.lists.get(name) ?? [];
  }

  /** Why a list or map has no such entry, numbers compared in any format; null when it has it, or does not exist. */
  missingEntry(root: 'lists' | 'maps', name: string, key: string): { message: string; hint: string } | null {
    const named = this.names?.[root].get(name);
    const { country } = this.known;
    if (named === undefined || comparableEntries(named, country).has(comparableNumber(key, country))) {
      return null;
    }
    const near = named.length > MOST_SUGGESTED ? null : nearest(key, this.entriesOf(root, name).map(String));
    return {
      message: `the ${root === 'lists' ? 'list' : 'map'} ${name} has no entry ${JSON.stringify(key)}`,
      hint: near === null ? `add it under ${root}, or correct it` : `did you mean "${near}"?`,
    };
  }

  /** Why a comparison of a field with a text is never met in a text; null when it may be, or that is not known. */
  neverEqual(path: readonly string[], text: string, isPart: boolean): NeverEqual | null {
    const field = fieldNamed(path.join('.'));
    return field === undefined ? null : neverInTemplate(field, text, isPart, this.known.country);
  }

  /** Why there is no map of this name; null when there is. */
  mapProblem(name: string): { message: string; hint: string } | null {
    if (this.names?.maps.has(name) === true) {
      return null;
    }
    const near = nearest(name, this.names?.maps.keys() ?? []);
    return {
      message: `there is no map "${name}"`,
      hint: near === null ? 'define it under maps' : `did you mean "${near}"?`,
    };
  }

  /** Whether a map has an entry for a field of every event that the rule matches. */
  hasEntryFor(path: readonly string[], name: string): boolean {
    return this.known.isKeyOf(path.join('.'), this.names?.maps.get(name) ?? []);
  }

  #lookAtField(path: readonly string[]): Variable {
    const [root = '', ...rest] = path;
    const name = path.join('.');
    if (root === 'steps') {
      return this.lookAtStep(rest);
    }
    if (root === 'data') {
      return rest.length === 0
        ? { state: 'group', example: 'data.metadata.campaign' }
        : { state: this.known.isPresent(name) ? 'always' : 'maybe' };
    }
    const field = fieldNamed(name);
    if (field !== undefined) {
      const presence = presenceFor(field, this.types);
      return { state: presence === 'maybe' && this.known.isPresent(name) ? 'always' : presence };
    }
    if (FIELD_GROUPS.has(name)) {
      return { state: 'group', example: exampleOf(name) };
    }
    const synonym =
      FIELD_SYNONYMS.get(name) ??
      (root === 'event' && fieldNamed(rest.join('.')) !== undefined
        ? rest.join('.')
        : nearest(name, [...fieldNames(), 'data', 'steps']));
    return {
      state: 'unknown',
      message: `there is no variable "${name}"`,
      hint: synonym === null ? `fields of the payload are under data: data.${name}` : `did you mean "${synonym}"?`,
    };
  }

  /** The kind of a part of a step's result, `['steps', 'call', 'contact']`. */
  kindOfResult([, id = '', ...rest]: readonly string[]): Kind {
    let shape = this.steps.get(id);
    for (const part of rest) {
      shape = shape?.fields?.get(part);
    }
    return shape?.kind ?? 'any';
  }

  private lookAtStep(path: readonly string[]): Variable {
    const [id, ...rest] = path;
    if (id === undefined) {
      return { state: 'group', example: 'steps.<id>.<field>' };
    }
    const result = this.steps.get(id);
    if (result === undefined) {
      if (this.laterSteps.has(id)) {
        return {
          state: 'unknown',
          message: `the step "${id}" has not run yet`,
          hint: 'only the results of earlier steps can be used',
        };
      }
      const named = [...this.steps.keys()].filter((one) => !one.includes('#'));
      const near = nearest(id, named);
      return {
        state: 'unknown',
        message: `there is no earlier step "${id}"`,
        hint:
          near !== null
            ? `did you mean "steps.${near}"?`
            : named.length === 0
              ? 'give the earlier step an id'
              : `earlier steps are ${named.join(', ')}`,
      };
    }
    let reached = `steps.${id}`;
    let shape: ResultShape = result;
    for (const part of rest) {
      const fields: ResultShape['fields'] = shape.fields;
      if (fields === null) {
        return { state: 'maybe' };
      }
      const next: ResultShape | undefined = fields.get(part);
      if (next === undefined) {
        const near = nearest(part, fields.keys());
        return {
          state: 'unknown',
          message: `${reached} has no field "${part}"`,
          hint:
            near !== null
              ? `did you mean "${reached}.${near}"?`
              : fields.size === 0
                ? 'it is a single value'
                : `it has ${[...fields.keys()].join(', ')}`,
        };
      }
      reached += `.${part}`;
      shape = next;
    }
    if (rest.length === 0 || (shape.fields !== null && shape.fields.size > 0)) {
      const first = shape.fields?.keys().next().value;
      return { state: 'group', example: `${reached}.${first ?? '<field>'}` };
    }
    // The step may be skipped, or fail with `on_error: continue`.
    return { state: 'maybe' };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const KINDS: Readonly<Record<string, Kind>> = {
  string: 'text',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  array: 'list',
  object: 'map',
};

/** The shape that a JSON Schema describes. Undescribed parts may be anything. */
export function shapeOf(schema: unknown): ResultShape {
  if (!isRecord(schema)) {
    return { fields: null, kind: 'any' };
  }
  const alternatives = [schema['anyOf'], schema['oneOf']].find(Array.isArray);
  if (alternatives !== undefined) {
    const shapes = alternatives.filter((one: unknown) => !(isRecord(one) && one['type'] === 'null')).map(shapeOf);
    const [only, ...others] = shapes;
    return only !== undefined && others.length === 0 ? only : { fields: null, kind: 'any' };
  }
  const { properties } = schema;
  const types = [schema['type']].flat().filter((type) => type !== 'null');
  const [type] = types;
  const kind = types.length === 1 && typeof type === 'string' ? (KINDS[type] ?? 'any') : 'any';
  if (isRecord(properties)) {
    const open = isRecord(schema['additionalProperties']) || schema['additionalProperties'] === true;
    const fields = new Map(Object.entries(properties).map(([name, inner]) => [name, shapeOf(inner)]));
    return { fields: open ? null : fields, kind };
  }
  return { fields: kind === 'text' || kind === 'number' || kind === 'boolean' ? new Map() : null, kind };
}
