import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { actionCatalogue, findAction } from '../../../src/connectors/registry';
import type { ActionCatalogue } from '../../../src/rules/rule';
import { describeRuleLanguage } from '../../../src/rules/tools/reference-docs';
import { rulesJsonSchema } from '../../../src/rules/tools/json-schema';
import { FIELDS } from '../../../src/rules/language/field-list';
import { OPERATOR_NAMES } from '../../../src/rules/language/operators';
import { templateWords } from '../../../src/rules/language/liquid';

const actions: ActionCatalogue = {
  find: (name) => {
    const found = findAction(name);
    return found === undefined ? undefined : { action: found.action, connectorName: found.connector.name };
  },
  names: actionCatalogue.names,
};

const schema = rulesJsonSchema(actions);
const validate = new Ajv({ strict: false, allErrors: true, formats: { regex: true } }).compile(schema);

function faults(text: string): string[] {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);
}

const rule = (lines: string): string => `version: 1\nrules:\n  - { name: r, on: call_hangup, ${lines} }\n`;
const DO = 'do: [{ slack.post_message: { channel: "#c", text: t } }]';

test('the committed schema is the one that the definitions give (bridge schema rules)', () => {
  expect(JSON.parse(readFileSync('config/schemas/rules.schema.json', 'utf8'))).toEqual(schema);
});

test('every reference inside leads somewhere', () => {
  const references = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/definitions\/([^"]*)"/g)].map(([, name]) => name);
  expect(references.length).toBeGreaterThan(5);
  expect(Object.keys(schema['definitions'] ?? {})).toEqual(expect.arrayContaining(references));
});

test('the shipped file is right by it', () => {
  expect(faults(readFileSync('config/rules.yaml', 'utf8'))).toEqual([]);
});

test.each([
  [
    'operators',
    `when: { talk_s: { gt: 5, lte: 60 }, peer.number: { not: { prefix: "+82" } }, reason: [busy, earthquake], "data.a.b": 5 }, ${DO}`,
  ],
  [
    'blocks',
    `when: { any: [{ direction: inbound }, { during: office }], not: { answered: true }, not during: [night] }, ${DO}`,
  ],
  [
    'everything of a rule',
    `description: d, owner: o, if: "true", limits: { cooldown: 10m, max: 5 per day }, max_age: 5m, mode: shadow, stop: true, timezone: UTC, country: KR, ${DO}`,
  ],
  [
    'everything of a step',
    'do: [{ id: a, if: "true", retry: { for: 1h, every: 1s, max_every: 5m }, on_error: continue, slack.post_message: { channel: c, text: t } }]',
  ],
  ['any JSON as a body', 'do: [{ http.request: { url: "https://example.com/", body: { a: [1, { b: null }] } } }]'],
])('accepts %s', (_, lines) => {
  expect(faults(rule(lines))).toEqual([]);
});

test.each([
  ['an unknown key', `whn: {}, ${DO}`, '/rules/0 additionalProperties'],
  ['an unknown field', `when: { direciton: inbound }, ${DO}`, '/rules/0/when additionalProperties'],
  ["the other dialect's word", `when: { direction: incoming }, ${DO}`, '/rules/0/when/direction enum'],
  ['a text for a number', `when: { talk_s: "60" }, ${DO}`, '/rules/0/when/talk_s type'],
  ['an unknown operator', `when: { text: { regex: a } }, ${DO}`, '/rules/0/when/text additionalProperties'],
  ['an operator that does not fit', `when: { reason: { gt: 5 } }, ${DO}`, '/rules/0/when/reason additionalProperties'],
  ['an unknown action', 'do: [{ slack.post: { channel: c, text: t } }]', '/rules/0/do/0 additionalProperties'],
  ['no action', 'do: [{ id: a }]', '/rules/0/do/0 oneOf'],
  [
    'two actions',
    'do: [{ slack.post_message: { channel: c, text: t }, http.request: { url: u } }]',
    '/rules/0/do/0 oneOf',
  ],
  ['a missing input', 'do: [{ slack.post_message: { channel: c } }]', '/rules/0/do/0/slack.post_message required'],
  ['a time without unit', `max_age: 15, ${DO}`, '/rules/0/max_age maximum'],
])('refuses %s', (_, lines, fault) => {
  expect(faults(rule(lines))).toContain(fault);
});

test('every field, operator, filter and action is described', () => {
  const text = JSON.stringify(schema);
  const docs = describeRuleLanguage();
  for (const { name, description } of FIELDS) {
    expect(text).toContain(JSON.stringify(description));
    expect(docs).toContain(`| \`${name}\` |`);
  }
  for (const name of actionCatalogue.names()) {
    expect(text).toContain(JSON.stringify(findAction(name)?.action.summary));
  }
  for (const name of OPERATOR_NAMES) {
    expect(docs).toContain(`| \`${name}\` |`);
  }
  for (const name of templateWords().filters) {
    expect(docs).toContain(`\`${name}\``);
  }
});
