import type { parse } from '@bufbuild/cel';
import { parseDuration } from '../../yaml/duration';
import { asText, isNamedRoot, isText, KIND_WORDS, kindOfConstant, kindOfPath, type Kind } from './cel-kinds';
import { constantOf, pathOf, type CelProblem, type Expression } from './cel-tree';
import { exampleOf, FIELD_GROUPS, fieldNamed } from './fields';

type Parsed = ReturnType<typeof parse>;

/** Tells the kind of a part of a step's result, by its path. */
export type KindOfResult = (path: readonly string[]) => Kind;

interface Typed {
  kind: Kind;
  expression: Expression;
}

const COMPARISONS: Readonly<Record<string, string>> = { '_<_': '<', '_<=_': '<=', '_>_': '>', '_>=_': '>=' };
const ARITHMETIC: Readonly<Record<string, string>> = { '_+_': '+', '_-_': '-', '_*_': '*', '_/_': '/', '_%_': '%' };
const TEXT_METHODS = new Set(['contains', 'startsWith', 'endsWith', 'matches']);
const CONVERSIONS: Readonly<Record<string, Kind>> = {
  int: 'number',
  uint: 'number',
  double: 'number',
  string: 'text',
  bool: 'boolean',
  bytes: 'bytes',
  timestamp: 'time',
  duration: 'duration',
};
const ORDERED = new Set<Kind>(['number', 'text', 'time', 'duration', 'boolean', 'bytes']);
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z)?$/;

/**
 * Finds parts of an expression that fail for every event because the kinds of their values do not fit, and an expression
 * that is no condition. Values of `data` can have any kind, so nothing is known about them.
 */
export function celTypeProblems(parsed: Parsed, kindOfResult: KindOfResult): CelProblem[] {
  const checker = new TypeChecker(parsed.sourceInfo?.positions ?? {}, kindOfResult);
  const kind = checker.kindOf(parsed.expr, new Map());
  if (checker.problems.length === 0 && kind !== 'boolean' && kind !== 'any') {
    const name = pathOf(parsed.expr)?.join('.');
    checker.problems.push({
      code: 'cel-type',
      message: `the condition is ${KIND_WORDS[kind]}, neither true nor false`,
      hint:
        name !== undefined && /^(?:lists|maps)\b/.test(name)
          ? `look for something in it: peer.number in ${name}`
          : kind === 'map'
            ? `name one value of it: ${exampleIn(name ?? 'peer')} == "…"`
            : kind === 'number'
              ? `compare it: ${name ?? 'duration_s + 1'} > 0`
              : name === undefined
                ? 'compare it with something'
                : `compare it: ${name} == "…"${kind === 'text' ? `, or for "has a value" ${name} != null` : ''}`,
      offset: 0,
    });
  }
  return checker.problems;
}

class TypeChecker {
  readonly problems: CelProblem[] = [];

  constructor(
    private readonly offsets: Readonly<Record<string, number>>,
    private readonly kindOfResult: KindOfResult,
  ) {}

