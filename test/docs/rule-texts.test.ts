import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { STEP_ERRORS } from '../../src/errors/step-errors';
import { actionCatalogue } from '../../src/connectors/registry';
import { fieldNamed } from '../../src/rules/language/fields';
import { OPERATOR_NAMES } from '../../src/rules/language/operators';
import { loadRules } from '../../src/rules/parse/load';
import { formatFinding } from '../../src/yaml/format-findings';

const FILES = [
  'README.md',
  'CONTRIBUTING.md',
  'config/examples/README.md',
  ...['actions', 'cookbook', 'fields', 'operations', 'rules', 'situations'].map((name) => `docs/${name}.md`),
];
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(file, 'utf8')]));

/** The lists, maps and windows that the docs speak of. */
const NAMES = `defaults: { country: DE }
lists: { vip: ["+491701234567"], sales: ["+491701234567"] }
maps: { managers: { "+49301234567": anna@example.com }, teams: { "+49301234567": sales }, days: { Monday: Montag } }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
`;
const STEP = '{ http.request: { url: "https://example.com" } }';

/** What `rules check` says of a file, except of the names of a connector that does not exist. */
function findingsIn(text: string): string[] {
  const { findings } = loadRules({ file: 'docs.yaml', actions: actionCatalogue, readFile: () => text });
  return findings.map(formatFinding).filter((finding) => !finding.includes('there is no action "ntfy.publish"'));
}

/** Findings about one rule, given as the keys besides its name, event and step. */
const ruleFindings = (keys: Readonly<Record<string, unknown>>, on = 'call_hangup'): string[] =>
  findingsIn(
    `version: 1\n${NAMES}rules:\n  - ${JSON.stringify({ name: 'r', on, do: [parse(STEP) as unknown], ...keys })}\n`,
  );

function matchesIn(pattern: RegExp): [file: string, match: string][] {
  return [...TEXTS].flatMap(([file, text]) => [...text.matchAll(pattern)].map(([, one = '']) => [file, one] as [string, string]));
}

