import { z } from 'zod';
import type { Action, Connector, Sink } from './connector';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** One row of inputs, settings or results. */
interface Field {
  /** `message.id` for a nested one. */
  name: string;
  type: string;
  required: boolean;
  /** As in YAML, or null. */
  byDefault: string | null;
  description: string;
}

/** What templates insert, by where the text ends up. */
const ESCAPES: Readonly<Record<Sink, string>> = {
  plain: 'unchanged',
  html: 'HTML-escaped',
  slack: 'Slack-escaped',
  json: 'as JSON values',
  url: 'URL-encoded',
  header: 'on one line',
};

const EFFECTS = {
  repeatable: 'repeatable: doing it again has the same effect as doing it once',
  verifiable: 'verifiable: before a second attempt, the bridge looks up whether the first one succeeded',
  once: 'once: not repeated when it may have happened, unless the input of the step allows it',
} as const;

/**
 * The reference of all actions as Markdown (`docs/actions.md`), made of nothing but what the connectors declare: per
 * connector its settings, per action its inputs, results, effect and budget. The same connectors give the same text.
 */
export function describeActions(connectors: readonly Connector[]): string {
  const sorted = [...connectors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const actions = sorted.flatMap((connector) =>
    Object.entries(connector.actions).map(([name, action]) => ({ name: `${connector.name}.${name}`, action })),
  );
  const blocks = [
    '# Actions',
    "<!-- Generated from the connectors' schemas; edit those. -->",
    'The actions that the steps of a rule can use. Every text among the inputs is a template; inserted values are escaped for their destination.',
    table(
      ['action', 'what it does'],
      actions.map(({ name, action }) => [`[\`${name}\`](#${name.replaceAll('.', '')})`, action.summary]),
    ),
    ...sorted.flatMap(describeConnector),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function describeConnector(connector: Connector): string[] {
  const { settings, environment, credentials } = connector.connection;
  const rows = fieldsOf(settings).map(({ name, type, byDefault, description }) => [
    code(name),
    environment[name] === undefined ? '' : code(environment[name]),
    type,
    credentials.includes(name) ? '**needed**' : byDefault === null ? '' : code(byDefault),
    description,
  ]);
  const without = connector.connection.standIn === undefined ? 'the connection does not work' : 'its stand-in answers';
  return [
    `## ${connector.name}`,
    connector.summary,
    `Settings, under \`connections.${connector.name}\` in \`bridge.yaml\` or from the environment. ${
      credentials.length === 0
        ? 'It needs no credentials.'
        : `As long as ${credentials.map(code).join(' or ')} is missing, ${without}.`
    }`,
    table(['setting', 'environment', 'type', 'default', 'description'], rows),
    ...Object.entries(connector.actions).flatMap(([name, action]) =>
      describeAction(`${connector.name}.${name}`, action),
    ),
  ];
}

function describeAction(name: string, action: Action): string[] {
  const inputs = fieldsOf(action.input).map((field) => [
    code(field.name),
    field.type,
    field.required ? '**needed**' : field.byDefault === null ? '' : code(field.byDefault),
    field.description,
    /text|map|anything/.test(field.type) ? ESCAPES[action.sinkOf(field.name)] : '',
  ]);
  const results = flatten(fieldsOf(action.output, 'output')).map((field) => [
    code(`steps.<id>.${field.name}`),
    field.type,
    field.description,
  ]);
  return [
    `### ${name}`,
    action.summary,
    [
      `- Effect: ${effectOf(action)}.`,
      `- Tried for ${action.budget}${action.budgetFrom === 'event' ? ' after the event arrived (later it is of no use)' : ''} unless the rule says otherwise; one attempt takes at most ${action.attemptTimeout}.`,
    ].join('\n'),
    table(['input', 'type', 'default', 'description', 'inserted values'], inputs),
    results.length === 0 ? 'It leaves no results for later steps.' : table(['result', 'type', 'description'], results),
  ];
}

/** The effect in words; where it hangs on an input with fixed words, by those words. */
function effectOf(action: Action): string {
  const schema = schemaOf(action.input, 'input');
  const plain = sampleOf(schema);
  const usual = judged(action, plain);
  if (usual === null) {
    return 'depends on the inputs';
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const words = typeof property === 'object' ? (property.enum ?? []) : [];
    const byWord = words.map((word) => ({ word: String(word), effect: judged(action, { ...plain, [name]: word }) }));
    const found = [...new Set(byWord.map(({ effect }) => effect))].filter((effect) => effect !== null);
    if (found.length > 1) {
      return found
        .map(
          (effect) =>
            `${EFFECTS[effect]} (\`${name}\` ${byWord
              .filter((each) => each.effect === effect)
              .map((each) => code(each.word))
              .join(', ')})`,
        )
        .join('; ');
    }
  }
  return EFFECTS[usual];
}

/** @returns null when the sample is not a valid input. */
function judged(action: Action, sample: unknown): keyof typeof EFFECTS | null {
  return action.input.safeParse(sample).success ? action.effectOf(sample) : null;
}

/** The smallest input that a schema is likely to take. */
function sampleOf(schema: JsonSchema): Record<string, unknown> {
  return Object.fromEntries((schema.required ?? []).map((name) => [name, valueOf(schema.properties?.[name])]));
}

function valueOf(schema: JsonSchema | boolean | undefined): unknown {
  if (typeof schema !== 'object') {
    return 'text';
  }
  const [first] = schema.enum ?? [];
  if (first !== undefined) {
    return first;
  }
  const samples = new Map<unknown, unknown>([
    ['object', sampleOf(schema)],
    ['array', []],
    ['number', 1],
    ['integer', 1],
    ['boolean', true],
  ]);
  return samples.get(Array.isArray(schema.type) ? schema.type[0] : schema.type) ?? 'text';
}

function schemaOf(schema: z.ZodType<unknown>, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' });
}

function fieldsOf(schema: z.ZodType<unknown>, io: 'input' | 'output' = 'input'): (Field & { schema: JsonSchema })[] {
  return propertiesOf(schemaOf(schema, io));
}

function propertiesOf(schema: JsonSchema): (Field & { schema: JsonSchema })[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const inner = typeof property === 'object' ? property : {};
    return {
      name,
      type: typeOf(inner),
      required: required.has(name) && inner.default === undefined,
      byDefault: inner.default === undefined || inner.default === '' ? null : yamlOf(inner.default),
      description: inner.description ?? '',
      schema: inner,
    };
  });
}

/** Nested fields each in their own row, under dotted names. */
function flatten(fields: readonly (Field & { schema: JsonSchema })[]): Field[] {
  return fields.flatMap((field) => {
    const nested = propertiesOf(withoutNull(field.schema));
    return nested.length === 0
      ? [field]
      : flatten(nested.map((inner) => ({ ...inner, name: `${field.name}.${inner.name}` })));
  });
}

function withoutNull(schema: JsonSchema): JsonSchema {
  const others = alternativesOf(schema).filter((each) => each.type !== 'null');
  const [only] = others;
  return only !== undefined && others.length === 1 ? only : schema;
}

function alternativesOf(schema: JsonSchema): JsonSchema[] {
  return (schema.anyOf ?? schema.oneOf ?? []).filter((each) => typeof each === 'object');
}

/** The name of a type, as people who write YAML know it. */
function typeOf(schema: JsonSchema): string {
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) {
    const [first, second, ...others] = alternatives;
    // `duration()` of the settings: the one type that is a text or the number 0.
    const isDuration = others.length === 0 && first?.type === 'string' && second?.const === 0;
    return isDuration ? 'duration' : [...new Set(alternatives.map(typeOf))].join(' or ');
  }
  if (schema.enum !== undefined) {
    return schema.enum.map((word) => code(String(word))).join(', ');
  }
  if (schema.const !== undefined) {
    return code(String(schema.const));
  }
  // zod writes a union of plain types as a list of them.
  return [schema.type]
    .flat()
    .map((type) => typeNamed(type, schema))
    .join(' or ');
}

const PLAIN_TYPES = new Map([
  ['string', 'text'],
  ['integer', 'number'],
  ['number', 'number'],
  ['boolean', 'true or false'],
  ['null', 'null'],
]);

function typeNamed(type: string | undefined, { items, additionalProperties }: JsonSchema): string {
  if (type === 'array') {
    return `list of ${plural(inside(items))}`;
  }
  if (type === 'object') {
    const values = inside(additionalProperties);
    return values === 'anything' ? 'map' : `map of ${plural(values)}`;
  }
  return PLAIN_TYPES.get(type ?? '') ?? 'anything';
}

function inside(schema: JsonSchema['items']): string {
  return typeof schema === 'object' && !Array.isArray(schema) ? typeOf(schema) : 'anything';
}

function plural(type: string): string {
  return type.replace(/^(text|number|map|list|duration)\b/, '$1s');
}

function yamlOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** Text for one table cell: on one line, with Markdown escaped outside code. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll('<', '&lt;')).replaceAll('|', '\\|'))
    .join('')
    .trim();
}
