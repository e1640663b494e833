import { ITERATE } from './cel-functions';
import { partsOf, type Expression } from './cel-tree';

type Present = NonNullable<Expression>;

/** What a loop does for an item besides evaluating its expression. */
const ITERATION_STEPS = 15;

/** Makes every loop of a parsed expression charge the budget for each iteration, by the size of what it evaluates. */
export function meterLoops(expression: Expression): void {
  if (expression === undefined) {
    return;
  }
  partsOf(expression).forEach(meterLoops);
  if (expression.exprKind.case === 'comprehensionExpr') {
    const loop = expression.exprKind.value;
    const steps = sizeOf(loop.loopCondition) + sizeOf(loop.loopStep) + ITERATION_STEPS;
    if (loop.loopCondition !== undefined) {
      loop.loopCondition = iterate(loop.loopCondition, steps);
    }
  }
}

function iterate(condition: Present, steps: number): Present {
  return {
    $typeName: 'cel.expr.Expr',
    id: condition.id,
    exprKind: {
      case: 'callExpr',
      value: {
        $typeName: 'cel.expr.Expr.Call',
        function: ITERATE,
        args: [
          condition,
          {
            $typeName: 'cel.expr.Expr',
            id: condition.id,
            exprKind: {
              case: 'constExpr',
              value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'int64Value', value: BigInt(steps) } },
            },
          },
        ],
      },
    },
  };
}

/** The number of parts of an expression, with itself. */
function sizeOf(expression: Expression): number {
  return expression === undefined ? 0 : partsOf(expression).reduce((sum, part) => sum + sizeOf(part), 1);
}
