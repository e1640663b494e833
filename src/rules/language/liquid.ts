import { Liquid, Output, TokenizationError, ParseError, TypeGuards, type Template } from 'liquidjs';
import type { Sink } from '../../connectors/connector';
import { toJsonText } from '../../events/exact-number';
import { readPhone } from '../../events/phone';
import { ESCAPES, asText, wellFormed } from './escapes';
import { keepAbsentUntilDefault } from './default-filter';
import { fixFilters } from './fixed-filters';
import { calculateExactly } from './liquid-numbers';
import { withoutMarks } from './secret-references';
import { durationText, firstName, lookedUp, masked, phoneText } from './filters';
import { momentOf, chargeInserted, meteredOperators, meterEngine } from './liquid-budget';

/** The longest template, in characters. */
export const MAX_TEMPLATE_CHARS = 20_000;

/** Tags that read files, keep state between renders, or would escape twice. */
const REMOVED_TAGS = [
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
/** `raw` would turn escaping off; `inspect` would insert whole payloads. */
const REMOVED_FILTERS = ['raw', 'inspect'];

/**
 * Filters that escape for the place where the text goes. Inserted values are escaped there anyway, once: these leave
 * the value as it is, so that a customer does not read `&lt;` or `<br />`.
 */
const DONE_BY_SINK: Readonly<Record<Sink, readonly string[]>> = {
  plain: [],
  html: ['escape', 'escape_once', 'xml_escape', 'newline_to_br'],
  slack: ['escape', 'escape_once', 'xml_escape'],
  json: [],
  url: ['url_encode', 'cgi_escape', 'uri_escape'],
  header: [],
};

/** A Liquid engine for one zone, country and sink, with its parsed templates. */
export interface Engine {
  liquid: Liquid;
  parsed: Map<string, Template[]>;
  /** The value that was inserted last, before it was escaped. */
  inserted: unknown;
}

const MAX_CACHED_ENGINES = 64;
const MAX_CACHED_TEMPLATES = 500;
const engines = new Map<string, Engine>();

function makeLiquid(
  timezone: string,
  country: string | null,
  sink: Sink,
  onInserted: (value: unknown) => void,
): Liquid {
  const escape = ESCAPES[sink];
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    // Templates never read from disk (reference peers.md D3).
    templates: {},
    dynamicPartials: false,
    parseLimit: MAX_TEMPLATE_CHARS,
    operators: meteredOperators,
    timezoneOffset: timezone,
    dateFormat: '%Y-%m-%d %H:%M',
    locale: 'en-US',
    outputEscape: (value: unknown) => {
      chargeInserted(value);
      onInserted(value);
      return escape(withoutMarks(wellFormed(asText(value))));
    },
  });
  for (const tag of REMOVED_TAGS) {
    delete liquid.tags[tag];
  }
  for (const filter of REMOVED_FILTERS) {
    delete liquid.filters[filter];
  }
  for (const filter of DONE_BY_SINK[sink]) {
    liquid.registerFilter(filter, (value: unknown) => value);
  }
  for (const name of ['json', 'jsonify']) {
    liquid.registerFilter(name, (value: unknown, indent: unknown) => toJsonText(value, Number(indent) || 0));
  }
  liquid.registerFilter('phone', (value: unknown, form: unknown) => phoneText(value, country, form));
  liquid.registerFilter('e164', (value: unknown) =>
    typeof value === 'string' ? (readPhone(value, country)?.number ?? value) : value,
  );
  liquid.registerFilter('lookup', function (value: unknown, name: unknown): unknown {
    return lookedUp(this.context.environments, value, name, country);
  });
  liquid.registerFilter('first_name', firstName);
  liquid.registerFilter('mask', masked);
  liquid.registerFilter('duration', durationText);
  fixFilters(liquid, momentOf);
  calculateExactly(liquid);
  meterEngine(liquid);
  return liquid;
}

/** The engine for a zone, country and sink; made once and cached. */
export function engineFor(timezone: string, country: string | null, sink: Sink): Engine {
  const key = `${timezone} ${country ?? ''} ${sink}`;
  let engine = engines.get(key);
  if (engine === undefined) {
    if (engines.size >= MAX_CACHED_ENGINES) {
      engines.clear();
    }
    const made: Engine = {
      liquid: makeLiquid(timezone, country, sink, (value) => (made.inserted = value)),
      parsed: new Map(),
      inserted: undefined,
    };
    engine = made;
    engines.set(key, engine);
  }
  return engine;
}

/** Parses a template, or takes it from the engine's cache. Throws liquidjs' errors. */
export function parseCached(engine: Engine, text: string): Template[] {
  let template = engine.parsed.get(text);
  if (template === undefined) {
    if (engine.parsed.size >= MAX_CACHED_TEMPLATES) {
      engine.parsed.clear();
    }
    template = keepAbsentUntilDefault(engine.liquid.parse(text));
    engine.parsed.set(text, template);
  }
  return template;
}

/** A template that consists of one `{{ … }}` and white space; `bare` when it has no filters. Null for any other. */
export function loneOutput(templates: readonly Template[]): { bare: boolean } | null {
  const [only, ...others] = templates.filter(
    (one) => !(TypeGuards.isHTMLToken(one.token) && one.token.getText().trim() === ''),
  );
  // The engine adds the escape as the last filter.
  return only instanceof Output && others.length === 0 ? { bare: only.value.filters.length === 1 } : null;
}

/** Whether a text has a `{{` or `{%`. */
export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

/** The names of the filters and tags that templates may use. */
export function templateWords(): { filters: string[]; tags: string[] } {
  const { liquid } = engineFor('UTC', null, 'plain');
  return { filters: Object.keys(liquid.filters).sort(), tags: Object.keys(liquid.tags).sort() };
}

/** Why and where a template cannot be parsed; row and column from 1. */
export interface TemplateProblem {
  message: string;
  row: number;
  column: number;
}

/** The result of {@link parseTemplate}. `offset` is the place of the problem in the text, from 0. */
export type ParsedTemplate =
  { ok: true; templates: Template[] } | { ok: false; problem: TemplateProblem; offset: number };

/**
 * Parses a template without rendering it. Does not throw for an invalid template.
 * @param options `anyFilter`: filters that do not exist are no problem. What is parsed so cannot be rendered.
 */
export function parseTemplate(text: string, options: { anyFilter?: boolean } = {}): ParsedTemplate {
  if (text.length > MAX_TEMPLATE_CHARS) {
    const message = `the text has ${text.length} characters; the limit of a template is ${MAX_TEMPLATE_CHARS}`;
    return { ok: false, problem: { message, row: 1, column: 1 }, offset: 0 };
  }
  const liquid = options.anyFilter === true ? lenientLiquid() : engineFor('UTC', null, 'plain').liquid;
  try {
    return { ok: true, templates: liquid.parse(text) };
  } catch (error) {
    if (!(error instanceof TokenizationError || error instanceof ParseError)) {
      throw error;
    }
    const [row = 1, column = 1] = error.token.getPosition();
    const message =
      (error.originalError?.message ?? error.message).replace(/, line:\d+, col:\d+$/s, '').split('\n')[0] ?? '';
    return { ok: false, problem: { message, row, column }, offset: error.token.begin };
  }
}

let lenient: Liquid | undefined;

function lenientLiquid(): Liquid {
  if (lenient === undefined) {
    lenient = makeLiquid('UTC', null, 'plain', () => undefined);
    lenient.options.strictFilters = false;
  }
  return lenient;
}
