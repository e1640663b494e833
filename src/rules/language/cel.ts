import { celEnv, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import type { JsonObject } from '../../events/json';
import type { FindingCode } from '../../yaml/finding-codes';
import { compilePattern, patternFault } from './pattern';

type ParsedExpression = ReturnType<typeof parse>;
type Expression = ParsedExpression['expr'];

/** The longest CEL expression, in characters. */
export const MAX_EXPRESSION_CHARS = 1_000;

/** A CEL expression that cannot be used: why, and where in it (offset from 0). */
export interface CelFault {
  code: FindingCode;
  message: string;
  hint?: string;
  offset: number;
}

/** What an expression refers to, for the check. */
export interface CelReferences {
  /** Dotted paths from a variable: `['peer', 'number']`. `tested` when it stands in `has(…)`. */
  paths: { path: string[]; offset: number; tested: boolean }[];
  /** Fields that are compared with a constant by `==`, `!=` or `in`. */
  comparisons: { path: string[]; value: string | number | boolean; offset: number }[];
  faults: CelFault[];
}

/** Its own regular expressions would be tried on texts of any length. */
const environment = celEnv({ re2: { compile: (pattern) => ({ test: compilePattern(pattern) }) } });
/** Names that CEL itself gives a meaning. */
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
 * Parses an expression and lists what it refers to.
 * Refused here, so that no expression can hold up the receiver: more than 1,000 characters, and loops within loops.
 */
export function analyseCel(expression: string): CelReferences {
  const found: CelReferences = { paths: [], comparisons: [], faults: [] };
  if (expression.length > MAX_EXPRESSION_CHARS) {
    found.faults.push({
      code: 'cel',
      message: `the expression has ${expression.length} characters, more than ${MAX_EXPRESSION_CHARS}`,
      offset: 0,
    });
    return found;
  }
  let parsed: ParsedExpression;
  try {
    parsed = parse(expression);
  } catch (error) {
    found.faults.push(syntaxFault(error, expression));
    return found;
  }
  walk(parsed.expr, { found, offsets: parsed.sourceInfo?.positions ?? {}, locals: new Set(), loops: 0, tested: false });
  return found;
}

function syntaxFault(error: unknown, expression: string): CelFault {
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
      hint: 'to compare write ==',
      offset: single.index,
    };
  }
  if (/\b(and|or|not)\b/.test(expression)) {
    return { code: 'cel', message: `not a CEL expression: ${message}`, hint: 'and is &&, or is ||, not is !', offset };
  }
  return { code: 'cel', message: `not a CEL expression: ${message}`, offset };
}

interface Walk {
  found: CelReferences;
  offsets: Readonly<Record<string, number>>;
  /** Names that a loop defines. */
  locals: ReadonlySet<string>;
  loops: number;
  tested: boolean;
}

/** `a.b['c']` as a path, or null for what is no plain path. */
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

/** The outermost operator stands in the middle of what it joins; the leftmost part is where people look. */
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
        state.found.faults.push({
          code: 'cel-loop',
          message: 'a loop within a loop (all, exists, map, filter) could take too long',
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
  if (/^[a-zA-Z]\w*$/.test(name) && environment.funcs.find(name) === undefined) {
    const known = [...environment.funcs].map((one) => one.name).filter((one) => /^[a-zA-Z]\w*$/.test(one));
    state.found.faults.push({
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
  const fault = typeof pattern === 'string' ? patternFault(pattern) : null;
  if (fault !== null) {
    state.found.faults.push({
      code: 'pattern',
      message: `the pattern is not a regular expression that can be used: ${fault}`,
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

/** The outcome of a condition. `absent`: it needed something that the event does not have, so it is not met. */
export type CelOutcome = { met: boolean } | { met: false; problem: 'absent' | 'not-boolean' | 'failed' };

type Evaluate = (variables: JsonObject) => CelOutcome;

/**
 * Compiles an expression that {@link analyseCel} found no fault with. The function never throws.
 * @throws when it cannot be parsed.
 */
export function compileCel(expression: string): Evaluate {
  const evaluate = plan(environment, parse(expression));
  return (variables) => {
    const result = evaluate(celInput(variables));
    if (typeof result === 'boolean') {
      return { met: result };
    }
    if (!isCelError(result)) {
      return { met: false, problem: 'not-boolean' };
    }
    const absent = /^field not found|^unresolved attribute|null_type|no such key|index out of/.test(result.message);
    return { met: false, problem: absent ? 'absent' : 'failed' };
  };
}

function celInput(variables: JsonObject): Record<string, CelInput> {
  return variables;
}
