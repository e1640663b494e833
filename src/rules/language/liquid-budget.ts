import {
  CaseTag,
  Context,
  defaultOperators,
  evalToken,
  ForTag,
  toValueSync,
  type Emitter,
  type Liquid,
  type Operators,
} from 'liquidjs';
import { charge, CHARS_PER_STEP, NAME_STEPS, searchSteps } from './budget';
import { asLiquid } from './liquid-numbers';
import type { FixedMoment } from './fixed-filters';

/** Rendering one node of a template (a text, an output or a tag) takes as long as so many steps. */
export const NODE_STEPS = 15;
/** Units of liquidjs' memory limit (characters, items) in one step. */
const MEMORY_UNITS_PER_STEP = 8;
/** Characters that a filter or an escape handles in one step. */
const FILTERED_CHARS_PER_STEP = 16;
/** Comparing two items in a list takes as long as so many steps. */
const COMPARISON_STEPS = 4;
/** Evaluating a property or expression of an item takes as long as so many steps. */
const ITEM_STEPS = 60;
/** Parsing a character of an expression that a filter gets, which may be a text of the event, takes as long as so many steps. */
const PARSE_STEPS = 4;
/** Sorting handles each item about so often: log2 of a million. */
const SORT_PASSES = 20;
/** A filter reads a value and makes another one; so does inserting a value, which is escaped besides. */
const FILTER_PASSES = 4;
/** Formatting a date or a phone number takes as long as so many steps. */
const FORMAT_STEPS = 2_000;
/** Finding a value in a map reads the key as a phone number: so many steps, and one for each character of the key. */
const LOOKUP_STEPS = 60;
/** Reading an absent value takes as long as so many steps: liquidjs throws an error for it, which `default` catches. */
const ABSENT_STEPS = 60;
/** Longer keys are not read. */
const LONGEST_NUMBER_CHARS = 1_000;

/** Filters that take the same time for a value of any size. */
const CONSTANT = new Set(['first', 'last', 'size', 'default']);
const FORMATS = new Set([
  'date',
  'date_to_xmlschema',
  'date_to_rfc822',
  'date_to_string',
  'date_to_long_string',
  'phone',
  'e164',
]);
const SORTS = new Set(['sort', 'sort_natural', 'sample']);
/** Filters that evaluate a property or an expression for each item of a list. */
const PER_ITEM = new Set([
  'sort',
  'sort_natural',
  'map',
  'sum',
  'where',
  'reject',
  'where_exp',
  'reject_exp',
  'group_by',
  'group_by_exp',
  'has',
  'has_exp',
  'find',
  'find_exp',
  'find_index',
  'find_index_exp',
]);
const SEARCHES = new Set([
  'remove',
  'remove_first',
  'remove_last',
  'replace',
  'replace_first',
  'replace_last',
  'split',
]);
/** Filters that look at each character by itself when they have an argument. */
const STRIPS = new Set(['strip', 'lstrip', 'rstrip']);

/** Makes filters and tags of an engine charge the budget. */
export function meterEngine(liquid: Liquid): void {
  for (const [name, filter] of Object.entries(liquid.filters)) {
    const { handler, raw } = typeof filter === 'function' ? { handler: filter, raw: false } : filter;
    liquid.filters[name] = {
      raw,
      handler: function (value: unknown, ...args: unknown[]): unknown {
        chargeFilter(name, value, args);
        return handler.apply(this, [asLiquid(value), ...args.map(name === 'slice' ? asNumber : asLiquid)]);
      },
    };
  }
  liquid.registerTag('for', MeteredForTag);
  liquid.registerTag('case', MeteredCaseTag);
}

/** Liquid's operators, which charge the budget. */
export const meteredOperators: Operators = Object.fromEntries(
  Object.entries(defaultOperators).map(([name, operator]) => [
    name,
    (...given: unknown[]) => {
      const args = given.map((value, index) => (index < 2 ? asLiquid(value) : value));
      chargeOperator(name, args[0], args[1]);
      return Reflect.apply(operator, undefined, args) as ReturnType<typeof operator>;
    },
  ]),
);

/**
 * Variables for one rendering. Both limits of liquidjs charge the budget: of them one counts memory, the other is
 * checked at each node. Time is not measured, so a busy machine cannot fail a template.
 */
export class MeteredContext extends Context {
  constructor(
    variables: object,
    liquid: Liquid,
    readonly moment: FixedMoment,
    /** Whether a variable that does not exist is an error. */
    strict = true,
  ) {
    super(variables, liquid.options, { sync: true, strictVariables: strict }, { liquid });
    this.memoryLimit.use = (units) => {
      if (units > 0) {
        charge(units / MEMORY_UNITS_PER_STEP);
      }
    };
    this.renderLimit.check = () => charge(NODE_STEPS);
  }

