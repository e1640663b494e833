import { Output, TypeGuards, Value as LiquidValue, type Template, type Token } from 'liquidjs';

/** A variable that a text is compared with. */
export interface TemplateComparison {
  variable: Token;
  text: string;
  /** Whether the variable is searched for the text: `contains`. */
  isPart: boolean;
  /** The token of the text, for its place. */
  token: Token;
}

/** The comparisons of variables with texts in quotes in one tag or output: of `if`, `unless`, `case` and `when`. */
export function comparisonsIn(template: Template): TemplateComparison[] {
  if (template instanceof Output) {
    return comparisonsOf(template.value);
  }
  const found: TemplateComparison[] = [];
  for (const argument of template.arguments?.() ?? []) {
    found.push(...(argument instanceof LiquidValue ? comparisonsOf(argument) : []));
  }
  return [...found, ...comparisonsOfCase(template)];
}

function comparisonsOf({ initial }: LiquidValue): TemplateComparison[] {
  const found: TemplateComparison[] = [];
  const operands: (Token | null)[] = [];
  for (const token of initial.postfix) {
    if (!TypeGuards.isOperatorToken(token)) {
      operands.push(token);
      continue;
    }
    const right = operands.pop() ?? null;
    const left = token.operator === 'not' ? null : (operands.pop() ?? null);
    if (token.operator === '==' || token.operator === '!=') {
      found.push(...compared(left, right, false), ...compared(right, left, false));
    } else if (token.operator === 'contains') {
      found.push(...compared(left, right, true));
    }
    operands.push(null);
  }
  return found;
}

function compared(variable: Token | null, other: Token | null, isPart: boolean): TemplateComparison[] {
  return variable !== null &&
    other !== null &&
    TypeGuards.isPropertyAccessToken(variable) &&
    TypeGuards.isQuotedToken(other)
    ? [{ variable, text: other.content, isPart, token: other }]
    : [];
}

function comparisonsOfCase(template: Template): TemplateComparison[] {
  if (!('name' in template && template.name === 'case' && 'value' in template && 'branches' in template)) {
    return [];
  }
  const { value, branches } = template;
  if (!(value instanceof LiquidValue) || value.filters.length > 0 || !Array.isArray(branches)) {
    return [];
  }
  const [variable, ...others] = value.initial.postfix;
  return others.length > 0
    ? []
    : branches.flatMap(({ values }: { values: Token[] }) =>
        values.flatMap((one) => compared(variable ?? null, one, false)),
      );
}
