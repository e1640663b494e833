import { z } from 'zod';
import { digitsOf } from '../events/exact-number';
import type { JsonValue } from '../events/json';

const jsonSchemas = {
  input: new WeakMap<z.ZodType, Record<string, unknown>>(),
  output: new WeakMap<z.ZodType, Record<string, unknown>>(),
};

/** The input or output schema of an action as JSON Schema. Cached, because a file may use an action a thousand times. */
export function jsonSchemaOf(schema: z.ZodType<unknown>, io: 'input' | 'output'): Readonly<Record<string, unknown>> {
  const known = jsonSchemas[io].get(schema);
  if (known !== undefined) {
    return known;
  }
  const made = { ...z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-7' }) };
  jsonSchemas[io].set(schema, made);
  return made;
}

/** The type of a JSON value, in the words of JSON Schema. */
type JsonType = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

/**
 * Whether an input may hold a value of this type at a place.
 *
 * @param path from the top of the input: `['body', 'deal', '0']`.
 */
export function acceptsAt(schema: z.ZodType<unknown>, path: readonly string[], value: JsonValue): boolean {
  const top = jsonSchemaOf(schema, 'input');
  const types = new Set(
    path
      .reduce<Schema[]>((found, name) => found.flatMap((one) => membersOf(one, name, top)), [top])
      .flatMap((one) => branchesOf(one, top).flatMap(typesOf)),
  );
  return types.has(typeOf(value));
}

type Schema = Readonly<Record<string, unknown>>;

/** A schema without its `$ref`, or the alternatives that it consists of. */
function branchesOf(schema: Schema, top: Schema): Schema[] {
  const { $ref } = schema;
  if (typeof $ref === 'string') {
    const target = $ref
      .replace(/^#\/?/, '')
      .split('/')
      .filter((part) => part !== '')
      .reduce<unknown>((found, part) => (isSchema(found) ? found[part] : undefined), top);
    return isSchema(target) ? branchesOf(target, top) : [];
  }
  // zod wraps a described `$ref` in an `allOf` of one.
  const alternatives = [schema['anyOf'], schema['oneOf'], schema['allOf']].find(Array.isArray);
  return alternatives === undefined ? [schema] : alternatives.filter(isSchema).flatMap((one) => branchesOf(one, top));
}

/** The schemas of a member or item, one for each alternative that has it. */
function membersOf(schema: Schema, name: string, top: Schema): Schema[] {
  return branchesOf(schema, top).flatMap((branch) => {
    const { properties, additionalProperties, items } = branch;
    if (isAnything(branch)) {
      return [branch];
    }
    const own = isSchema(properties) ? properties[name] : undefined;
    return [own ?? additionalProperties, /^\d+$/.test(name) ? items : undefined].filter(isSchema);
  });
}

/** `{}`, besides a description. */
function isAnything({ type, enum: words, const: only }: Schema): boolean {
  return type === undefined && words === undefined && only === undefined;
}

function typesOf(schema: Schema): string[] {
  const { type } = schema;
  if (isAnything(schema)) {
    return ['null', 'boolean', 'number', 'string', 'array', 'object'];
  }
  return (Array.isArray(type) ? type : [type]).flatMap((one) => (typeof one === 'string' ? [one] : []));
}

function typeOf(value: JsonValue): JsonType {
  if (value === null) {
    return 'null';
  }
  if (digitsOf(value) !== null) {
    return 'number';
  }
  if (typeof value === 'object') {
    return Array.isArray(value) ? 'array' : 'object';
  }
  return typeof value === 'boolean' ? 'boolean' : typeof value === 'number' ? 'number' : 'string';
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
