import { parse } from '@bufbuild/cel';
import { celEnvironment } from './cel';
import { evaluateConstants } from './cel-constants';
import { constantOf, isNull, pathOf, type CelProblem, type Expression } from './cel-tree';
import { celTypeProblems, type KindOfResult } from './cel-types';
import { patternProblem } from './pattern';

type ParsedExpression = ReturnType<typeof parse>;

/** The longest CEL expression, in characters. */
export const MAX_EXPRESSION_CHARS = 1_000;

/** What an expression refers to, and its problems. */
export interface CelReferences {
  /** Paths from a variable: `['peer', 'number']`. `tested`: inside `has(…)`, or compared with null. */
  paths: { path: string[]; offset: number; tested: boolean }[];
  /** Comparisons of a field with a constant, by `==`, `!=` or `in`. */
  comparisons: { path: string[]; value: string | number | boolean; offset: number }[];
  /** Fields that are looked for in a list or among the keys of a map: `peer.number in lists.vip`. */
  memberships: { path: string[]; root: 'lists' | 'maps'; name: string; offset: number }[];
  /** Constants that are looked for in a list or map: `"+15551234567" in lists.vip`. */
  constantKeys: { value: string; root: 'lists' | 'maps'; name: string; offset: number }[];
  /** Texts that a field is searched for: `peer.number.contains("555")`. */
  searches: { path: string[]; text: string; offset: number }[];
  problems: CelProblem[];
  /** The result, when it is the same for every event; null when it is not. */
  always: boolean | null;
}

/** Names that CEL defines. */
const TYPE_NAMES = new Set([
  'int',
  'uint',
  'double',
  'bool',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
  'google',
]);

/**
 * Parses an expression and lists what it refers to. Expressions with more than 1,000 characters and nested loops are
 * problems, because their evaluation could block the receiver.
 * @param kindOfResult tells the kind of a part of a step's result, `['steps', 'call', 'contact']`.
 */
export function analyseCel(expression: string, kindOfResult: KindOfResult = () => 'any'): CelReferences {
  const found: CelReferences = {
    paths: [],
    comparisons: [],
    memberships: [],
    constantKeys: [],
    searches: [],
    problems: [],
    always: null,
  };
  if (expression.trim() === '') {
    found.problems.push({ code: 'cel', message: 'the condition is empty', hint: 'remove it, or write it', offset: 0 });
    return found;
  }
  if (expression.length > MAX_EXPRESSION_CHARS) {
    found.problems.push({
      code: 'cel',
      message: `the expression has ${expression.length} characters; the limit is ${MAX_EXPRESSION_CHARS}`,
      offset: 0,
    });
    return found;
  }
  let parsed: ParsedExpression;
  try {
    parsed = parse(expression);
  } catch (error) {
    found.problems.push(...syntaxProblems(error, expression));
    return found;
  }
  walk(parsed.expr, { found, offsets: parsed.sourceInfo?.positions ?? {}, locals: new Set(), loops: 0, tested: false });
  const constants = evaluateConstants(parsed);
  found.problems.push(...celTypeProblems(parsed, kindOfResult), ...constants.problems);
  found.always = constants.always;
  return found;
}

function syntaxProblems(error: unknown, expression: string): CelProblem[] {
  const location = typeof error === 'object' && error !== null && 'location' in error ? error.location : null;
  const start = typeof location === 'object' && location !== null && 'start' in location ? location.start : null;
  const offset =
    typeof start === 'object' && start !== null && 'offset' in start && typeof start.offset === 'number'
      ? start.offset
      : 0;
  const message =
    error instanceof Error
      ? error.message.replace(/^(?:syntax error )?(?:<input>:\d+:\d+: )?/, '')
      : 'it cannot be parsed';
  const habits = otherLanguage(expression);
  return habits.length > 0 ? habits : [{ code: 'cel', message: `not a CEL expression: ${message}`, offset }];
}

/** What people write who know other languages, and what it is in CEL. Texts in quotes are skipped. */
const HABITS: readonly { pattern: RegExp; hint: string }[] = [
  { pattern: /[\u2018-\u201F]/, hint: 'write straight quotes: "…"' },
  { pattern: /\$[A-Za-z0-9][\w-]*/, hint: 'write lists.<name> for a list, maps.<name> for a map' },
  { pattern: /\{\{|\}\}/, hint: 'a condition has no {{ }}: write the field alone' },
  { pattern: /[=!]==/, hint: 'write == for equal, != for not equal' },
  { pattern: /<>|≠/, hint: 'write != for not equal' },
  { pattern: /=>|≥/, hint: 'write >= for greater or equal' },
  { pattern: /=<|≤/, hint: 'write <= for less or equal' },
  { pattern: /(?<![=!<>])=(?!=)/, hint: 'write == to compare' },
  { pattern: /\b(?:and|or|not)\b/i, hint: 'write && for and, || for or, ! for not' },
  { pattern: /(?<!&)&(?!&)|(?<!\|)\|(?!\|)/, hint: 'write && for and, || for or' },
  { pattern: /\bis\b/i, hint: 'write == to compare' },
  { pattern: /\bif\b|\bthen\b/i, hint: 'write the condition alone' },
];

