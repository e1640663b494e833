import type { JsonObject } from '../../events/json';
import { nextOpening } from './moments';
import { isInside, type Window } from './windows';

/** A single value in a list or map of a rule file. */
export type Single = string | number | boolean;

/** Lists, maps and windows of the rule files that texts and conditions use. Plain JSON: they travel in the plan. */
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
export function namedVariables({ lists = {}, maps = {}, windows = {} }: NamedValues, at: number): JsonObject {
  return {
    lists: Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]])),
    maps: Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, { ...map }])),
    windows: windowStates(windows, at),
  };
}

/**
 * `<name>.open` (true or false) and `<name>.opens_at` (a time as text, or null) of some windows. They are worked out when
 * they are read: a search for the next opening charges the budget of the evaluation that reads it.
 * @param at when the event happened, in milliseconds UTC.
 */
export function windowStates(windows: Readonly<Record<string, Window>>, at: number): JsonObject {
  return Object.fromEntries(Object.entries(windows).map(([name, window]) => [name, stateOf(window, at)]));
}

function stateOf(window: Window, at: number): JsonObject {
  return {
    get open() {
      return isInside(window, at);
    },
    get opens_at() {
      const opensAt = nextOpening(window, at);
      return opensAt === null ? null : new Date(opensAt).toISOString();
    },
  };
}