  override readProperty(object: unknown, key: string | number): unknown {
    charge(1);
    // `size` lists the names of an object.
    if (key === 'size' && isObject(object)) {
      charge(Object.keys(object).length * NAME_STEPS);
    }
    const value: unknown = super.readProperty(object as Parameters<Context['readProperty']>[0], key);
    if (value === undefined) {
      charge(ABSENT_STEPS);
    }
    return asLiquid(value);
  }

  override spawn(scope: object = {}): Context {
    return new MeteredContext(scope, this.liquid as Liquid, this.moment, this.strictVariables);
  }
}

/** The moment of the rendering that a context belongs to. */
export function momentOf(context: Context): FixedMoment {
  if (!(context instanceof MeteredContext)) {
    throw new TypeError('a template is rendered without a budget');
  }
  return context.moment;
}

/** Charges for an inserted value. */
export function chargeInserted(value: unknown): void {
  chargeValue(value, FILTER_PASSES);
}

class MeteredForTag extends ForTag {
  override render(context: Context, emitter: Emitter): ReturnType<ForTag['render']> {
    const collection: unknown = toValueSync(evalToken(this.collection, context));
    // liquidjs copies it, and makes a list of an object.
    if (Array.isArray(collection)) {
      charge(collection.length / COMPARISON_STEPS);
    } else if (isObject(collection)) {
      charge(Object.keys(collection).length * NAME_STEPS);
    }
    return super.render(context, emitter);
  }
}

class MeteredCaseTag extends CaseTag {
  override render(context: Context, emitter: Emitter): ReturnType<CaseTag['render']> {
    const value: unknown = toValueSync(this.value.value(context, context.opts.lenientIf));
    for (const branch of this.branches) {
      branch.values.forEach(() => chargeValue(value, COMPARISON_STEPS));
    }
    return super.render(context, emitter);
  }
}

/** liquidjs compares the arguments of `slice` once a character: a long text would be read as a number each time. */
function asNumber(argument: unknown): unknown {
  return typeof argument === 'string' ? Number(argument) : asLiquid(argument);
}

function chargeFilter(name: string, value: unknown, args: readonly unknown[]): void {
  charge(FORMATS.has(name) ? FORMAT_STEPS : 1);
  if (CONSTANT.has(name)) {
    return;
  }
  const passes = SORTS.has(name) ? SORT_PASSES : FILTER_PASSES;
  const chars = chargeValue(value, passes);
  const [first, ...others] = args;
  const firstChars = chargeValue(first, 1);
  const argChars = others.reduce<number>((sum, arg) => sum + chargeValue(arg, 1), firstChars);
  if (PER_ITEM.has(name) && typeof value === 'object' && value !== null) {
    const items = Array.isArray(value) ? value.length : Object.keys(value).length;
    charge(items * (ITEM_STEPS + argChars / COMPARISON_STEPS));
  }
  if (name.endsWith('_exp')) {
    charge(argChars * PARSE_STEPS);
  }
  if (SEARCHES.has(name)) {
    charge(searchSteps(chars, firstChars));
  }
  if (STRIPS.has(name) && first !== undefined) {
    charge(chars);
  }
  if (name === 'lookup') {
    charge(LOOKUP_STEPS + Math.min(chars, LONGEST_NUMBER_CHARS));
  }
}

function chargeOperator(name: string, left: unknown, right: unknown): void {
  charge(1);
  if (typeof left === 'string' && typeof right === 'string') {
    charge(
      name === 'contains'
        ? searchSteps(left.length, right.length)
        : Math.min(left.length, right.length) / CHARS_PER_STEP,
    );
    return;
  }
  if (name === 'and' || name === 'or' || name === 'not') {
    return;
  }
  if (name === 'contains' && Array.isArray(left) && !Array.isArray(right)) {
    const chars = typeof right === 'string' ? right.length : 0;
    charge(left.length * (COMPARISON_STEPS + chars / CHARS_PER_STEP));
    return;
  }
  // Lists are compared item by item; `<` makes texts of lists; `== empty` lists the names of an object.
  if (typeof left === 'object' || typeof right === 'object') {
    chargeValue(left, COMPARISON_STEPS);
    chargeValue(right, COMPARISON_STEPS);
  }
}

/** Charges for each item and text in a value, so many times; returns the number of characters. */
function chargeValue(value: unknown, passes: number): number {
  if (typeof value === 'string') {
    charge(passes * (1 + value.length / FILTERED_CHARS_PER_STEP));
    return value.length;
  }
  charge(passes);
  if (Array.isArray(value)) {
    return value.reduce<number>((chars, item) => chars + chargeValue(item, passes), 0);
  }
  if (!isObject(value)) {
    return 0;
  }
  const members = Object.entries(value);
  charge(members.length * NAME_STEPS);
  let chars = 0;
  for (const [key, item] of members) {
    chars += key.length + chargeValue(item, passes);
  }
  return chars;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
