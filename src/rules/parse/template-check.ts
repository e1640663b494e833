import { Output, TypeGuards, toValueSync, Value as LiquidValue, type Template, type Token } from 'liquidjs';
import { compareNumbers } from '../../events/exact-number';
import type { FindingCode } from '../../errors/finding-codes';
import { loneOutput } from '../language/liquid';
import { comparisonsIn } from './template-comparisons';
import { parseWithFaults, unknownFilters, type CheckedProblem } from './template-syntax';
import type { Variables } from './variables';

/** What is known at a place of the template. */
interface Inside {
  /** Names that `for` and `assign` define. */
  locals: ReadonlySet<string>;
  /** Paths that an enclosing `if` tests. */
  present: ReadonlySet<string>;
  /** Whether a group of fields may be inserted: the template stands alone where its value may be a map. */
  groups: boolean;
  /** Whether an absent value is null: the template stands alone, without filters, where JSON is sent. */
  nullable: boolean;
}

/** What the input may hold where a template is. */
export interface TemplatePlace {
  /** A map. */
  groups: boolean;
  /** Null, because it is sent as JSON. */
  nullable: boolean;
}

/**
 * Finds the problems of a template, all at once: syntax, unknown filters and variables, variables that may be absent and
 * have no `default`. A variable with a computed part (`data[name]`) is checked up to that part.
 */
export function checkTemplate(text: string, variables: Variables, place: TemplatePlace): CheckedProblem[] {
  const { templates, problems, mentioned } = parseWithFaults(text);
  if (templates === null) {
    return problems;
  }
  const lone = loneOutput(templates);
  const groups = place.groups && lone !== null;
  const nullable = place.nullable && lone?.bare === true;
  walk(templates, { locals: new Set(mentioned), present: new Set(), groups, nullable }, variables, problems);
  return problems;
}

function walk(templates: readonly Template[], inside: Inside, variables: Variables, problems: CheckedProblem[]): void {
  // A name that `assign` defines exists from there to the end of the block.
  let here = inside;
  for (const template of templates) {
    checkComparisons(template, here, variables, problems);
    if (template instanceof Output) {
      checkFilters(template, template.value, problems);
      checkValue(template.value, here, variables, problems, 'inserted');
      continue;
    }
    const use = LENIENT_TAGS.has(nameOf(template)) ? 'tested' : nameOf(template) === 'for' ? 'looped' : 'inserted';
    for (const argument of template.arguments?.() ?? []) {
      if (argument instanceof LiquidValue) {
        checkFilters(template, argument, problems);
        checkValue(argument, here, variables, problems, use);
      } else {
        checkToken(argument, here, variables, problems, use, false);
      }
    }
    const block = { ...here, locals: new Set([...here.locals, ...(template.blockScope?.() ?? [])]) };
    walkChildren(template, block, variables, problems);
    const assigned = [...(template.localScope?.() ?? [])].map((token) => token.content);
    here = { ...here, locals: new Set([...here.locals, ...assigned]) };
  }
}

function checkFilters({ token }: Template, { filters }: LiquidValue, problems: CheckedProblem[]): void {
  const [row = 1, column = 1] = token.getPosition();
  problems.push(...unknownFilters(filters).map((unknown) => ({ ...unknown, row, column })));
}

/** Warns of comparisons that are never met. */
function checkComparisons(template: Template, inside: Inside, variables: Variables, problems: CheckedProblem[]): void {
  for (const { variable, text, isPart, token } of comparisonsIn(template)) {
    const found = pathOf(variable);
    const never =
      found?.complete === true && !inside.locals.has(found.path[0] ?? '')
        ? variables.neverEqual(found.path, text, isPart)
        : null;
    if (never !== null) {
      const [row = 1, column = 1] = token.getPosition();
      problems.push({ severity: 'warning', code: 'literal-text', ...never, row, column });
    }
  }
}

/** In these tags an absent variable counts as false or empty. */
const LENIENT_TAGS = new Set(['if', 'unless', 'case', 'assign']);

function nameOf(template: Template): string {
  return 'name' in template && typeof template.name === 'string' ? template.name : '';
}

