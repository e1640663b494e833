import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Position } from '../../yaml/finding';
import { analyseCel } from '../language/cel-references';
import { isNamedRoot } from '../language/cel-kinds';
import { FIELDS } from '../language/field-list';
import { fieldNamed } from '../language/fields';
import { isTemplate } from '../language/liquid';
import { referencesIn, withoutReferences } from '../language/secret-references';
import { holdsToken, namesSecret } from '../../text/tokens';
import { quoted, type BlockReader, type Value } from './block-reader';
import type { ComparedValues } from './operands';
import type { ReadStep } from './steps';
import { checkTemplate, type TemplatePlace } from './template-check';
import type { TemplateCosts } from './template-cost';
import { checkNumbersIn, insertedBy, mapsOfNumbers, warnOfForeign } from './written-numbers';
import { splitTemplate, valueInHost } from '../language/template-parts';
import type { Variables } from './variables';

/** Checks the templates and the condition of a step against the variables that exist when it runs. */
export function checkStepTexts(
  reader: BlockReader,
  step: ReadStep,
  variables: Variables,
  values: ComparedValues,
  costs: TemplateCosts,
): void {
  checkTexts({ reader, step, variables, costs }, step.input, []);
  if (step.planned.if !== undefined && step.ifAt !== null) {
    checkCel(reader, step.planned.if, step.ifAt, variables, values);
  }
}

interface Texts {
  reader: BlockReader;
  step: ReadStep;
  variables: Variables;
  costs: TemplateCosts;
}

/** @param path of the node within the step's input. */
function checkTexts(texts: Texts, node: Node | null, path: readonly string[]): void {
  const { reader, step, variables, costs } = texts;
  if (isMap(node)) {
    reader.document.entries(node).forEach(({ key, node: inner }) => checkTexts(texts, inner, [...path, key]));
  } else if (isSeq(node)) {
    reader.document.items(node).forEach((inner, index) => checkTexts(texts, inner, [...path, String(index)]));
  } else if (isScalar(node) && typeof node.value === 'string') {
    checkSecrets(reader, node, node.value, path.at(-1) ?? '');
    if (step.sinkOf(path[0] ?? '') === 'url') {
      checkHost(reader, node, node.value);
    }
    const cost = costs.problemOf(node.value);
    if (cost !== null) {
      reader.findings.error(reader.document.positionInside(node, cost.row, cost.column), 'over-budget', cost.message, {
        hint: 'go through a list of the event, or use limit',
      });
    }
    checkNumbers(texts, node, node.value, path);
    for (const problem of isTemplate(node.value) ? checkTemplate(node.value, variables, placeOf(step, path)) : []) {
      reader.findings[problem.severity === 'error' ? 'error' : 'warn'](
        reader.document.positionInside(node, problem.row, problem.column),
        problem.code,
        problem.message,
        problem.hint === undefined ? {} : { hint: problem.hint },
      );
    }
  }
}

/** Checks the numbers that an input may get, and the maps in which a text looks numbers up. */
function checkNumbers({ reader, step, variables }: Texts, node: Node, text: string, path: readonly string[]): void {
  const { findings } = reader;
  const { country } = variables;
  const at = reader.document.positionOf(node);
  for (const name of mapsOfNumbers(text)) {
    checkNumbersIn(findings, variables.mapNamed(name), country, 'keys', keyOf);
  }
  if (path.length > 1 || !step.isNumber(path[0] ?? '')) {
    return;
  }
  const { maps, lists, defaults } = insertedBy(text);
  // A text without templates that is no number is refused with the other inputs.
  for (const literal of isTemplate(text) ? defaults : [text]) {
    warnOfForeign(findings, { text: literal, at }, country);
  }
  for (const name of maps) {
    checkNumbersIn(findings, variables.mapNamed(name), country, 'values', valueOf);
  }
  for (const name of lists) {
    checkNumbersIn(findings, variables.listNamed(name), country, 'values', valueOf);
  }
}

const keyOf = ({ key, at }: { key: string; at: Position }): { text: string; at: Position } => ({ text: key, at });
const valueOf = ({ value, at }: { value: unknown; at: Position }): { text: string; at: Position } => ({
  text: String(value),
  at,
});

function placeOf(step: ReadStep, path: readonly string[]): TemplatePlace {
  return {
    groups: step.accepts(path, {}),
    nullable: step.sinkOf(path[0] ?? '') === 'json' && step.accepts(path, null),
  };
}

/** Warns of a secret that is written in the rule. A reference inside a template would go out as it is written. */
function checkSecrets(reader: BlockReader, node: Node, text: string, name: string): void {
  const { literals, parts } = splitTemplate(text);
  const literal = withoutReferences(literals.join(''));
  const isSecret = namesSecret(name) && literal.replace(/^\s*(?:Basic|Bearer|Token)(?=\s|$)/i, '').trim() !== '';
  if (isSecret || holdsToken(literal)) {
    reader.findings.warn(
      reader.document.positionOf(node),
      'literal-secret',
      'a token or password is written in the rule, and will be in the histories of its runs',
      { hint: 'move it to the environment and write ${env:NAME}; then replace it, because others may have read it' },
    );
  }
  if (parts.some((part) => referencesIn(part).length > 0)) {
    reader.findings.error(
      reader.document.positionOf(node),
      'reference-inside',
      'a reference inside {{ }} or {% %} is not replaced',
      { hint: 'write it outside: Bearer ${env:NAME}' },
    );
  }
}

