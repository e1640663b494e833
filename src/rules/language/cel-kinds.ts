import { FIELD_GROUPS, fieldNamed } from './fields';
import { constantOf, isNull, type Expression } from './cel-tree';
import type { NamedValues } from './named-values';

/**
 * What kind of value a part of an expression has. `time_text`: a time field, which is a text in CEL. `any`: not known
 * without an event.
 */
export type Kind =
  'number' | 'text' | 'time_text' | 'boolean' | 'time' | 'duration' | 'list' | 'map' | 'null' | 'bytes' | 'any';

/** The kinds in words, for findings. */
export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  number: 'a number',
  text: 'a text',
  time_text: 'a time as text',
  boolean: 'true or false',
  time: 'a time',
  duration: 'a duration',
  list: 'a list',
  map: 'a group of values',
  null: 'null',
  bytes: 'bytes',
  any: 'any value',
};

/** Whether values of a kind are texts. */
export function isText(kind: Kind): boolean {
  return kind === 'text' || kind === 'time_text';
}

/** The kind without the difference between texts and times that are texts. */
export function asText(kind: Kind): Kind {
  return kind === 'time_text' ? 'text' : kind;
}

/** The kind of a field or of a variable of a loop. */
export function kindOfPath(path: readonly string[], locals: ReadonlyMap<string, Kind>): Kind {
  const [root = ''] = path;
  if (locals.has(root)) {
    return path.length === 1 ? (locals.get(root) ?? 'any') : 'any';
  }
  const name = path.join('.');
  if (isNamedRoot(root)) {
    return kindOfNamed(root, path.slice(1));
  }
  if (root === 'data' || root === 'steps') {
    return path.length === 1 ? 'map' : 'any';
  }
  if (FIELD_GROUPS.has(name)) {
    return 'map';
  }
  switch (fieldNamed(name)?.kind) {
    case 'seconds':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'time':
      return 'time_text';
    case 'text':
    case 'choice':
    case 'phone':
      return 'text';
    case 'any':
    case undefined:
      return 'any';
  }
}

/** Whether a variable is no field, but what the rule files define. */
export function isNamedRoot(root: string): root is keyof NamedValues {
  return root === 'lists' || root === 'maps' || root === 'windows';
}

/** A group of lists, maps or windows has a finding of its own, so nothing else is said of it. */
function kindOfNamed(root: keyof NamedValues, [name, member, ...rest]: readonly string[]): Kind {
  if (name !== undefined && member === undefined) {
    return root === 'lists' ? 'list' : root === 'maps' ? 'map' : 'any';
  }
  if (root !== 'windows' || rest.length > 0) {
    return 'any';
  }
  return member === 'open' ? 'boolean' : member === 'opens_at' ? 'time_text' : 'any';
}

/** The kind of a constant. */
export function kindOfConstant(expression: Expression): Kind {
  if (isNull(expression)) {
    return 'null';
  }
  const value = constantOf(expression);
  if (value === null) {
    return 'bytes';
  }
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'boolean';
}