function walkChildren(template: Template, inside: Inside, variables: Variables, problems: CheckedProblem[]): void {
  if (nameOf(template) === 'if' && 'branches' in template && Array.isArray(template.branches)) {
    for (const branch of template.branches) {
      const { value, templates } = branch as { value: unknown; templates: Template[] };
      const tested = value instanceof LiquidValue ? testedBy(value) : [];
      walk(templates, { ...inside, present: new Set([...inside.present, ...tested]) }, variables, problems);
    }
    if ('elseTemplates' in template && Array.isArray(template.elseTemplates)) {
      walk(template.elseTemplates as Template[], inside, variables, problems);
    }
    return;
  }
  if (template.children !== undefined) {
    const children: unknown = toValueSync(template.children(false, true));
    walk(Array.isArray(children) ? (children as Template[]) : [], inside, variables, problems);
  }
}

/** The variables that have a value when `{% if a and b %}` is met. */
function testedBy(value: LiquidValue): string[] {
  const { postfix } = value.initial;
  const onlyAnd = postfix.every((token) => !TypeGuards.isOperatorToken(token) || token.operator === 'and');
  return onlyAnd && value.filters.length === 0 ? postfix.flatMap((token) => pathOf(token)?.path.join('.') ?? []) : [];
}

/** How a variable is used. `looped`: `for` iterates over it, so it may be a group but must not be absent. */
type Use = 'inserted' | 'tested' | 'looped';

function checkValue(
  value: LiquidValue,
  inside: Inside,
  variables: Variables,
  problems: CheckedProblem[],
  use: Use,
): void {
  const [first] = value.filters;
  const defaultFirst = first?.name === 'default';
  const hasDefault = value.filters.some((filter) => filter.name === 'default');
  for (const token of value.initial.postfix) {
    checkToken(token, inside, variables, problems, defaultFirst ? 'tested' : use, hasDefault);
  }
  checkLookups(value, variables, problems, use);
  for (const filter of value.filters) {
    for (const argument of filter.args) {
      const token = Array.isArray(argument) ? argument[1] : argument;
      // An absent argument is empty, so a known variable is enough. Paths under `data` and `steps` may not even be
      // defined, so they are checked like inserted values.
      if (token !== undefined) {
        const root = pathOf(token)?.path[0];
        checkToken(token, inside, variables, problems, root === 'data' || root === 'steps' ? use : 'tested', false);
      }
    }
  }
}

/** `lookup` names a map, and what it finds may be absent. */
function checkLookups(value: LiquidValue, variables: Variables, problems: CheckedProblem[], use: Use): void {
  value.filters.forEach((filter, index) => {
    if (filter.name !== 'lookup') {
      return;
    }
    const [argument] = filter.args;
    const token = Array.isArray(argument) ? argument[1] : argument;
    const [row = 1, column = 1] = (token ?? value.initial.postfix[0])?.getPosition() ?? [];
    const name = token !== undefined && TypeGuards.isQuotedToken(token) ? token.content : null;
    const missing = index === 0 && name !== null ? missingEntry(value, variables, name) : null;
    const hasDefault = value.filters.slice(index).some((later) => later.name === 'default');
    const problem =
      name === null
        ? {
            message: 'lookup needs the name of a map in quotes',
            hint: "such as {{ ours.number | lookup: 'managers' }}",
          }
        : variables.mapProblem(name);
    if (problem !== null) {
      problems.push({ severity: 'error', code: 'unknown-map', ...problem, row, column });
    } else if (missing !== null) {
      const severity = use === 'inserted' && !hasDefault ? 'error' : 'warning';
      problems.push({ severity, code: 'missing-entry', ...missing, row, column });
    } else if (use === 'inserted' && !isInMap(value, index, variables, name ?? '') && !hasDefault) {
      problems.push({
        severity: 'error',
        code: 'may-be-absent',
        message: `the map "${name}" may have no entry`,
        hint: `add a default: lookup: '${name}' | default: '…'${requirement(value, name ?? '')}`,
        row,
        column,
      });
    }
  });
}

/** The text in quotes alone before the filters; null for anything else. */
function textLookedUp({ initial }: LiquidValue): string | null {
  const [token, ...others] = initial.postfix;
  return token !== undefined && others.length === 0 && TypeGuards.isQuotedToken(token) ? token.content : null;
}

function missingEntry(value: LiquidValue, variables: Variables, name: string): ReturnType<Variables['missingEntry']> {
  const text = textLookedUp(value);
  return text === null ? null : variables.missingEntry('maps', name, text);
}