/**
 * Checks a CEL condition: syntax, functions, variables, and the values that fields are compared with.
 * @returns whether it has no errors.
 */
export function checkCel(
  reader: BlockReader,
  expression: string,
  value: Value,
  variables: Variables,
  values: ComparedValues,
): boolean {
  const before = reader.findings.all.length;
  const references = analyseCel(expression, (path) => variables.kindOfResult(path));
  const place = (offset: number): Position => {
    const before = expression.slice(0, offset).split('\n');
    return reader.document.positionInside(value.node, before.length, (before.at(-1)?.length ?? 0) + 1);
  };
  for (const problem of references.problems) {
    reader.findings.error(
      place(problem.offset),
      problem.code,
      problem.message,
      problem.hint === undefined ? {} : { hint: problem.hint },
    );
  }
  if (references.always !== null) {
    const what = references.always ? 'true for every event' : 'false for every event, so nothing happens';
    reader.findings.warn(value.at, 'constant-condition', `the condition is ${what}`, { hint: 'name a field in it' });
  }
  for (const { path, offset, tested } of references.paths) {
    const found = variables.look(path);
    if (found.state === 'unknown') {
      reader.findings.error(
        place(offset),
        'unknown-variable',
        found.message.replace('variable', 'field'),
        hintFor(expression, path, offset, found.hint),
      );
    } else if (found.state === 'group' && isNamedRoot(path[0] ?? '')) {
      reader.findings.error(place(offset), 'variable-group', `"${path.join('.')}" is a group of values`, {
        hint: `name one: ${found.example}`,
      });
    } else if (found.state === 'never' && !tested) {
      reader.findings.error(
        place(offset),
        'never-present',
        `"${path.join('.')}" is always absent for the events of this rule`,
      );
    }
  }
  for (const { path, root, name, offset } of references.memberships) {
    const field = fieldNamed(path.join('.'));
    if (field !== undefined && root === 'lists') {
      values.comparables(field, variables.listNamed(name), ({ value: item }) => item, place(offset));
    } else if (field !== undefined) {
      values.comparables(field, variables.mapNamed(name), ({ key }) => key, place(offset));
    }
  }
  for (const { path, value: constant, offset } of references.comparisons) {
    const field = fieldNamed(path.join('.'));
    if (field !== undefined) {
      values.comparable(field, constant, place(offset));
      values.warnOfSpelling(field, constant, place(offset));
    }
  }
  for (const { path, text, offset } of references.searches) {
    const field = fieldNamed(path.join('.'));
    if (field !== undefined) {
      values.warnOfWithheldPart(field, text, place(offset));
    }
  }
  const named = references.paths.flatMap(({ path: [root, name, key], offset }) =>
    root === 'maps' && name !== undefined && key !== undefined ? [{ root, name, value: key, offset } as const] : [],
  );
  for (const { root, name, value: key, offset } of [...named, ...references.constantKeys]) {
    const missing = variables.missingEntry(root, name, key);
    if (missing !== null) {
      reader.findings.warn(place(offset), 'missing-entry', missing.message, { hint: missing.hint });
    }
  }
  return !reader.findings.all.slice(before).some(({ severity }) => severity === 'error');
}

/** Why a name in a condition is no field: a dash in a name, a text without quotes, `True`. */
function hintFor(
  expression: string,
  path: readonly string[],
  offset: number,
  otherwise: string | undefined,
): { hint?: string } {
  const [word = '', ...rest] = path;
  const dashed = /([A-Za-z_][\w.]*\.)(\w+(?:-\w+)*)-$/.exec(expression.slice(0, offset));
  if (dashed !== null) {
    const name = `${dashed[2] ?? ''}-${/^[\w-]*/.exec(expression.slice(offset))?.[0] ?? ''}`;
    return { hint: `write a name with a dash in brackets: ${(dashed[1] ?? '').slice(0, -1)}["${name}"]` };
  }
  if (rest.length === 0 && /^(?:true|false)$/i.test(word)) {
    return { hint: `did you mean ${word.toLowerCase()}?` };
  }
  if (rest.length === 0 && /^(?:none|nil|undefined)$/i.test(word)) {
    return { hint: 'did you mean null?' };
  }
  if (rest.length === 0 && FIELDS.some(({ choices }) => choices?.some(({ value }) => value === word) === true)) {
    return { hint: `put a text in quotes: "${word}"` };
  }
  return otherwise === undefined ? {} : { hint: otherwise };
}

/** Warns of a URL whose host is not all written in the rule: a value in it decides who gets the request. */
function checkHost(reader: BlockReader, node: Node, text: string): void {
  const part = valueInHost(text);
  if (part !== null) {
    reader.findings.warn(
      reader.document.positionOf(node),
      'host-from-value',
      `${quoted(part)} is a part of the host: who can cause an event may decide where the request goes`,
      { hint: 'write out the host, with a / after it, or look it up in a map' },
    );
  }
}
