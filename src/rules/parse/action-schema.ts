import { z } from 'zod';

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