/** Whether the rule's conditions say that the map has an entry for the looked up field, or it is written in the rule. */
function isInMap(value: LiquidValue, index: number, variables: Variables, name: string): boolean {
  const field = fieldLookedUp(value);
  if (index === 0 && textLookedUp(value) !== null) {
    return true;
  }
  return index === 0 && field !== null && variables.hasEntryFor(field, name);
}

/** The field alone before the filters; null for anything else. */
function fieldLookedUp({ initial }: LiquidValue): string[] | null {
  const [token, ...others] = initial.postfix;
  const found = token === undefined || others.length > 0 ? null : pathOf(token);
  return found?.complete === true && found.path[0] !== 'steps' ? found.path : null;
}

function requirement(value: LiquidValue, name: string): string {
  const field = fieldLookedUp(value);
  return field === null ? '' : `, or require it: when: { ${field.join('.')}: { in: $${name} } }`;
}

function checkToken(
  token: Token,
  inside: Inside,
  variables: Variables,
  problems: CheckedProblem[],
  use: Use,
  hasDefault: boolean,
): void {
  checkNumber(token, problems);
  const found = pathOf(token);
  if (found === null) {
    return;
  }
  const { path, complete } = found;
  const [root = ''] = path;
  for (const nested of found.computed) {
    checkToken(nested, inside, variables, problems, 'inserted', false);
  }
  if (inside.locals.has(root)) {
    return;
  }
  const name = path.join('.');
  const [row = 1, column = 1] = token.getPosition();
  const report = (code: FindingCode, message: string, hint?: string): void => {
    problems.push({ severity: 'error', code, message, row, column, ...(hint === undefined ? {} : { hint }) });
  };
  const variable = variables.lookInTemplate(complete ? path : path.slice(0, 1));
  if (variable.state === 'unknown') {
    report('unknown-variable', variable.message, variable.hint);
  } else if (variable.state === 'group' && use === 'inserted' && complete && !inside.groups) {
    report('variable-group', `"${name}" is a group of fields`, `name one: ${variable.example}`);
  } else if (variable.state === 'never') {
    const message = `"${name}" is always absent for the events of this rule`;
    // With a default, or in a tag that expects it, the template works; it only never shows the value.
    const severity = use === 'tested' || hasDefault ? 'warning' : 'error';
    problems.push({ severity, code: 'never-present', message, row, column });
  } else if (
    variable.state === 'maybe' &&
    use !== 'tested' &&
    complete &&
    !inside.nullable &&
    !inside.present.has(name)
  ) {
    if (use === 'looped') {
      report('may-be-absent', `"${name}" may be absent`, `put {% if ${name} %} … {% endif %} around the loop`);
    } else if (!hasDefault) {
      const orCondition = root === 'steps' ? '' : `, or require it: when: { ${name}: { exists: true } }`;
      const byDefault = inside.groups ? 'nil' : "'…'";
      report(
        'may-be-absent',
        `"${name}" may be absent`,
        `add a default: {{ ${name} | default: ${byDefault} }}${orCondition}`,
      );
    }
  }
}

/** Liquid reads a number as a double. */
function checkNumber(token: Token, problems: CheckedProblem[]): void {
  const written = TypeGuards.isNumberToken(token) ? token.getText() : '';
  const read = String(Number(written));
  if (Math.abs(compareNumbers(read, written)) > 0) {
    const [row = 1, column = 1] = token.getPosition();
    problems.push({
      severity: 'error',
      code: 'number',
      message: `the number ${written} has more digits than the program keeps: it would be ${read}`,
      row,
      column,
      hint: `quote it: '${written}'`,
    });
  }
}

/** The path of a variable up to its first computed part; null for other tokens. */
function pathOf(token: Token): { path: string[]; complete: boolean; computed: Token[] } | null {
  if (!TypeGuards.isPropertyAccessToken(token)) {
    return null;
  }
  if (token.variable !== undefined) {
    return null;
  }
  const path: string[] = [];
  const computed: Token[] = [];
  let complete = true;
  for (const part of token.props) {
    if (TypeGuards.isPropertyAccessToken(part)) {
      complete = false;
      computed.push(part);
    } else if (
      complete &&
      'content' in part &&
      (typeof part.content === 'string' || typeof part.content === 'number')
    ) {
      path.push(String(part.content));
    } else {
      complete = false;
    }
  }
  // `data.list.size`, `.first` and `.last` are Liquid's own.
  return { path, complete, computed };
}
