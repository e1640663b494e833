import { parse } from '@bufbuild/cel';
import type { Position } from '../../yaml/finding';
import { constantOf, isNull, pathOf, type Expression } from '../language/cel-tree';
import { fieldNamed } from '../language/fields';
import type { NamedValues } from '../language/named-values';
import { comparableNumber, type Test } from '../language/operators';
import type { Condition } from '../rule';

/** The operators between a field and a constant, as tests of `when`; with the sides exchanged where they matter. */
const TESTS: Readonly<Record<string, readonly ['gt' | 'gte' | 'lt' | 'lte', 'gt' | 'gte' | 'lt' | 'lte']>> = {
  '_>_': ['gt', 'lt'],
  '_>=_': ['gte', 'lte'],
  '_<_': ['lt', 'gt'],
  '_<=_': ['lte', 'gte'],
};

/** A CEL expression that is valid, with what it is evaluated with. */
export interface ValidCel {
  expression: string;
  at: Position;
  /** What it uses of lists, maps and windows. */
  names?: NamedValues | undefined;
  country: string | null;
}

/**
 * Conditions that are met whenever a valid CEL expression is: its comparisons of fields with constants, lists and the
 * keys of maps, combined by `&&` and `||`. What cannot be said as a condition is left out.
 */
export function conditionsOf(valid: ValidCel): Condition[] {
  return required(parse(valid.expression).expr, valid);
}

function required(expression: Expression, valid: ValidCel): Condition[] {
  const { at } = valid;
  const call = expression?.exprKind.case === 'callExpr' ? expression.exprKind.value : null;
  if (call?.function === '_&&_') {
    return call.args.flatMap((argument) => required(argument, valid));
  }
  if (call?.function === '_||_') {
    const of = call.args.map((argument) => required(argument, valid));
    return of.some((conditions) => conditions.length === 0)
      ? []
      : [{ kind: 'any', of: of.map((conditions) => ({ kind: 'all', of: conditions, at })), at }];
  }
  const found = membership(expression, valid) ?? comparison(expression);
  return found === null ? [] : [{ kind: 'field', ...found, at }];
}

type FieldTest = Pick<Extract<Condition, { kind: 'field' }>, 'field' | 'test'>;

/** `peer.number in lists.vip`, `ours.number in maps.managers`: as `in` of `when`. */
function membership(expression: Expression, { names, country }: ValidCel): FieldTest | null {
  const call = expression?.exprKind.case === 'callExpr' ? expression.exprKind.value : null;
  const [value, group] = call?.function === '@in' ? call.args : [];
  const field = fieldNamed(pathOf(value)?.join('.') ?? '');
  const [root, name = '', ...rest] = pathOf(group) ?? [];
  const items =
    root === 'lists' ? names?.lists?.[name] : root === 'maps' ? Object.keys(names?.maps?.[name] ?? {}) : undefined;
  if (
    field === undefined ||
    field.kind === 'time' ||
    field.name === 'status' ||
    rest.length > 0 ||
    items === undefined
  ) {
    return null;
  }
  const values = items.map((item) =>
    typeof item === 'string' && field.kind === 'phone' ? comparableNumber(item, country) : item,
  );
  return { field, test: oneOf(...values) };
}

function comparison(expression: Expression): FieldTest | null {
  const call = expression?.exprKind.case === 'callExpr' ? expression.exprKind.value : null;
  const [left, right] = call?.args ?? [];
  const isNot = call?.function === '!_';
  const path = pathOf(call === null ? expression : left) ?? pathOf(right);
  const field = path === null ? undefined : fieldNamed(path.join('.'));
  // Phone numbers, times and the two words for an end are compared as they are written, unlike in `when`.
  if (field === undefined || field.kind === 'phone' || field.kind === 'time' || field.name === 'status') {
    return null;
  }
  const test =
    call === null || isNot ? (field.kind === 'boolean' ? oneOf(!isNot) : null) : testOf(call.function, left, right);
  return test === null ? null : { field, test };
}

function oneOf(...values: (string | number | boolean)[]): Test {
  return { operator: 'one_of', values, list: null };
}

function testOf(name: string, left: Expression, right: Expression): Test | null {
  const isExchanged = pathOf(left) === null;
  const [fieldSide, other] = isExchanged ? [right, left] : [left, right];
  if (pathOf(fieldSide) === null) {
    return null;
  }
  const value = constantOf(other);
  const operators = TESTS[name];
  if (operators !== undefined) {
    return typeof value === 'number' ? { operator: operators[isExchanged ? 1 : 0], limit: value } : null;
  }
  const isEqual = name === '_==_';
  if (!isEqual && name !== '_!=_') {
    return null;
  }
  if (isNull(other)) {
    return { operator: 'exists', wanted: !isEqual };
  }
  if (value === null) {
    return null;
  }
  // An absent field is null, which is not equal to the value.
  const others: Test = { operator: 'not', test: oneOf(value) };
  return isEqual ? oneOf(value) : { operator: 'any', tests: [{ operator: 'exists', wanted: false }, others] };
}
