import { Liquid, TokenizationError, ParseError, type Template } from 'liquidjs';
import type { Sink } from '../../connectors/connector';
import type { JsonObject, JsonValue } from '../../events/json';
import { readPhone } from '../../events/phone';
import { compileCel } from './cel';
import { variablesOf, type StepScope } from './scope';

/** What a template needs besides its variables. */
export interface RenderContext extends StepScope {
  /** IANA zone for the `date` filter. */
  timezone: string;
  /** Country for reading phone numbers without a country code; null when the rule names none. */
  country: string | null;
  /** Where each top-level input's text ends up: decides how inserted values are escaped. */
  sinkOf(inputName: string): Sink;
  /** Only for the message of a {@link TemplateError}. */
  rule?: string;
  step?: string;
}

/**
 * A template or condition that could not be evaluated. The message names rule, step and input, and holds nothing of the
 * event.
 */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** The longest text with a template in it, in characters. */
export const MAX_TEMPLATE_CHARS = 20_000;
const MAX_RENDERED_CHARS = 1_000_000;
const RENDER_LIMIT_MS = 500;
/** liquidjs counts made objects and characters, roughly. */
const MEMORY_LIMIT = 5_000_000;

/** Tags that read files, keep state between renders or escape twice are not there. */
const DROPPED_TAGS = [
  'include',
  'render',
  'layout',
  'block',
  'tablerow',
  'cycle',
  'increment',
  'decrement',
  'capture',
  'liquid',
];
/** `raw` would switch off the escaping; `json` and `inspect` would put whole payloads into texts. */
const DROPPED_FILTERS = ['raw', 'inspect'];

/** The bridge's own filters, and Liquid's that behave differently here; for the docs. */
export const FILTER_DOCS: Readonly<Record<string, { description: string; example: string; result: string }>> = {
  default: {
    description: 'Stands in for a value that is absent or empty.',
    example: "{{ peer.name | default: 'unknown' }}",
    result: 'unknown',
  },
  phone: {
    description: "A phone number as people write it: international, or `phone: 'national'`.",
    example: '{{ peer.number | phone }}',
    result: '+82 10 1234 5678',
  },
  e164: {
    description: 'A phone number in the form that machines use.',
    example: '{{ peer.number | e164 }}',
    result: '+821012345678',
  },
  mask: {
    description: 'All but the last four characters hidden.',
    example: '{{ peer.number | mask }}',
    result: '*********5678',
  },
  duration: { description: 'Seconds in words.', example: '{{ talk_s | duration }}', result: '2 min 05 s' },
  date: {
    description: "A time in the rule's zone, `%Y-%m-%d %H:%M` unless a format is given.",
    example: "{{ occurred_at | date: '%H:%M' }}",
    result: '10:00',
  },
};

