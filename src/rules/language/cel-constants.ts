import { isCelError, plan, type parse } from '@bufbuild/cel';
import { CONDITION_STEPS, withBudget } from './budget';
import { celEnvironment } from './cel';
import { partsOf, type CelProblem, type Expression } from './cel-tree';

/** What the parts of an expression that no event changes are. */
export interface Constants {
  /** Parts that fail, such as `duration("10 minutes")`. */
  problems: CelProblem[];
  /** The result of the whole expression, when it is the same for every event; null when it is not. */
  always: boolean | null;
}

/** How the texts of conversions are written. */
const EXAMPLES: Readonly<Record<string, string>> = {
  duration: 'duration("90s") or duration("1h30m")',
  timestamp: 'timestamp("2026-03-02T09:00:00Z")',
};

/** Evaluates the parts of an expression that depend on no event. */
export function evaluateConstants(parsed: ReturnType<typeof parse>): Constants {
  const found: Constants = { problems: [], always: null };
  const offsets: Readonly<Record<string, number>> = parsed.sourceInfo?.positions ?? {};
  const visit = (expression: Expression): void => {
    const before = found.problems.length;
    (expression === undefined ? [] : partsOf(expression)).forEach(visit);
    if (expression?.exprKind.case !== 'callExpr' || found.problems.length > before || !isConstant(expression)) {
      return;
    }
    const result = withBudget(CONDITION_STEPS, () => plan(celEnvironment, expression)({}));
    if (isCelError(result) && result.message.startsWith('unbound function')) {
      // A problem of its own, wherever the function is used.
      return;
    }
    if (isCelError(result)) {
      const example = EXAMPLES[expression.exprKind.value.function];
      found.problems.push({
        code: 'cel',
        message: 'this part has no result',
        ...(example === undefined ? { hint: result.message } : { hint: `write it as ${example}` }),
        offset: offsets[String(expression.id)] ?? 0,
      });
    } else if (expression === parsed.expr && typeof result === 'boolean') {
      found.always = result;
    }
  };
  visit(parsed.expr);
  const constant = parsed.expr?.exprKind.case === 'constExpr' ? parsed.expr.exprKind.value.constantKind : undefined;
  return constant?.case === 'boolValue' ? { ...found, always: constant.value } : found;
}

function isConstant(expression: NonNullable<Expression>): boolean {
  const kind = expression.exprKind.case;
  return kind === 'callExpr' || kind === 'listExpr'
    ? partsOf(expression).every((part) => part === undefined || isConstant(part))
    : kind === 'constExpr';
}
