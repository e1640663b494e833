import { knownTypeNames } from '../../events/catalogue';
import { FIELDS } from '../language/field-list';
import type { FieldDefinition } from '../language/field';
import {
  DEFAULTS_KEYS,
  EXPECT_KEYS,
  ALERT_KEYS,
  FILE_KEYS,
  HEARTBEAT_KEYS,
  FAILING_KEYS,
  SILENCE_KEYS,
  LIMIT_KEYS,
  RETRY_KEYS,
  RULE_KEYS,
  STEP_KEYS,
  TEST_KEYS,
  WINDOW_KEYS,
  type KeyDefinition,
} from '../language/keys';
import { ALERT_KINDS } from '../alert-route';
import type { ActionCatalogue } from '../rule';
import { IGNORE_CASE, OPERATORS, OPERATOR_NAMES } from '../language/operators';
import { BLOCK_KEYS } from '../parse/conditions';
import { NAME_PATTERN } from '../parse/entry-name';
import { jsonSchemaOf } from '../../connectors/action-schema';

type Schema = Record<string, unknown>;

const DURATION: Schema = {
  type: ['string', 'integer'],
  pattern: '^(0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$',
  maximum: 0,
  examples: ['30s', '15m', '24h', '7d'],
};
/** Seconds, or a duration. */
const SECONDS: Schema = { anyOf: [{ type: 'number' }, { ...DURATION, type: 'string' }] };
const oneOrMore = (item: Schema): Schema => ({ anyOf: [item, { type: 'array', items: item, minItems: 1 }] });

/**
 * The JSON Schema (draft 7) of rule files, for completion and validation in editors. It is generated from the definitions
 * of the check, so that both agree. It accepts more than the check: it knows neither templates nor which field belongs
 * to which event.
 */
export function rulesJsonSchema(actions: ActionCatalogue): Schema {
  const inputs = inputSchemas(actions);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Rules of the VoIPBIN integration bridge',
    ...block(FILE_KEYS, {
      version: { const: 1 },
      defaults: block(DEFAULTS_KEYS, {
        timezone: { type: 'string', examples: ['Asia/Seoul', 'Europe/Berlin', 'UTC'] },
        country: { type: 'string', pattern: '^[A-Z]{2}$' },
      }),
      include: oneOrMore({ type: 'string' }),
      lists: {
        type: 'object',
        additionalProperties: { type: 'array', items: { type: ['string', 'number', 'boolean'] } },
      },
      maps: {
        type: 'object',
        additionalProperties: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
      },
      windows: { type: 'object', additionalProperties: oneOrMore({ $ref: '#/definitions/window' }) },
      rules: { type: 'array', items: { $ref: '#/definitions/rule' } },
      alerts: { type: 'array', items: { $ref: '#/definitions/alert' } },
      heartbeat: block(HEARTBEAT_KEYS, { url: { type: 'string' }, every: DURATION }),
      tests: { type: 'array', items: { $ref: '#/definitions/test' } },
    }),
    definitions: {
      rule: rule(),
      when: when(),
      step: step(inputs.byAction),
      window: block(WINDOW_KEYS, {
        days: oneOrMore({ type: 'string', examples: ['mon-fri', 'sat', 'daily'] }),
        from: { type: 'string', pattern: '^\\d{1,2}:\\d{2}$' },
        to: { type: 'string', pattern: '^\\d{1,2}:\\d{2}$' },
        except: oneOrMore({ type: 'string' }),
        timezone: { type: 'string' },
      }),
      alert: block(ALERT_KEYS, {
        name: { type: 'string', pattern: NAME_PATTERN },
        on: oneOrMore({ enum: Object.keys(ALERT_KINDS) }),
        quiet: DURATION,
        failing: block(FAILING_KEYS, { after: DURATION }),
        silence: block(SILENCE_KEYS, { after: DURATION, during: { type: 'string' } }),
        do: { type: 'array', items: { $ref: '#/definitions/step' }, minItems: 1 },
      }),
      test: block(TEST_KEYS, {
        name: { type: 'string' },
        event: { type: ['string', 'object'] },
        with: { type: 'object' },
        call: { type: 'object' },
        steps: { type: 'object', additionalProperties: { type: 'object' } },
        at: { type: 'string' },
        expect: block(EXPECT_KEYS, {
          rules: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
          includes: oneOrMore({ type: 'string' }),
          steps: { type: 'object', additionalProperties: { type: 'object' } },
          skipped: {
            type: 'object',
            additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
          },
          why_not: { type: 'object', additionalProperties: oneOrMore({ type: 'string' }) },
        }),
      }),
      ...inputs.definitions,
    },
  };
}

/** The schema of a block. Descriptions and required keys come from the definitions, the schemas of values are given. */
function block<Name extends string>(
  keys: Readonly<Record<Name, KeyDefinition>>,
  values: Readonly<Record<Name, Schema>>,
): Schema {
  const entries = Object.entries<KeyDefinition>(keys);
  const required = entries.filter(([, key]) => key.required === true).map(([name]) => name);
  const schemas: Readonly<Record<string, Schema>> = values;
  return {
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, key]) => [name, described(key.description, schemas[name] ?? {})]),
    ),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** Draft 7 ignores everything beside a reference, so a reference with a description is put in `allOf`. */
function described(description: string, schema: Schema): Schema {
  return '$ref' in schema ? { description, allOf: [schema] } : { description, ...schema };
}

