import type { Sink } from '../../connectors/connector';
import type { JsonObject, JsonValue } from '../../events/json';
import { guardLeftOut, LeftOutError } from '../../events/left-out';
import { digitsOf, withoutExactNumbers } from '../../events/exact-number';
import { isSpent, TEMPLATE_STEPS, withBudget } from './budget';
import { ESCAPES, htmlLines, plainValue, wellFormed } from './escapes';
import { FixedMoment, type Moment } from './fixed-filters';
import { engineFor, loneOutput, isTemplate, parseCached, type Engine } from './liquid';
import { LiquidNumber } from './liquid-numbers';
import { MeteredContext } from './liquid-budget';
import { markReferences, withoutMarks } from './secret-references';
import { withMoment, type MomentScope } from './moments';
import { variablesOf, type StepScope } from './scope';

/** What rendering needs: the variables and how to format and escape them. */
export interface RenderContext extends StepScope, Moment {
  /** IANA time zone of the `date` filter. */
  timezone: string;
  /** Country of phone numbers without a country code; null when the rule file names none. */
  country: string | null;
  /** Where the text of a top-level input goes, which decides how inserted values are escaped. */
  sinkOf(inputName: string): Sink;
  /** Whether the input may hold a value of this type at a path. Absent: only texts. */
  accepts?(path: readonly string[], value: JsonValue): boolean;
  /** Whether the text of a top-level input names a moment: see {@link withMoment}. */
  isMoment?(inputName: string): boolean;
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

/** The longest rendered text. */
export const MAX_RENDERED_CHARS = 1_000_000;

/**
 * Renders every text of a step's input as a template. The same input and context give the same result at any time and
 * on any machine. Keys and other values stay unchanged. Inserted values are escaped
 * for the place where the text goes; the template's own text is not. Absent values insert nothing. The templates of one
 * input share {@link TEMPLATE_STEPS} steps, which bound time and memory.
 *
 * A text that is one `{{ … }}` keeps the type of its value where the input is sent as JSON (an absent value is null),
 * and a list or map wherever the input may hold one. Texts in that value are escaped too. Without filters, the variable
 * may be absent there.
 *
 * An HTML text without tags is plain text to its author: its line breaks become `<br>`, like those of inserted values
 * everywhere in HTML.
 *
 * References to secrets in the rule's own text are marked, for `fillReferences`; inserted values contain none.
 *
 * @throws TemplateError without personal data; LeftOutError when a template reads a part of the event that was left out.
 */
export function renderInput(input: JsonObject, context: RenderContext): JsonObject {
  const variables = guardLeftOut(variablesOf(context), context.event.left_out);
  const moment = new FixedMoment(context);
  return withBudget(TEMPLATE_STEPS, () =>
    Object.fromEntries(
      Object.entries(input).map(([name, value]) => {
        const sink = context.sinkOf(name);
        const engine = engineFor(context.timezone, context.country, sink);
        const rendered = renderValue(value, [name], { engine, sink, variables, moment, context });
        return [
          name,
          typeof rendered === 'string' && context.isMoment?.(name) === true
            ? withMoment(rendered, momentScopeOf(context))
            : rendered,
        ];
      }),
    ),
  );
}

/**
 * A window is looked for after the event, however late the step begins: the same moment as `windows.<name>.opens_at` in a
 * text, and as a duration, which counts from the event too.
 */
export function momentScopeOf(context: Pick<RenderContext, 'event' | 'names' | 'timezone'>): MomentScope {
  return {
    windows: context.names?.windows ?? {},
    timezone: context.timezone,
    after: Date.parse(context.event.occurred_at),
  };
}

/** What all texts of one top-level input have in common. */
interface Rendering {
  engine: Engine;
  sink: Sink;
  variables: JsonObject;
  moment: FixedMoment;
  context: RenderContext;
}

function renderValue(value: JsonValue, path: readonly string[], rendering: Rendering): JsonValue {
  if (typeof value === 'string') {
    const text = markReferences(value);
    return isTemplate(text) ? renderTemplate(text, path, rendering) : renderLiteral(text, rendering.sink);
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => renderValue(item, [...path, String(index)], rendering));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, renderValue(item, [...path, key], rendering)]),
    );
  }
  return value;
}

function renderTemplate(text: string, path: readonly string[], rendering: Rendering): JsonValue {
  const { engine, sink, context } = rendering;
  const lone = loneOutputOf(text, engine);
  const rendered = renderText(text, path, rendering, sink === 'json' && lone?.bare === true);
  if (lone !== null) {
    const value = asJson(engine.inserted);
    const isGroup = typeof value === 'object' && value !== null && digitsOf(value) === null;
    const keepsType = isGroup || sink === 'json';
    if (keepsType && typeof value !== 'string' && context.accepts?.(path, value) === true) {
      return escapedTexts(sink === 'json' ? value : withoutExactNumbers(value), (inserted) =>
        ESCAPES[sink](withoutMarks(wellFormed(inserted))),
      );
    }
  }
  return isPlainText(text, sink) ? htmlLines(rendered.trim().replaceAll(HTML_BREAK, '\n')) : rendered;
}

/** Null for a text that cannot be parsed, too: rendering it says why. */
function loneOutputOf(text: string, engine: Engine): ReturnType<typeof loneOutput> {
  try {
    return loneOutput(parseCached(engine, text));
  } catch {
    return null;
  }
}

function renderLiteral(text: string, sink: Sink): string {
  return isPlainText(text, sink) ? htmlLines(text.trim()) : text;
}

/** Whether an HTML text has no tags of its author. */
function isPlainText(text: string, sink: Sink): boolean {
  return sink === 'html' && !HTML_TAG.test(text);
}

const HTML_TAG = /<[a-z/!]/i;
const HTML_BREAK = '<br>\n';

/** A value of Liquid as JSON; null for what JSON does not have. */
function asJson(inserted: unknown): JsonValue {
  if (inserted instanceof LiquidNumber) {
    return inserted.toJSON();
  }
  const value = plainValue(inserted);
  if (Array.isArray(value)) {
    return value.map(asJson);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item)]));
  }
  const isFinite = typeof value !== 'number' || Number.isFinite(value);
  return isFinite && (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    ? value
    : null;
}

function escapedTexts(value: JsonValue, escape: (text: string) => string): JsonValue {
  if (typeof value === 'string') {
    return escape(value);
  }
  if (Array.isArray(value)) {
    return value.map((item) => escapedTexts(item, escape));
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escapedTexts(item, escape)]))
    : value;
}

/** @param mayBeAbsent whether a variable that does not exist is null instead of an error. */
function renderText(
  text: string,
  path: readonly string[],
  { engine, variables, moment, context }: Omit<Rendering, 'sink'>,
  mayBeAbsent: boolean,
): string {
  const where = [
    context.rule === undefined ? null : `rule "${context.rule}"`,
    context.step === undefined ? null : `step "${context.step}"`,
    `input "${placeOf(path)}"`,
  ]
    .filter((part) => part !== null)
    .join(', ');
  let rendered: unknown;
  try {
    rendered = engine.liquid.renderSync(
      parseCached(engine, text),
      new MeteredContext(variables, engine.liquid, moment, !mayBeAbsent),
    );
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

/** `blocks[0].text` */
function placeOf([name = '', ...rest]: readonly string[]): string {
  return rest.reduce((place, part) => (/^\d+$/.test(part) ? `${place}[${part}]` : `${place}.${part}`), name);
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
