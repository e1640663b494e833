import type { Template } from 'liquidjs';
import type { FindingCode } from '../../errors/finding-codes';
import { nearest } from '../../yaml/nearest-name';
import { parseTemplate, templateWords, type TemplateProblem } from '../language/liquid';

/** A problem of a template, with its place in the text. */
export interface CheckedProblem extends TemplateProblem {
  code: FindingCode;
  severity: 'error' | 'warning';
  hint?: string;
}

/** Each fault is left out and the text is parsed again: more would say nothing new, and take long. */
const MOST_FAULTS = 5;

/** A template as far as it is valid. */
export interface PartlyParsed {
  /** Null with too many problems. */
  templates: readonly Template[] | null;
  problems: CheckedProblem[];
  /** Names in the tags that were left out, which may have defined them: `for x`, `assign x`. */
  mentioned: readonly string[];
}

/**
 * Parses a template as far as it is valid. Each `{{ … }}` or `{% … %}` with a fault is a problem, and the rest is parsed
 * without it. Filters that do not exist stay in the templates: {@link unknownFilters} finds them.
 */
export function parseWithFaults(text: string): PartlyParsed {
  const problems: CheckedProblem[] = [];
  const mentioned: string[] = [];
  const removed: string[] = [];
  let rest = text;
  while (problems.length < MOST_FAULTS && removed.length < MOST_FAULTS) {
    const parsed = parseTemplate(rest, { anyFilter: true });
    if (parsed.ok) {
      return { templates: parsed.templates, problems, mentioned };
    }
    if (!followsFrom(parsed.problem.message, removed)) {
      problems.push(explainSyntax(parsed.problem));
    }
    const part = partAt(rest, parsed.offset);
    if (part === null) {
      break;
    }
    const tag = tagIn(part.text);
    removed.push(tag);
    mentioned.push(...(tag === '' ? [] : (part.text.match(/\w+/g) ?? [])));
    // Spaces keep the places of what comes after it.
    rest = rest.slice(0, part.from) + part.text.replaceAll(/[^\n]/g, ' ') + rest.slice(part.from + part.text.length);
  }
  return { templates: null, problems, mentioned };
}

/** The `{{ … }}` or `{% … %}` that a place in a text is in, up to the end of the text when it is not closed. */
function partAt(text: string, offset: number): { from: number; text: string } | null {
  const from = Math.max(text.lastIndexOf('{{', offset), text.lastIndexOf('{%', offset));
  if (from === -1) {
    return null;
  }
  const to = text.indexOf(text.startsWith('{{', from) ? '}}' : '%}', from + 2);
  return { from, text: to === -1 ? text.slice(from) : text.slice(from, to + 2) };
}

/** The tag of a `{% … %}`; empty for a `{{ … }}`. */
function tagIn(part: string): string {
  return /^\{%-?\s*(\w+)/.exec(part)?.[1] ?? '';
}

/** Whether a problem is the consequence of tags that were left out: the `endif` of a faulty `if`, an `if` without one. */
function followsFrom(problem: string, removed: readonly string[]): boolean {
  const stray = unknownTagIn(problem);
  if (stray !== undefined) {
    return CONTINUING.test(stray) && removed.some((tag) => tag !== '' && !CONTINUING.test(tag));
  }
  return problem.endsWith(' not closed') && removed.some((tag) => tag.startsWith('end'));
}

/** Tags that stand inside or at the end of another. */
const CONTINUING = /^(?:end\w*|else|elsif|when)$/;
const INNER_TAGS = ['else', 'elsif', 'when', 'endif', 'endunless', 'endcase', 'endfor', 'endcomment', 'endraw'];

function unknownTagIn(problem: string): string | undefined {
  return /^tag "?(.+?)"? not found$/.exec(problem)?.[1];
}

/** The filters that do not exist, without their place in the text. */
export function unknownFilters(used: readonly { name: string }[]): Omit<CheckedProblem, 'row' | 'column'>[] {
  const { filters } = templateWords();
  return used.flatMap(({ name }) => {
    // The engine's own filter, which escapes, has no name that can be written.
    if (filters.includes(name) || name.startsWith('[object ')) {
      return [];
    }
    const near = FILTER_SYNONYMS.get(name) ?? nearest(name, filters);
    const hint =
      name === 'raw'
        ? 'inserted values are always escaped'
        : near === null
          ? undefined
          : near.includes(':')
            ? `write ${near}`
            : `did you mean "${near}"?`;
    const message = `there is no filter "${name}"`;
    return [{ severity: 'error', code: 'unknown-filter', message, ...(hint === undefined ? {} : { hint }) }];
  });
}

const FILTER_SYNONYMS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    national: "phone: 'national'",
    international: 'phone',
    upper: 'upcase',
    lower: 'downcase',
    uppercase: 'upcase',
    lowercase: 'downcase',
    format: 'date',
  }),
);

function explainSyntax(problem: TemplateProblem): CheckedProblem {
  const tag = unknownTagIn(problem.message);
  if (tag === undefined) {
    return { ...problem, severity: 'error', code: 'template', message: `not a valid template: ${problem.message}` };
  }
  const { tags } = templateWords();
  const near = nearest(tag, [...tags, ...INNER_TAGS]);
  return {
    ...problem,
    severity: 'error',
    code: 'unknown-tag',
    message: `there is no tag "${tag}"`,
    hint: INNER_TAGS.includes(tag)
      ? 'no tag that it belongs to is open here'
      : near === null
        ? `the tags are ${tags.join(', ')}`
        : `did you mean "${near}"?`,
  };
}
