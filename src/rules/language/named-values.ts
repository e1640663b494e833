import type { JsonObject, JsonValue } from '../../events/json';
import { nextOpening } from './moments';
import type { Window } from './windows';

/** A single value in a list or map of a rule file. */
type Single = string | number | boolean;

/** Lists, maps and windows of the rule files that the texts of a rule use. Plain JSON: they travel in the plan. */
export interface NamedValues {
  lists?: Readonly<Record<string, readonly Single[]>>;
  /** Keys that are phone numbers are in E.164. */
  maps?: Readonly<Record<string, Readonly<Record<string, Single>>>>;
  windows?: Readonly<Record<string, Window>>;
}

/**
 * The variables of templates: `lists.<name>`, `windows.<name>.open` and `.opens_at`, and the maps for the filter
 * `lookup`.
 * @param at when the event happened, in milliseconds UTC.
 */
export function namedVariables(
  { lists = {}, maps = {}, windows = {} }: NamedValues,
  at: number,
  isOpen: (window: Window, at: number) => boolean,
): JsonObject {
  const states = Object.entries(windows).map(([name, window]): [string, JsonValue] => {
    const opensAt = nextOpening(window, at);
    return [name, { open: isOpen(window, at), opens_at: opensAt === null ? null : new Date(opensAt).toISOString() }];
  });
  const mutable: JsonObject = {
    lists: Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]])),
    maps: Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, { ...map }])),
    windows: Object.fromEntries(states),
  };
  return mutable;
}

/** What the texts of some inputs use of everything that is defined; undefined when they use nothing. */
export function namesUsed(inputs: readonly JsonValue[], defined: Required<NamedValues>): NamedValues | undefined {
  const texts = inputs.flatMap(textsIn);
  const used = <Item>(all: Readonly<Record<string, Item>>, word: RegExp): Record<string, Item> | undefined => {
    const found = Object.entries(all).filter(([name]) => texts.some((text) => word.test(text) && text.includes(name)));
    return found.length === 0 ? undefined : Object.fromEntries(found);
  };
  const lists = used(defined.lists, /\blists\b/);
  const maps = used(defined.maps, /\blookup\b/);
  const windows = used(defined.windows, /\bwindows\b|^\s*next\s/);
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
