import type { JsonValue } from '../../events/json';
import { insideTemplates } from './template-parts';

/** Whether a path in a template or condition reads a field: the field itself, a group that contains it, or a part of it. */
export function refersTo(path: string, field: string): boolean {
  return path === field || field.startsWith(`${path}.`) || path.startsWith(`${field}.`);
}

/**
 * The paths that the templates in an input may read: every dotted name between `{{ }}` and `{% %}`. May name too much (a
 * word in a quoted text), never too little.
 */
export function pathsIn(input: JsonValue): string[] {
  if (typeof input === 'string') {
    return insideTemplates(input).flatMap(pathsInExpression);
  }
  if (typeof input === 'object' && input !== null) {
    return Object.values(input).flatMap(pathsIn);
  }
  return [];
}

/** Whether the texts of a step, or its condition, may use results of the steps before it. */
export function readsResults(step: { input: JsonValue; if?: string }): boolean {
  return [...pathsIn(step.input), ...pathsInExpression(step.if ?? '')].some((path) => refersTo(path, 'steps'));
}

/** The ids of the steps whose results an expression may use; an empty one where it uses all of them. */
export function resultsIn(expression: string): string[] {
  const ids = pathsInExpression(expression).flatMap((path) => {
    const [root, id = ''] = path.split('.');
    return root === 'steps' ? [id] : [];
  });
  return [...new Set(ids)];
}

/** The ids of the steps whose results the texts of an input may use. */
export function resultsInInput(input: JsonValue): string[] {
  return [...new Set(pathsIn(input).flatMap(resultsIn))].filter((id) => id !== '');
}

/** The dotted names in an expression. */
export function pathsInExpression(expression: string): string[] {
  return expression.match(/[A-Za-z_]\w*(?:\.\w+)*/g) ?? [];
}