/** The first place of each habit. Where two meet, as in `===`, the one listed first. */
function otherLanguage(expression: string): CelProblem[] {
  let outside = expression.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (text) => '_'.repeat(text.length));
  return HABITS.flatMap(({ pattern, hint }): CelProblem[] => {
    const found = pattern.exec(outside);
    if (found === null) {
      return [];
    }
    outside = outside.replaceAll(new RegExp(pattern, `g${pattern.flags}`), (text) => ' '.repeat(text.length));
    const message = found[0] === '=' ? 'a single =' : `CEL has no ${found[0]}`;
    return [{ code: 'cel', message: `not a CEL expression: ${message}`, hint, offset: found.index }];
  });
}

interface Walk {
  found: CelReferences;
  offsets: Readonly<Record<string, number>>;
  /** Variables of the loops around. */
  locals: ReadonlySet<string>;
  loops: number;
  tested: boolean;
}

/** The offset of an expression's leftmost part. CEL reports the offset of its outermost operator. */
function startOf(expression: Expression, offsets: Walk['offsets']): number {
  const kind = expression?.exprKind;
  if (kind?.case === 'selectExpr') {
    return startOf(kind.value.operand, offsets);
  }
  if (kind?.case === 'callExpr' && kind.value.function === '_[_]') {
    return startOf(kind.value.args[0], offsets);
  }
  return offsets[String(expression?.id)] ?? 0;
}

function walk(expression: Expression, state: Walk): void {
  const kind = expression?.exprKind;
  const path = pathOf(expression);
  if (path !== null) {
    const [root = ''] = path;
    if (!state.locals.has(root) && !(path.length === 1 && TYPE_NAMES.has(root) && root !== 'type')) {
      const testOnly = kind?.case === 'selectExpr' && kind.value.testOnly;
      state.found.paths.push({ path, offset: startOf(expression, state.offsets), tested: testOnly || state.tested });
    }
    return;
  }
  switch (kind?.case) {
    case 'selectExpr':
      walk(kind.value.operand, state);
      return;
    case 'callExpr':
      checkPattern(kind.value.function, kind.value.args, state);
      checkFunction(kind.value.function, state.offsets[String(expression?.id)] ?? 0, state);
      collectComparison(kind.value.function, kind.value.args, state);
      collectMembership(kind.value.function, kind.value.args, state);
      collectSearch(kind.value, state);
      walk(kind.value.target, state);
      kind.value.args.forEach((argument) =>
        walk(argument, { ...state, tested: state.tested || isComparedWithNull(kind.value) }),
      );
      return;
    case 'listExpr':
      kind.value.elements.forEach((element) => walk(element, state));
      return;
    case 'structExpr':
      if (kind.value.messageName !== '') {
        state.found.problems.push({
          code: 'cel',
          message: `a condition cannot make a ${kind.value.messageName}`,
          offset: state.offsets[String(expression?.id)] ?? 0,
        });
      }
      for (const entry of kind.value.entries) {
        walk(entry.value, state);
        if (entry.keyKind.case === 'mapKey') {
          walk(entry.keyKind.value, state);
        }
      }
      return;
    case 'comprehensionExpr': {
      const loop = kind.value;
      if (state.loops > 0) {
        state.found.problems.push({
          code: 'cel-loop',
          message: 'a loop inside a loop (all, exists, map, filter) could take too long',
          offset: state.offsets[String(expression?.id)] ?? 0,
        });
      }
      walk(loop.iterRange, { ...state, loops: state.loops + 1 });
      const inner = {
        ...state,
        loops: state.loops + 1,
        locals: new Set([...state.locals, loop.iterVar, loop.iterVar2, loop.accuVar]),
      };
      [loop.accuInit, loop.loopCondition, loop.loopStep, loop.result].forEach((part) => walk(part, inner));
      return;
    }
    case 'constExpr':
    case 'identExpr':
    case undefined:
      return;
  }
}

function isComparedWithNull({ function: name, args }: { function: string; args: readonly Expression[] }): boolean {
  return (name === '_==_' || name === '_!=_') && args.some(isNull);
}