function rule(): Schema {
  return block(RULE_KEYS, {
    name: { type: 'string', pattern: NAME_PATTERN },
    description: { type: 'string' },
    owner: { type: 'string' },
    on: oneOrMore({
      anyOf: [{ enum: knownTypeNames() }, { type: 'string', pattern: '^(\\*|[a-z][a-z0-9_.]*(_\\*)?)$' }],
    }),
    when: { $ref: '#/definitions/when' },
    if: { type: 'string' },
    limits: block(LIMIT_KEYS, {
      cooldown: { type: 'string', examples: ['10m per peer.number'] },
      max: { type: 'string', examples: ['200 per day'] },
    }),
    max_age: DURATION,
    timezone: { type: 'string' },
    country: { type: 'string', pattern: '^[A-Z]{2}$' },
    do: { type: 'array', minItems: 1, items: { $ref: '#/definitions/step' } },
    mode: { enum: ['live', 'shadow', 'off'] },
    stop: { type: 'boolean' },
  });
}

function when(): Schema {
  const inner: Schema = { $ref: '#/definitions/when' };
  const blocks: Readonly<Record<keyof typeof BLOCK_KEYS, Schema>> = {
    any: { type: 'array', items: inner, minItems: 1 },
    all: { type: 'array', items: inner, minItems: 1 },
    not: inner,
    during: {
      anyOf: [
        oneOrMore({ type: 'string' }),
        { type: 'object', properties: { not: oneOrMore({ type: 'string' }) }, additionalProperties: false },
      ],
    },
    'not during': oneOrMore({ type: 'string' }),
  };
  return {
    type: 'object',
    properties: {
      ...Object.fromEntries(
        Object.entries(blocks).map(([name, schema]) => [
          name,
          described(BLOCK_KEYS[name as keyof typeof BLOCK_KEYS].description, schema),
        ]),
      ),
      ...Object.fromEntries(FIELDS.map((field) => [field.name, { description: field.description, ...test(field) }])),
    },
    patternProperties: { '^data\\..+': test({ name: 'data', kind: 'any' }) },
    additionalProperties: false,
  };
}

/** The schema of a condition on a field: a value, a list, or operators. */
function test(field: Pick<FieldDefinition, 'name' | 'kind' | 'choices' | 'open'>): Schema {
  const value = valueOf(field);
  const limit: Schema =
    field.kind === 'time' ? { type: 'string' } : field.kind === 'seconds' ? SECONDS : { type: 'number' };
  const texts = oneOrMore({ type: 'string', minLength: 1 });
  const operands: Readonly<Record<(typeof OPERATOR_NAMES)[number], Schema>> = {
    in: {
      anyOf: [
        { type: 'array', items: value, minItems: 1 },
        { type: 'string', pattern: '^\\$' },
      ],
    },
    not: {},
    lookup: { type: 'object', minProperties: 1 },
    prefix: texts,
    suffix: texts,
    contains: texts,
    matches: oneOrMore({ type: 'string', format: 'regex' }),
    gt: limit,
    gte: limit,
    lt: limit,
    lte: limit,
    exists: { type: 'boolean' },
  };
  const usable = OPERATOR_NAMES.filter((name) => OPERATORS[name].kinds.some((kind) => kind === field.kind));
  return {
    anyOf: [
      value,
      { type: 'array', items: value, minItems: 1 },
      {
        type: 'object',
        properties: {
          ...Object.fromEntries(
            usable.map((name) => [name, { description: OPERATORS[name].description, ...operands[name] }]),
          ),
          ...(usable.includes('contains')
            ? { [IGNORE_CASE.name]: { description: IGNORE_CASE.description, type: 'boolean' } }
            : {}),
        },
        additionalProperties: false,
        minProperties: 1,
      },
    ],
  };
}

function valueOf(field: Pick<FieldDefinition, 'kind' | 'choices' | 'open'>): Schema {
  if (field.choices !== undefined) {
    const words = {
      enum: field.choices.map((choice) => choice.value),
      enumDescriptions: field.choices.map((choice) => choice.meaning),
    };
    return field.open === true ? { anyOf: [words, { type: 'string' }] } : words;
  }
  const types: Readonly<Record<FieldDefinition['kind'], Schema>> = {
    text: { type: 'string' },
    choice: { type: 'string' },
    phone: { type: 'string' },
    time: { type: 'string' },
    seconds: SECONDS,
    boolean: { type: 'boolean' },
    any: { type: ['string', 'number', 'boolean'] },
  };
  return types[field.kind];
}

/** The input schemas of every action. Their own definitions move to the top, where references look, under unique names. */
function inputSchemas(actions: ActionCatalogue): { byAction: Readonly<Record<string, Schema>>; definitions: Schema } {
  const byAction: Record<string, Schema> = {};
  const definitions: Schema = {};
  for (const name of actions.names()) {
    const found = actions.find(name);
    if (found === undefined) {
      continue;
    }
    const text = JSON.stringify(jsonSchemaOf(found.action.input, 'input')).replaceAll(
      '"#/definitions/',
      `"#/definitions/${name}.`,
    );
    const { $schema: _, definitions: own, ...schema } = JSON.parse(text) as Schema;
    byAction[name] = { ...schema, description: found.action.summary };
    for (const [inner, definition] of Object.entries(own ?? {})) {
      definitions[`${name}.${inner}`] = definition;
    }
  }
  return { byAction, definitions };
}

function step(inputs: Readonly<Record<string, Schema>>): Schema {
  const own = block(STEP_KEYS, {
    id: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$' },
    if: { type: 'string' },
    retry: block(RETRY_KEYS, { for: DURATION, every: DURATION, max_every: DURATION }),
    on_error: { enum: ['stop', 'continue'] },
  });
  return {
    ...own,
    properties: { ...(own['properties'] as Schema), ...inputs },
    oneOf: Object.keys(inputs).map((name) => ({ required: [name] })),
  };
}
