import type { JsonValue } from '../../events/json';
import { analyseCel } from './cel-references';
import type { NamedValues } from './named-values';
import { insideTemplates } from './template-parts';

/**
 * What some inputs and conditions use of everything that is defined; undefined when they use nothing. May name too much
 * of what inputs use (a word in a template), never too little: a name that is computed may be any.
 * @param conditions CEL expressions.
 */
export function namesUsed(
  { inputs, conditions }: { inputs: readonly JsonValue[]; conditions: readonly string[] },
  defined: Required<NamedValues>,
): NamedValues | undefined {
  const texts = inputs.flatMap(textsIn);
  const templates = texts.flatMap(insideTemplates);
  const moments = texts.filter((text) => /^\s*next\s/.test(text));
  const paths = conditions.flatMap((condition) => analyseCel(condition).paths.map(({ path }) => path));
  const used = <Item>(
    root: keyof NamedValues,
    all: Readonly<Record<string, Item>>,
    words: readonly string[],
    computesName: (text: string) => boolean,
  ): Record<string, Item> | undefined => {
    const found = words.some(computesName)
      ? Object.entries(all)
      : Object.entries(all).filter(
          ([name]) =>
            paths.some((path) => path[0] === root && path[1] === name) || words.some((text) => wordOf(name).test(text)),
        );
    return found.length === 0 ? undefined : Object.fromEntries(found);
  };
  const lists = used('lists', defined.lists, templatesWith(templates, 'lists'), (text) => computes(text, 'lists'));
  const maps = used('maps', defined.maps, templatesWith(templates, 'lookup'), () => false);
  const windows = used(
    'windows',
    defined.windows,
    [...templatesWith(templates, 'windows'), ...moments],
    (text) => computes(text, 'windows') || (moments.includes(text) && text.includes('{{')),
  );
  return lists === undefined && maps === undefined && windows === undefined
    ? undefined
    : {
        ...(lists === undefined ? {} : { lists }),
        ...(maps === undefined ? {} : { maps }),
        ...(windows === undefined ? {} : { windows }),
      };
}

function textsIn(value: JsonValue): string[] {
  if (typeof value === 'string') {
    return [value];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function templatesWith(templates: readonly string[], word: string): string[] {
  return templates.filter((template) => wordOf(word).test(template));
}

/** Whether a template has a root without a name that is written: `lists[data.team]`, `for w in windows`. */
function computes(template: string, root: string): boolean {
  return new RegExp(`\\b${root}\\b(?!\\s*\\.|\\s*\\[\\s*['"])`).test(template);
}

/** A name, which has letters, digits, dashes and underscores only, not as a part of a longer one. */
function wordOf(name: string): RegExp {
  return new RegExp(`(?<![\\w-])${name}(?![\\w-])`);
}
