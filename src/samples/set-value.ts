import { WrongUse } from '../errors/operator-errors';
import { parseExactly } from '../events/exact-number';
import type { JsonObject, JsonValue } from '../events/json';
import { nearest } from '../yaml/nearest-name';

/** What the bridge reads of an event's body. */
const READ = ['type', 'data'] as const;

/** A step of a path: the name of a member, or the position in a list. */
type PathStep = { name: string } | { position: number };

/** The first part of a path that an event did not have, and the name beside it that may be meant instead. */
export interface Added {
  path: string;
  near: string | null;
}

/**
 * Sets one value of an event: `data.source.target=+1555…`, `data.targets.0.status=sent`, `data.targets[0].status=sent`.
 * What is missing on the way is created; a list grows by one item at most. The value is JSON where it parses as JSON,
 * else text. Digits that look like a phone number stay text.
 *
 * @returns what it added; null when the event had all parts of the path.
 * @throws WrongUse when there is no `=`, the path leads outside what the bridge reads of an event, or through a value
 * that is neither an object nor a list, or to a position that the list does not have.
 */
export function setValue(event: JsonObject, assignment: string): Added | null {
  const equals = assignment.indexOf('=');
  if (equals <= 0) {
    throw new WrongUse(`--set expects path=value, such as data.id=my-call; got "${assignment}"`);
  }
  const wrong = (problem: string): WrongUse => new WrongUse(`--set ${assignment}: ${problem}`);
  const path = assignment.slice(0, equals);
  const [first = '', ...rest] = path.replace(/\[(\d+)\]/g, '.$1').split('.');
  if (first === '' || rest.includes('')) {
    throw wrong('the path has an empty name; write it such as data.targets.0.destination.target');
  }
  if (!READ.some((name) => name === first)) {
    throw wrong(`the bridge reads ${READ.join(' and ')} of an event only; did you mean "data.${path}"?`);
  }
  let parent: JsonObject | JsonValue[] = event;
  let at = '';
  let added: Added | null = null;
  let isNew = false;
  const steps = [first, ...rest];
  for (const [index, name] of steps.entries()) {
    const step = stepIn(parent, name, at, wrong);
    if (!isNew && 'name' in step && !Object.hasOwn(parent, name)) {
      added = { path: `${at}.${name}`, near: nearest(name, Object.keys(parent)) };
    }
    if (index === steps.length - 1) {
      put(parent, step, parseValue(assignment.slice(equals + 1)));
      return added;
    }
    at = at === '' ? name : `${at}.${name}`;
    const next: JsonValue | undefined = valueAt(parent, step);
    if (next === undefined || next === null) {
      // What a new item of a list consists of is not missing from the event.
      isNew = true;
      const created: JsonObject = {};
      put(parent, step, created);
      parent = created;
    } else if (typeof next === 'object') {
      parent = next;
    } else {
      throw wrong(`"${at}" is neither an object nor a list`);
    }
  }
  return added;
}

function stepIn(
  parent: JsonObject | JsonValue[],
  name: string,
  at: string,
  wrong: (problem: string) => WrongUse,
): PathStep {
  if (!Array.isArray(parent)) {
    if (/[[\]]/.test(name)) {
      throw wrong(`"${name}" is not a name; the position in a list is a number, such as [0]`);
    }
    return { name };
  }
  const position = /^\d{1,6}$/.test(name) ? Number(name) : Infinity;
  if (position > parent.length) {
    throw wrong(`"${at}" is a list with ${parent.length} items: write ${at}.0 for its first`);
  }
  return { position };
}

function valueAt(parent: JsonObject | JsonValue[], step: PathStep): JsonValue | undefined {
  if ('position' in step) {
    return Array.isArray(parent) ? parent[step.position] : undefined;
  }
  return !Array.isArray(parent) && Object.hasOwn(parent, step.name) ? parent[step.name] : undefined;
}

/** Sets a property of any name: an assignment to `__proto__` would set the prototype. */
function put(parent: JsonObject | JsonValue[], step: PathStep, value: JsonValue): void {
  const key = 'position' in step ? step.position : step.name;
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function parseValue(text: string): JsonValue {
  if (/^\+?\d{7,}$/.test(text)) {
    return text;
  }
  try {
    return parseExactly(text);
  } catch {
    return text;
  }
}
