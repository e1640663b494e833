import type { Sink } from '../../connectors/connector';
import type { JsonObject, JsonValue } from '../../events/json';
import { guardLeftOut, LeftOutError } from '../../events/left-out';
import { isSpent, TEMPLATE_STEPS, withBudget } from './budget';
import { engineFor, isTemplate, parseCached, type Engine } from './liquid';
import { MeteredContext } from './liquid-budget';
import { variablesOf, type StepScope } from './scope';

/** What rendering needs: the variables and how to format and escape them. */
export interface RenderContext extends StepScope {
  /** IANA time zone of the `date` filter. */
  timezone: string;
  /** Country of phone numbers without a country code; null when the rule file names none. */
  country: string | null;
  /** Where the text of a top-level input goes, which decides how inserted values are escaped. */
  sinkOf(inputName: string): Sink;
  /** For the message of a {@link TemplateError}. */
  rule?: string;
  step?: string;
}

/**
 * A template or condition cannot be evaluated. The message names rule, step and input, and contains no data of the
 * event.
 */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';

  /** @param code `over_budget` when the evaluation takes too many steps. */
  constructor(
    message: string,
    readonly code: 'template' | 'over_budget' = 'template',
  ) {
    super(message);
  }
}

const MAX_RENDERED_CHARS = 1_000_000;

/**
 * Renders every text of a step's input as a template. Keys and other values stay unchanged. Inserted values are escaped
 * for the place where the text goes; the template's own text is not. Absent values insert nothing. The templates of one
 * input share {@link TEMPLATE_STEPS} steps, which bound time and memory.
 * @throws TemplateError without personal data; LeftOutError when a template reads a part of the event that was left out.
 */
export function renderInput(input: JsonObject, context: RenderContext): JsonObject {
  const variables = guardLeftOut(variablesOf(context), context.event.left_out);
  const render = (name: string, value: JsonValue): JsonValue =>
    renderValue(value, name, engineFor(context.timezone, context.country, context.sinkOf(name)), variables, context);
  return withBudget(TEMPLATE_STEPS, () =>
    Object.fromEntries(Object.entries(input).map(([name, value]) => [name, render(name, value)])),
  );
}

function renderValue(
  value: JsonValue,
  path: string,
  engine: Engine,
  variables: JsonObject,
  context: RenderContext,
): JsonValue {
  if (typeof value === 'string') {
    return isTemplate(value) ? renderText(value, path, engine, variables, context) : value;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => renderValue(item, `${path}[${index}]`, engine, variables, context));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        renderValue(item, `${path}.${key}`, engine, variables, context),
      ]),
    );
  }
  return value;
}

function renderText(text: string, path: string, engine: Engine, variables: JsonObject, context: RenderContext): string {
  const where = [
    context.rule === undefined ? null : `rule "${context.rule}"`,
    context.step === undefined ? null : `step "${context.step}"`,
    `input "${path}"`,
  ]
    .filter((part) => part !== null)
    .join(', ');
  let rendered: unknown;
  try {
    rendered = engine.liquid.renderSync(parseCached(engine, text), new MeteredContext(variables, engine.liquid));
  } catch (error) {
    throwLeftOut(error);
    // No cause: liquidjs' message quotes the template and may quote values.
    throw isSpent()
      ? new TemplateError(`${where} cannot be rendered: it takes too much time or memory`, 'over_budget')
      : new TemplateError(`${where} cannot be rendered: ${reasonOf(error)}`);
  }
  if (typeof rendered !== 'string' || rendered.length > MAX_RENDERED_CHARS) {
    throw new TemplateError(
      `${where} cannot be rendered: the text would have more than ${MAX_RENDERED_CHARS} characters`,
    );
  }
  return rendered;
}

/** Throws the LeftOutError that liquidjs wrapped, if any. */
function throwLeftOut(error: unknown): void {
  if (error instanceof LeftOutError) {
    throw error;
  }
  if (error instanceof Error && 'originalError' in error) {
    throwLeftOut(error.originalError);
  }
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : '';
  const position = /line:(\d+), col:(\d+)/.exec(message);
  const where = position === null ? '' : ` at line ${position[1] ?? ''}, column ${position[2] ?? ''}`;
  if (name === 'UndefinedVariableError') {
    return `a variable is absent${where} and has no default`;
  }
  return name === 'ParseError' || name === 'TokenizationError'
    ? `it is not a valid template${where}`
    : `a filter or tag fails${where}`;
}
