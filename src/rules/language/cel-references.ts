import { parse } from '@bufbuild/cel';
import type { FindingCode } from '../../errors/finding-codes';
import { celEnvironment } from './cel';
import { patternProblem } from './pattern';

type ParsedExpression = ReturnType<typeof parse>;
type Expression = ParsedExpression['expr'];

/** The longest CEL expression, in characters. */
export const MAX_EXPRESSION_CHARS = 1_000;

/** Why an expression cannot be used; `offset` from 0 is the place in it. */
export interface CelProblem {
  code: FindingCode;
  message: string;
  hint?: string;
  offset: number;
}

/** What an expression refers to, and its problems. */
export interface CelReferences {
  /** Paths from a variable: `['peer', 'number']`. `tested`: inside `has(…)`. */
  paths: { path: string[]; offset: number; tested: boolean }[];
  /** Comparisons of a field with a constant, by `==`, `!=` or `in`. */
  comparisons: { path: string[]; value: string | number | boolean; offset: number }[];
  problems: CelProblem[];
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
 */
export function analyseCel(expression: string): CelReferences {
  const found: CelReferences = { paths: [], comparisons: [], problems: [] };
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
    found.problems.push(syntaxProblem(error, expression));
    return found;
  }
  walk(parsed.expr, { found, offsets: parsed.sourceInfo?.positions ?? {}, locals: new Set(), loops: 0, tested: false });
  return found;
}

function syntaxProblem(error: unknown, expression: string): CelProblem {
  const location = typeof error === 'object' && error !== null && 'location' in error ? error.location : null;
  const start = typeof location === 'object' && location !== null && 'start' in location ? location.start : null;
  const offset =
    typeof start === 'object' && start !== null && 'offset' in start && typeof start.offset === 'number'
      ? start.offset
      : 0;
  const single = /(?<![=!<>])=(?!=)/.exec(expression);
  const message =
    error instanceof Error
      ? error.message.replace(/^(?:syntax error )?(?:<input>:\d+:\d+: )?/, '')
      : 'it cannot be parsed';
  if (single !== null && Math.abs(single.index - offset) <= 2) {
    return {
      code: 'cel',
      message: 'not a CEL expression: a single =',
      hint: 'write == to compare',
      offset: single.index,
    };
  }
  if (/\b(and|or|not)\b/.test(expression)) {
    return {
      code: 'cel',
      message: `not a CEL expression: ${message}`,
      hint: 'write && for and, || for or, ! for not',
      offset,
    };
  }
  return { code: 'cel', message: `not a CEL expression: ${message}`, offset };
}

interface Walk {
  found: CelReferences;
  offsets: Readonly<Record<string, number>>;
  /** Variables of the loops around. */
  locals: ReadonlySet<string>;
  loops: number;
  tested: boolean;
}

/** `a.b['c']` as a path; null for anything else. */
function pathOf(expression: Expression | undefined): string[] | null {
  const kind = expression?.exprKind;
  if (kind?.case === 'identExpr') {
    return [kind.value.name];
  }
  if (kind?.case === 'selectExpr') {
    const base = pathOf(kind.value.operand);
    return base === null ? null : [...base, kind.value.field];
  }
  if (kind?.case === 'callExpr' && kind.value.function === '_[_]') {
    const [operand, key] = kind.value.args;
    const base = pathOf(operand);
    const constant = constantOf(key);
    return base === null || typeof constant !== 'string' ? null : [...base, constant];
  }
  return null;
}

function constantOf(expression: Expression | undefined): string | number | boolean | null {
  const constant = expression?.exprKind.case === 'constExpr' ? expression.exprKind.value.constantKind : undefined;
  if (constant?.case === 'stringValue' || constant?.case === 'doubleValue' || constant?.case === 'boolValue') {
    return constant.value;
  }
  return constant?.case === 'int64Value' || constant?.case === 'uint64Value' ? Number(constant.value) : null;
}

/** The offset of an expression's leftmost part. CEL reports the offset of its outermost operator. */
function startOf(expression: Expression | undefined, offsets: Walk['offsets']): number {
  const kind = expression?.exprKind;
  if (kind?.case === 'selectExpr') {
    return startOf(kind.value.operand, offsets);
  }
  if (kind?.case === 'callExpr' && kind.value.function === '_[_]') {
    return startOf(kind.value.args[0], offsets);
  }
  return offsets[String(expression?.id)] ?? 0;
}

function walk(expression: Expression | undefined, state: Walk): void {
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
      walk(kind.value.target, state);
      kind.value.args.forEach((argument) => walk(argument, state));
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
        return;
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
        return;
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

function checkPattern(name: string, args: readonly Expression[], state: Walk): void {
  const last = args.at(-1);
  const pattern = name === 'matches' ? constantOf(last) : null;
  const problem = typeof pattern === 'string' ? patternProblem(pattern) : null;
  if (problem !== null) {
    state.found.problems.push({
      code: 'pattern',
      message: `the pattern is not a usable regular expression: ${problem}`,
      offset: state.offsets[String(last?.id)] ?? 0,
    });
  }
}

function suggestion(name: string, known: readonly string[]): { hint?: string } {
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
