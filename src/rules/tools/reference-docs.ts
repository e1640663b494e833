import { FIELDS, type FieldDefinition } from '../language/fields';
import {
  DEFAULTS_KEYS,
  EXPECT_KEYS,
  FILE_KEYS,
  LIMIT_KEYS,
  RETRY_KEYS,
  RULE_KEYS,
  STEP_KEYS,
  TEST_KEYS,
  WINDOW_KEYS,
  type KeyDefinition,
} from '../language/keys';
import { OPERATORS } from '../language/operators';
import { BLOCK_KEYS } from '../parse/conditions';
import { FILTER_DOCS, templateWords } from '../language/template';

/**
 * The reference of the rule language as Markdown, made of the definitions that checking and the editor's schema use.
 */
export function describeRuleLanguage(): string {
  return [
    '# Rules: reference',
    '',
    'Made from the program with `bridge docs rules`; do not edit. Actions and their inputs: `docs/actions.md`.',
    '',
    section('A rule file', keys(FILE_KEYS)),
    section('defaults', keys(DEFAULTS_KEYS)),
    section('A rule', keys(RULE_KEYS)),
    section('A step, besides its action', keys(STEP_KEYS)),
    section('retry', keys(RETRY_KEYS)),
    section('limits', keys(LIMIT_KEYS)),
    section('A window', keys(WINDOW_KEYS)),
    section('A test', keys(TEST_KEYS)),
    section('expect', keys(EXPECT_KEYS)),
    section(
      'Fields',
      `For \`when\`, \`if\` and \`{{ … }}\`. Everything that VoIPBIN sent is under \`data\`: \`data.metadata.campaign\`.\n\n${fields()}`,
    ),
    section(
      'Conditions',
      'A value: equals. A list: any of. A block: operators, all of which must hold. A field that is absent meets none but `exists: false`.',
    ),
    section(
      'Operators',
      table(
        ['operator', 'holds when the field …'],
        Object.entries(OPERATORS).map(([name, { description }]) => [code(name), description]),
      ),
    ),
    section(
      'Blocks',
      table(
        ['key', 'meaning'],
        Object.entries(BLOCK_KEYS).map(([name, { description }]) => [code(name), description]),
      ),
    ),
    section(
      'Filters',
      `For texts: \`{{ field | filter }}\`. Inserted values are escaped for where the text goes.\n\n${table(
        ['filter', 'what it does', 'example', 'gives'],
        Object.entries(FILTER_DOCS).map(([name, { description, example, result }]) => [
          code(name),
          description,
          code(example),
          code(result),
        ]),
      )}\n\nAlso Liquid's own: ${templateWords()
        .filters.filter((name) => !Object.hasOwn(FILTER_DOCS, name))
        .map(code)
        .join(', ')}.\n\nTags: ${templateWords().tags.map(code).join(', ')}.`,
    ),
  ].join('\n');
}

function section(title: string, text: string): string {
  return `## ${title}\n\n${text}\n`;
}

function keys(definitions: Readonly<Record<string, KeyDefinition>>): string {
  return table(
    ['key', 'meaning'],
    Object.entries(definitions).map(([name, { description, required }]) => [
      `${code(name)}${required === true ? ' (required)' : ''}`,
      description,
    ]),
  );
}

function fields(): string {
  return table(
    ['field', 'kind', 'meaning'],
    FIELDS.map((field) => [code(field.name), kind(field), describe(field)]),
  );
}

const KINDS: Readonly<Record<FieldDefinition['kind'], string>> = {
  text: 'text',
  choice: 'word',
  phone: 'phone number',
  seconds: 'seconds',
  boolean: 'true or false',
  time: 'time',
  any: 'anything',
};

function kind(field: FieldDefinition): string {
  return `${KINDS[field.kind]}${field.presence === 'always' ? ', always there' : ''}`;
}

function describe(field: FieldDefinition): string {
  const words = field.choices?.map((choice) => `${code(choice.value)} (${choice.meaning})`).join(', ');
  return words === undefined
    ? field.description
    : `${field.description} ${field.open === true ? 'Known words' : 'Words'}: ${words}.`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