  /** @param locals the kinds of the variables of the loops around. */
  kindOf(expression: Expression, locals: ReadonlyMap<string, Kind>): Kind {
    const path = pathOf(expression);
    const kind = expression?.exprKind;
    if (path !== null && !(kind?.case === 'selectExpr' && kind.value.testOnly)) {
      const isResult = path[0] === 'steps' && path.length > 1 && !locals.has('steps');
      return isResult ? this.kindOfResult(path) : kindOfPath(path, locals);
    }
    switch (kind?.case) {
      case 'constExpr':
        return kindOfConstant(expression);
      case 'selectExpr':
        this.kindOf(kind.value.operand, locals);
        return kind.value.testOnly ? 'boolean' : 'any';
      case 'listExpr':
        kind.value.elements.forEach((element) => this.kindOf(element, locals));
        return 'list';
      case 'structExpr':
        kind.value.entries.forEach(({ value }) => this.kindOf(value, locals));
        return 'map';
      case 'comprehensionExpr': {
        const { iterRange, iterVar, iterVar2, accuVar, accuInit, loopStep, result } = kind.value;
        const range = this.kindOf(iterRange, locals);
        if (range !== 'list' && range !== 'map' && range !== 'any') {
          this.#report(
            iterRange,
            `${this.#inWords({ kind: range, expression: iterRange })} has no items to go through`,
          );
        }
        const inner = new Map(locals)
          .set(iterVar, 'any')
          .set(iterVar2, 'any')
          .set(accuVar, this.kindOf(accuInit, locals));
        this.kindOf(loopStep, inner);
        return this.kindOf(result, inner);
      }
      case 'callExpr': {
        const { function: name, target, args } = kind.value;
        const on = target === undefined ? null : { kind: this.kindOf(target, locals), expression: target };
        const typed = args.map((argument) => ({ kind: this.kindOf(argument, locals), expression: argument }));
        return this.#call(name, on, typed, expression);
      }
      case 'identExpr':
      case undefined:
        return 'any';
    }
  }

  #call(name: string, target: Typed | null, args: readonly Typed[], call: Expression): Kind {
    const [left, right] = args;
    if (name in COMPARISONS && left !== undefined && right !== undefined) {
      this.#comparison(COMPARISONS[name] ?? '', left, right, call);
      return 'boolean';
    }
    if (name in ARITHMETIC && left !== undefined && right !== undefined) {
      return this.#arithmetic(ARITHMETIC[name] ?? '', left, right, call);
    }
    switch (name) {
      case '_==_':
      case '_!=_':
        this.#equality(left, right, call);
        return 'boolean';
      case '_&&_':
      case '_||_':
      case '!_':
        args.forEach((one) => this.#boolean(one));
        return 'boolean';
      case '_?_:_': {
        const [test, yes, no] = args;
        if (test !== undefined) {
          this.#boolean(test);
        }
        return yes !== undefined && yes.kind === no?.kind ? yes.kind : 'any';
      }
      case '@in':
        this.#membership(left, right);
        return 'boolean';
      case '-_':
        if (left !== undefined && left.kind !== 'number' && left.kind !== 'duration' && left.kind !== 'any') {
          this.#report(left.expression, `${this.#inWords(left)} cannot be negative`);
        }
        return left?.kind ?? 'any';
      case 'size':
        this.#size(target ?? left);
        return 'number';
      default:
        return this.#function(name, target, args);
    }
  }

  #function(name: string, target: Typed | null, args: readonly Typed[]): Kind {
    if (TEXT_METHODS.has(name)) {
      const [first, second] = args;
      if (target === null && first !== undefined && second !== undefined) {
        const hint = `write ${this.#source(first)}.${name}(${this.#source(second)})`;
        this.#report(first.expression, `${name}() is called on a text`, hint);
        return 'boolean';
      }
      for (const one of target === null ? args : [target, ...args]) {
        if (!isText(one.kind) && one.kind !== 'any') {
          const hint = one.kind === 'number' ? `write string(${this.#source(one)})` : undefined;
          this.#report(one.expression, `${this.#inWords(one)} cannot be used with ${name}()`, hint);
        }
      }
      return 'boolean';
    }
    if (/^get[A-Z]/.test(name)) {
      if (target !== null && target.kind !== 'time' && target.kind !== 'duration' && target.kind !== 'any') {
        const hint = isText(target.kind) ? `write timestamp(${this.#source(target)}).${name}(…)` : undefined;
        this.#report(target.expression, `${this.#inWords(target)} cannot be used with ${name}()`, hint);
      }
      return 'number';
    }
    return CONVERSIONS[name] ?? 'any';
  }

  #comparison(sign: string, left: Typed, right: Typed, call: Expression): void {
    const [one, other] = [asText(left.kind), asText(right.kind)];
    if (one === 'any' || other === 'any') {
      return;
    }
    if (one !== other || !ORDERED.has(one)) {
      this.#misfit(`cannot be compared with ${sign}`, left, right, call);
      return;
    }
    for (const [time, constant] of pairsOf(left, right)) {
      const value = time.kind === 'time_text' ? constantOf(constant.expression) : null;
      if (typeof value === 'string' && !ISO_TIME.test(value)) {
        this.#report(
          constant.expression,
          `${JSON.stringify(value)} cannot be compared with ${this.#source(time)}, which is a text in UTC`,
          `write it as "2026-03-02T09:00:00Z", or compare timestamp(${this.#source(time)})`,
        );
      }
    }
  }

  #equality(left: Typed | undefined, right: Typed | undefined, call: Expression): void {
    if (left === undefined || right === undefined) {
      return;
    }
    const [one, other] = [asText(left.kind), asText(right.kind)];
    const isKnown = [one, other].every((kind) => kind !== 'any' && kind !== 'null');
    // A field and a constant are compared in another place, which knows the values of the field.
    const isFieldWithConstant = pairsOf(left, right).some(
      ([field, constant]) =>
        fieldNamed(pathOf(field.expression)?.join('.') ?? '') !== undefined && constantOf(constant.expression) !== null,
    );
    if (isKnown && one !== other && !isFieldWithConstant) {
      this.#misfit('are never equal', left, right, call);
    }
  }

  #arithmetic(sign: string, left: Typed, right: Typed, call: Expression): Kind {
    const [one, other] = [asText(left.kind), asText(right.kind)];
    const unsigned = [left, right].find(({ expression }) => isUnsigned(expression));
    if (unsigned !== undefined) {
      const written = this.#source(unsigned);
      this.#report(unsigned.expression, `${written}u is an unsigned number, which fits no other`, `write ${written}`);
      return 'number';
    }
    if (one === 'number' && other === 'number') {
      if ((sign === '/' || sign === '%') && constantOf(right.expression) === 0) {
        this.#report(right.expression, 'a number is divided by zero');
      }
      return 'number';
    }
    if (one === 'any' || other === 'any') {
      const known = one === 'any' ? other : one;
      return known === 'number' && sign !== '+' ? 'number' : 'any';
    }
    if (sign === '+' && one === other && (one === 'text' || one === 'list' || one === 'bytes' || one === 'duration')) {
      return one;
    }
    if ((sign === '+' || sign === '-') && one === 'time' && other === 'duration') {
      return 'time';
    }
    if (sign === '+' && one === 'duration' && other === 'time') {
      return 'time';
    }
    if (sign === '-' && one === other && (one === 'time' || one === 'duration')) {
      return 'duration';
    }
    this.#misfit(`do not fit together with ${sign}`, left, right, call);
    return 'any';
  }

  #membership(left: Typed | undefined, right: Typed | undefined): void {
    if (left === undefined || right === undefined || ['list', 'map', 'any'].includes(right.kind)) {
      return;
    }
    const hint = isText(right.kind) ? `write ${this.#source(right)}.contains(${this.#source(left)})` : undefined;
    this.#report(right.expression, `${this.#inWords(right)} is not a list, so nothing is in it`, hint);
  }

  #size(value: Typed | undefined): void {
    if (value !== undefined && !isText(value.kind) && !['list', 'map', 'bytes', 'any'].includes(value.kind)) {
      this.#report(value.expression, `${this.#inWords(value)} has no size`);
    }
  }

  #boolean(value: Typed): void {
    if (value.kind !== 'boolean' && value.kind !== 'any') {
      const source = this.#source(value);
      const hint = value.kind === 'number' ? `compare it: ${source} > 0` : `compare it: ${source} == …`;
      this.#report(value.expression, `${this.#inWords(value)} is neither true nor false`, hint);
    }
  }

  #misfit(what: string, left: Typed, right: Typed, call: Expression): void {
    this.#report(call, `${this.#inWords(left)} and ${this.#inWords(right)} ${what}`, this.#cure(left, right));
  }

  #cure(left: Typed, right: Typed): string | undefined {
    for (const [one, other] of pairsOf(left, right)) {
      const value = constantOf(other.expression);
      if (one.kind === 'number' && typeof value === 'string') {
        const ms = parseDuration(value);
        const number = /^-?\d+(?:\.\d+)?$/.test(value) ? value : ms === null ? null : String(ms / 1_000);
        if (number !== null) {
          return `did you mean ${number}, without quotes?`;
        }
      }
      if (isText(one.kind) && typeof value === 'number') {
        return `did you mean "${value}", in quotes?`;
      }
      if (isText(one.kind) && (other.kind === 'time' || other.kind === 'duration')) {
        return `write timestamp(${this.#source(one)})`;
      }
      if (one.kind === 'number' && other.kind === 'duration') {
        return 'compare it with a number of seconds';
      }
      if (other.kind === 'list' || other.kind === 'map') {
        const group = pathOf(other.expression);
        const isNamed = group !== null && isNamedRoot(group[0] ?? '');
        return group === null
          ? undefined
          : other.kind === 'list' || isNamed
            ? `write ${this.#source(one)} in ${group.join('.')}`
            : `name one value of it: ${exampleIn(group.join('.'))}`;
      }
      if (one.kind === 'boolean' && typeof value === 'string') {
        return `write ${this.#source(one)} alone, or !${this.#source(one)}`;
      }
      if (isText(one.kind) && other.kind === 'number') {
        return `write string(${this.#source(other)})`;
      }
    }
    return undefined;
  }

  #inWords(value: Typed): string {
    const source = this.#source(value);
    return source === '…' ? KIND_WORDS[value.kind] : `${source} (${KIND_WORDS[value.kind]})`;
  }

  /** A field or a constant as it is written; `…` for other expressions. */
  #source({ expression }: Typed): string {
    const constant = constantOf(expression);
    return constant === null ? (pathOf(expression)?.join('.') ?? '…') : JSON.stringify(constant);
  }

  #report(expression: Expression, message: string, hint?: string): void {
    this.problems.push({
      code: 'cel-type',
      message,
      ...(hint === undefined ? {} : { hint }),
      offset: this.offsets[String(expression?.id)] ?? 0,
    });
  }
}

function pairsOf(left: Typed, right: Typed): (readonly [Typed, Typed])[] {
  return [
    [left, right],
    [right, left],
  ];
}

function isUnsigned(expression: Expression): boolean {
  return expression?.exprKind.case === 'constExpr' && expression.exprKind.value.constantKind.case === 'uint64Value';
}

/** A value of a group, for a hint. */
function exampleIn(group: string): string {
  if (group === 'data') {
    return 'data.metadata.campaign';
  }
  return FIELD_GROUPS.has(group) ? exampleOf(group) : `${group}.<field>`;
}