/** What people write as functions after the words of `when` and of texts. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ['lookup', 'write maps.<name>[<field>]: maps.managers[ours.number] == "…"'],
  ['during', 'write windows.<name>.open'],
  ['in_window', 'write windows.<name>.open'],
  ['is_open', 'write windows.<name>.open'],
  ['in_list', 'write <field> in lists.<name>'],
  ['exists', 'compare it with null: peer.name != null'],
  ['prefix', 'write <field>.startsWith("…")'],
  ['suffix', 'write <field>.endsWith("…")'],
]);

function checkFunction(name: string, offset: number, state: Walk): void {
  if (/^[a-zA-Z]\w*$/.test(name) && celEnvironment.funcs.find(name) === undefined) {
    const known = [...celEnvironment.funcs].map((one) => one.name).filter((one) => /^[a-zA-Z]\w*$/.test(one));
    state.found.problems.push({
      code: 'cel-function',
      message: `there is no function ${name}()`,
      offset,
      ...suggestion(name, known),
    });
  }
}

/** Control characters other than tab and line breaks. */
const CONTROL = /(?![\t\n\r])\p{Cc}/u;

function checkPattern(name: string, args: readonly Expression[], state: Walk): void {
  const last = args.at(-1);
  const pattern = name === 'matches' ? constantOf(last) : null;
  const problem = typeof pattern === 'string' ? patternProblem(pattern) : null;
  if (typeof pattern === 'string' && CONTROL.test(pattern)) {
    state.found.problems.push({
      code: 'pattern',
      message: 'the pattern contains a control character: in quotes, \\b is one',
      offset: state.offsets[String(last?.id)] ?? 0,
      hint: 'put an r before the quotes: r"\\b…", or write \\\\b',
    });
  }
  if (problem !== null) {
    state.found.problems.push({
      code: 'pattern',
      message: `the pattern is not a usable regular expression: ${problem}`,
      offset: state.offsets[String(last?.id)] ?? 0,
    });
  }
}

function suggestion(name: string, known: readonly string[]): { hint?: string } {
  const instead = OTHER_WORDS.get(name);
  if (instead !== undefined) {
    return { hint: instead };
  }
  const wanted = name.toLowerCase().replaceAll('_', '');
  const found = known.find((one) => one.toLowerCase() === wanted || one.toLowerCase().startsWith(wanted.slice(0, 5)));
  return found === undefined ? {} : { hint: `did you mean ${found}()?` };
}

function collectComparison(name: string, args: readonly Expression[], state: Walk): void {
  const [left, right] = args;
  if (name === '_==_' || name === '_!=_') {
    for (const [one, other] of [
      [left, right],
      [right, left],
    ]) {
      const path = pathOf(one);
      const value = constantOf(other);
      if (path !== null && value !== null) {
        state.found.comparisons.push({ path, value, offset: state.offsets[String(other?.id)] ?? 0 });
      }
    }
  }
  const path = pathOf(left);
  if (name === '@in' && path !== null && right?.exprKind.case === 'listExpr') {
    for (const element of right.exprKind.value.elements) {
      const value = constantOf(element);
      if (value !== null) {
        state.found.comparisons.push({ path, value, offset: state.offsets[String(element.id)] ?? 0 });
      }
    }
  }
}

const SEARCHES = new Set(['contains', 'startsWith', 'endsWith', 'matches']);

function collectSearch(
  { function: name, target, args }: { function: string; target?: Expression; args: readonly Expression[] },
  state: Walk,
): void {
  const path = pathOf(target);
  const text = constantOf(args[0]);
  if (SEARCHES.has(name) && path !== null && typeof text === 'string' && !state.locals.has(path[0] ?? '')) {
    state.found.searches.push({ path, text, offset: state.offsets[String(args[0]?.id)] ?? 0 });
  }
}

/** `peer.number in lists.vip`, `ours.number in maps.managers`, `maps.managers[ours.number]`. */
function collectMembership(name: string, args: readonly Expression[], state: Walk): void {
  const [one, other] = args;
  const [value, group] = name === '@in' ? [one, other] : name === '_[_]' ? [other, one] : [];
  const path = pathOf(value);
  const [root, of, ...rest] = pathOf(group) ?? [];
  const constant = constantOf(value);
  if (typeof constant === 'string' && of !== undefined && rest.length === 0 && !state.locals.has(root ?? '')) {
    if ((root === 'lists' && name === '@in') || root === 'maps') {
      const offset = state.offsets[String(value?.id)] ?? 0;
      state.found.constantKeys.push({ value: constant, root, name: of, offset });
    }
  }
  if (path !== null && of !== undefined && rest.length === 0 && (root === 'lists' || root === 'maps')) {
    if (!state.locals.has(root) && (root === 'maps' || name === '@in')) {
      state.found.memberships.push({ path, root, name: of, offset: startOf(group, state.offsets) });
    }
  }
}