function asText(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (typeof value === 'object') {
    return JSON.stringify(value);
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** How an inserted value is made harmless where the text goes. */
const ESCAPES: Readonly<Record<Sink, (text: string) => string>> = {
  plain: (text) => text,
  html: (text) => text.replace(/[&<>"']/g, (character) => HTML[character] ?? ''),
  slack: (text) => text.replace(/[&<>]/g, (character) => HTML[character] ?? ''),
  // Control characters as a whole: a header is one line, whatever ends a line there.
  header: (text) => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim(),
  url: (text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '\ufffd')),
  json: (text) => JSON.stringify(text).slice(1, -1),
};

function phoneText(value: unknown, country: string | null, form: unknown): unknown {
  const read = typeof value === 'string' ? readPhone(value, country) : null;
  if (read === null) {
    return value;
  }
  return form === 'national' ? read.formatNational() : read.formatInternational();
}

/** All but the last four characters as stars; all of a short text. */
function masked(value: unknown): unknown {
  if (typeof value !== 'string') {
    return value;
  }
  const shown = value.length >= 8 ? 4 : 0;
  return '*'.repeat(value.length - shown) + value.slice(value.length - shown);
}

/** `1 h 02 min`, `2 min 05 s`, `45 s`. */
function durationText(value: unknown): unknown {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) {
    return value;
  }
  const seconds = Math.round(number);
  const two = (part: number): string => String(part).padStart(2, '0');
  if (seconds >= 3_600) {
    return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
  }
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s` : `${seconds} s`;
}

/** A Liquid engine for one zone, country and sink, with the templates that it has parsed. */
interface Engine {
  liquid: Liquid;
  parsed: Map<string, Template[]>;
}

const CACHED_ENGINES = 64;
const CACHED_TEMPLATES = 500;
const engines = new Map<string, Engine>();

function makeLiquid(timezone: string, country: string | null, sink: Sink): Liquid {
  const escape = ESCAPES[sink];
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    // Nothing is ever read from disk, whatever a template asks for (reference peers.md D3).
    templates: {},
    dynamicPartials: false,
    parseLimit: MAX_TEMPLATE_CHARS,
    renderLimit: RENDER_LIMIT_MS,
    memoryLimit: MEMORY_LIMIT,
    timezoneOffset: timezone,
    dateFormat: '%Y-%m-%d %H:%M',
    locale: 'en-US',
    outputEscape: (value: unknown) => escape(asText(value)),
  });
  for (const tag of DROPPED_TAGS) {
    delete liquid.tags[tag];
  }
  for (const filter of DROPPED_FILTERS) {
    delete liquid.filters[filter];
  }
  liquid.registerFilter('phone', (value: unknown, form: unknown) => phoneText(value, country, form));
  liquid.registerFilter('e164', (value: unknown) =>
    typeof value === 'string' ? (readPhone(value, country)?.number ?? value) : value,
  );
  liquid.registerFilter('mask', masked);
  liquid.registerFilter('duration', durationText);
  return liquid;
}

function engineFor(timezone: string, country: string | null, sink: Sink): Engine {
  const key = `${timezone} ${country ?? ''} ${sink}`;
  let engine = engines.get(key);
  if (engine === undefined) {
    if (engines.size >= CACHED_ENGINES) {
      engines.clear();
    }
    engine = { liquid: makeLiquid(timezone, country, sink), parsed: new Map() };
    engines.set(key, engine);
  }
  return engine;
}

function parse(engine: Engine, text: string): Template[] {
  let template = engine.parsed.get(text);
  if (template === undefined) {
    if (engine.parsed.size >= CACHED_TEMPLATES) {
      engine.parsed.clear();
    }
    template = engine.liquid.parse(text);
    engine.parsed.set(text, template);
  }
  return template;
}

/** Whether a text has anything to render. */
export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

/** The names of the filters and tags that templates may use. */
export function templateWords(): { filters: string[]; tags: string[] } {
  const { liquid } = engineFor('UTC', null, 'plain');
  return { filters: Object.keys(liquid.filters).sort(), tags: Object.keys(liquid.tags).sort() };
}

/** A template that cannot be parsed: why, and where in its text (row and column from 1). */
export interface TemplateFault {
  message: string;
  row: number;
  column: number;
}

/** Parses a template without rendering it. */
export function parseTemplate(text: string): { ok: true; templates: Template[] } | { ok: false; fault: TemplateFault } {
  if (text.length > MAX_TEMPLATE_CHARS) {
    return {
      ok: false,
      fault: {
        message: `the text has ${text.length} characters, more than the ${MAX_TEMPLATE_CHARS} of a template`,
        row: 1,
        column: 1,
      },
    };
  }
  try {
    return { ok: true, templates: engineFor('UTC', null, 'plain').liquid.parse(text) };
  } catch (error) {
    if (!(error instanceof TokenizationError || error instanceof ParseError)) {
      throw error;
    }
    const [row = 1, column = 1] = error.token.getPosition();
    const message =
      (error.originalError?.message ?? error.message).replace(/, line:\d+, col:\d+$/s, '').split('\n')[0] ?? '';
    return { ok: false, fault: { message, row, column } };
  }
}

/**
 * Renders every text of a step's input as a template; keys and other values stay as they are. Values that a template
 * inserts are escaped for where the text goes, the template's own text is not. Absent values insert nothing. Time,
 * memory and size are bounded.
 * @throws TemplateError without personal data.
 */
export function renderInput(input: JsonObject, context: RenderContext): JsonObject {
  const variables = variablesOf(context);
  const render = (name: string, value: JsonValue): JsonValue =>
    renderValue(value, name, engineFor(context.timezone, context.country, context.sinkOf(name)), variables, context);
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [name, render(name, value)]));
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
    rendered = engine.liquid.renderSync(parse(engine, text), variables);
  } catch (error) {
    // The original is left out: its message quotes the template, and may quote values.
    throw new TemplateError(`${where} could not be rendered: ${reasonOf(error)}`);
  }
  if (typeof rendered !== 'string' || rendered.length > MAX_RENDERED_CHARS) {
    throw new TemplateError(
      `${where} could not be rendered: the text would have more than ${MAX_RENDERED_CHARS} characters`,
    );
  }
  return rendered;
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : '';
  const position = /line:(\d+), col:(\d+)/.exec(message);
  const where = position === null ? '' : ` at line ${position[1] ?? ''}, column ${position[2] ?? ''}`;
  if (name === 'UndefinedVariableError') {
    return `a variable is absent${where}, and has no default`;
  }
  if (/limit exceeded/.test(message)) {
    return `it takes too much time or memory`;
  }
  return name === 'ParseError' || name === 'TokenizationError'
    ? `it is no valid template${where}`
    : `a filter or tag fails${where}`;
}

const CACHED_CONDITIONS = 500;
const conditions = new Map<string, ReturnType<typeof compileCel>>();

/**
 * Evaluates a step's `if`. A condition that needs something absent is not met.
 * @throws TemplateError, without personal data, when it fails for another reason (no truth value, a comparison of
 *   different kinds).
 */
export function evaluateCondition(expression: string, scope: StepScope): boolean {
  let evaluate = conditions.get(expression);
  if (evaluate === undefined) {
    if (conditions.size >= CACHED_CONDITIONS) {
      conditions.clear();
    }
    try {
      evaluate = compileCel(expression);
    } catch {
      throw new TemplateError('the condition is no valid CEL expression');
    }
    conditions.set(expression, evaluate);
  }
  const outcome = evaluate(variablesOf(scope));
  if ('problem' in outcome && outcome.problem !== 'absent') {
    throw new TemplateError(
      outcome.problem === 'not-boolean'
        ? 'the condition gives something else than true or false'
        : 'the condition compares values that cannot be compared',
    );
  }
  return outcome.met;
}
