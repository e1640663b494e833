import type { parse } from '@bufbuild/cel';
import type { FindingCode } from '../../errors/finding-codes';

/** A part of a parsed expression. */
export type Expression = ReturnType<typeof parse>['expr'] | undefined;

/** Why an expression cannot be used; `offset` from 0 is the place in it. */
export interface CelProblem {
  code: FindingCode;
  message: string;
  hint?: string;
  offset: number;
}

/** `a.b['c']` as a path; null for anything else. */
export function pathOf(expression: Expression): string[] | null {
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

/** The value of a constant; null for null and for anything else. */
export function constantOf(expression: Expression): string | number | boolean | null {
  const constant = expression?.exprKind.case === 'constExpr' ? expression.exprKind.value.constantKind : undefined;
  if (constant?.case === 'stringValue' || constant?.case === 'doubleValue' || constant?.case === 'boolValue') {
    return constant.value;
  }
  return constant?.case === 'int64Value' || constant?.case === 'uint64Value' ? Number(constant.value) : null;
}

/** Whether an expression is `null`. */
export function isNull(expression: Expression): boolean {
  return expression?.exprKind.case === 'constExpr' && expression.exprKind.value.constantKind.case === 'nullValue';
}

/** The parts of an expression; undefined where an optional one is missing. */
export function partsOf(expression: NonNullable<Expression>): Expression[] {
  const kind = expression.exprKind;
  switch (kind.case) {
    case 'selectExpr':
      return [kind.value.operand];
    case 'callExpr':
      return [kind.value.target, ...kind.value.args];
    case 'listExpr':
      return kind.value.elements;
    case 'structExpr':
      return kind.value.entries.flatMap(({ keyKind, value }) =>
        keyKind.case === 'mapKey' ? [keyKind.value, value] : [value],
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
      return [iterRange, accuInit, loopCondition, loopStep, result];
    }
    case 'constExpr':
    case 'identExpr':
    case undefined:
      return [];
  }
}