/** Text in backticks, without the backslashes of tables. */
const SPANS = matchesIn(/`([^`\n]+)`/g).map(([file, text]): [string, string] => [file, text.replaceAll('\\|', '|')]);

const BLOCKS = matchesIn(/^ *```yaml\n(.*?)^ *```$/gms).map(([file, text]): [file: string, line: string, block: string] => {
  const block = text.replaceAll(new RegExp(`^${/^ */.exec(text)?.[0] ?? ''}`, 'gm'), '');
  return [file, block.split('\n')[0] ?? '', block];
});

test('the docs have blocks of rules', () => {
  expect(BLOCKS.length).toBeGreaterThan(3);
});

test.each(BLOCKS)('%s: the block of YAML that begins with %s passes the check', (_file, _line, block) => {
  const whole = block.startsWith('version:')
    ? block
    : block.startsWith('- ')
      ? `version: 1\nrules:\n${block}`
      : `version: 1\nrules: [{ name: r, on: call_hangup, do: [${STEP}] }]\n${block}`;
  expect(findingsIn(whole)).toEqual([]);
});

/** What says that a template is wrong wherever it stands. */
const ALWAYS_WRONG = /not a valid template|there is no (?:filter|tag|variable|map|list|window)|needs the name of a map|has no field/;
/** Names that stand for any. */
const PLACEHOLDER = /…|<\w+>|\bfield\b/;

const TEMPLATES = [...new Set(SPANS.flatMap(([, text]) => text.match(/\{\{.*?\}\}/g) ?? []))].filter(
  (text) => !PLACEHOLDER.test(text) && /\w/.test(text),
);

test('the docs have templates', () => {
  expect(TEMPLATES.length).toBeGreaterThan(20);
});

test.each(TEMPLATES)('a template of the docs has filters and variables that exist: %s', (template) => {
  const steps = ['task', 'call']
    .map((id) => `{ id: ${id}, hubspot.${id === 'task' ? 'create_task: { subject: s }' : 'log_call: {}'} }`)
    .join(', ');
  const text = JSON.stringify(template);
  const found = findingsIn(
    `version: 1\n${NAMES}rules:\n  - { name: r, on: call_hangup, do: [${steps}, { slack.post_message: { channel: "#c", text: ${text} } }] }\n`,
  );
  const alert = /\balert\./.test(template);
  expect(alert ? [] : found.filter((finding) => ALWAYS_WRONG.test(finding))).toEqual([]);
});

const CEL = [
  ...(/## Conditions in CEL\n(.*?)\n## /s.exec(TEXTS.get('docs/rules.md') ?? '')?.[1] ?? '').matchAll(/`([^`\n]+)`/g),
].flatMap(([, text = '']) => (/\w.*[=(.]|\w in /.test(text) ? [text.replaceAll('\\|', '|')] : []));

test('the reference has conditions in CEL', () => {
  expect(CEL.length).toBeGreaterThan(8);
});

test.each(CEL)('a condition of the reference passes the check: %s', (condition) => {
  const post = { if: condition, 'slack.post_message': { channel: '#c', text: 't' } };
  const found = condition.includes('text.')
    ? ruleFindings({ do: [post] }, 'message_created')
    : ruleFindings({ do: [{ id: 'call', 'hubspot.log_call': {} }, post] });
  expect(found).toEqual([]);
});

/** Fields that the operators of an example are used with. */
const FIELD_OF: Readonly<Record<string, string>> = {
  gt: 'talk_s',
  gte: 'talk_s',
  lt: 'talk_s',
  lte: 'talk_s',
  contains: 'text',
  matches: 'text',
  suffix: 'text',
};
/** Inputs of steps that the docs show alone, with an action that has them. */
const STEP_OF: Readonly<Record<string, readonly [action: string, inputs: object]>> = {
  due: ['hubspot.create_task', { subject: 's' }],
  contact: ['hubspot.update_contact', { properties: { x: 'y' } }],
  number: ['hubspot.update_contact', { properties: { x: 'y' } }],
  mention: ['slack.post_message', { channel: '#c', text: 't' }],
};
const RULE_KEYS = ['limits', 'when', 'if', 'max_age', 'mode', 'stop', 'timezone', 'country'];
/** Spans of these files may be parts of rules; those of the others may be settings and answers of the bridge. */
const ABOUT_RULES = ['docs/actions.md', 'docs/cookbook.md', 'docs/rules.md', 'config/examples/README.md'];

/** A span as the keys of a rule; null for one that is no part of a rule, or a part of something else. */
function ruleWith(text: string): Record<string, unknown> | null {
  if (/…|^"?\{\{|\bsource:/.test(text)) {
    return null;
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return null;
  }
  const entries: [string, unknown][] = Object.entries(value);
  const [key, first] = entries[0] ?? ['', null];
  if (OPERATOR_NAMES.some((name) => name === key)) {
    return { when: { [FIELD_OF[key] ?? 'peer.number']: value } };
  }
  if (fieldNamed(key) !== undefined && first !== null) {
    return { when: value };
  }
  const step = STEP_OF[key];
  if (step !== undefined && entries.length === 1) {
    return { do: [{ id: 'task', 'hubspot.create_task': { subject: 's' } }, { [step[0]]: { ...step[1], ...value } }] };
  }
  return RULE_KEYS.includes(key) && first !== null ? { ...value } : null;
}

const PARTS = [
  ...new Map(SPANS.flatMap(([file, text]) => (ABOUT_RULES.includes(file) ? [[text, ruleWith(text)]] : []))).entries(),
].flatMap(([text, rule]) =>
  rule === null ? [] : [[text, rule] as const],
);

test('the docs have parts of rules', () => {
  expect(PARTS.length).toBeGreaterThan(12);
});

test.each(PARTS)('a part of a rule in the docs passes the check: %s', (text, rule) => {
  const on = /\btext\b/.test(JSON.stringify(rule['when'] ?? '')) ? 'message_created' : 'call_hangup';
  const errors = ruleFindings(rule, on).filter((finding) => !/ warning: | may be absent/.test(finding));
  expect({ text, errors }).toEqual({ text, errors: [] });
});

test('the codes with which steps of the docs fail are codes of the program', () => {
  const codes = matchesIn(/fails? with `(\w+)`/g).map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(2);
  expect(codes.filter((code) => !Object.hasOwn(STEP_ERRORS, code))).toEqual([]);
});
