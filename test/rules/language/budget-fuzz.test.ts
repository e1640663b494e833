import { parseExactly, toJsonText } from '../../../src/events/exact-number';
import type { JsonObject } from '../../../src/events/json';
import { isObject } from '../../../src/events/payload';
import { compileCel } from '../../../src/rules/language/cel';
import { analyseCel } from '../../../src/rules/language/cel-references';
import { parseTemplate, templateWords } from '../../../src/rules/language/liquid';
import { renderInput, TemplateError } from '../../../src/rules/language/template';
import { eventOf } from '../load-text';
import { MOMENT } from './moment';

/** How many legal texts each of the two fuzzers tries. A number, not a time: every machine tries the same. */
const TEXTS = 50;
/**
 * What one evaluation may take, in CPU time of {@link REFERENCE} on the same machine: none takes more than ten of it. An
 * operation that the budget does not count takes hundreds.
 */
const MOST_REFERENCES = 40;
/** A condition that uses the whole budget with the cheapest of steps. */
const REFERENCE = 'data.numbers.all(t, t >= 0.0)';
const SEED = 20_261_126;

const words = Array.from({ length: 20_000 }, (_, index) => `word ${index % 500} ${'x'.repeat(index % 90)}`);

/** About 10 MB of data, of the kinds that JSON has. */
const MADE: JsonObject = {
  id: 'f1',
  text: 'ab c'.repeat(400_000),
  long: `b${'a'.repeat(500_000)}`,
  number: 7,
  flag: true,
  nothing: null,
  numbers: Array.from({ length: 300_000 }, (_, index) => index % 100),
  words,
  lists: Array.from({ length: 10_000 }, (_, index) => [index, words[index] ?? '', [index]]),
  objects: Array.from({ length: 20_000 }, (_, index) => ({ n: index % 5, name: `name ${index}`, tags: ['a', 'b'] })),
  map: Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`key${index}`, index])),
  pattern: '(a|b)*c(a?){50}$',
  exact: Array.from({ length: 9_000 }, (_, index) => ({ $number: `9007199254${1_000_000 + index}.50` })),
  longest: { $number: '9'.repeat(100) },
  digits: '9'.repeat(100_000),
  zones: 'Z ('.repeat(40_000),
  empties: Array.from({ length: 100_000 }, () => []),
  odd: '\u0001\ud800é<\r\n'.repeat(20_000),
};
// As it comes in: numbers by their digits, one of them longer than numbers are.
const DATA = parsed(`{"huge":${'9'.repeat(100_000)},${toJsonText(MADE).slice(1)}`);
const EVENT = eventOf('message_created', DATA);

function parsed(text: string): JsonObject {
  const value = parseExactly(text);
  if (!isObject(value)) {
    throw new TypeError('no object');
  }
  return value;
}

type Random = { below: (limit: number) => number; pick: <Item>(items: readonly Item[]) => Item };

function randomSource(seed: number): Random {
  let state = seed;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
  return {
    below,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) {
        throw new Error('nothing to pick from');
      }
      return item;
    },
  };
}

const VALUES = Object.keys(DATA).map((name) => `data.${name}`);

/** A random expression of CEL's grammar. `item`: the variable of the loop around, of which there is one at most. */
function expression(random: Random, depth: number, item: string | null): string {
  const value = (): string => expression(random, depth - 1, item);
  if (depth <= 0) {
    return random.pick([
      ...VALUES,
      ...(item === null ? [] : [item, item, `${item}.name`]),
      '"a"',
      '1',
      '1.0',
      '[1.0, 2.0]',
    ]);
  }
  const makers: (() => string)[] = [
    ...['==', '!=', '<', '>=', '+', '-', '*', '%', 'in', '&&', '||'].map(
      (operator) => () => `(${value()} ${operator} ${value()})`,
    ),
    ...['contains', 'startsWith', 'endsWith', 'matches'].map((method) => () => `${value()}.${method}(${value()})`),
    ...['size', 'string', 'int', 'double', 'bytes', 'type', 'timestamp', 'duration', 'dyn', 'bool'].map(
      (name) => () => `${name}(${value()})`,
    ),
    () => `(${value()} ? ${value()} : ${value()})`,
    () => `[${value()}, ${value()}]`,
    () => `{"a": ${value()}, "b": ${value()}}`,
    () => `${value()}[${value()}]`,
    () => `!${value()}`,
    () => `timestamp(received_at).getHours("Asia/Seoul")`,
  ];
  if (item === null) {
    const loop =
      (macro: string): (() => string) =>
      () =>
        `${random.pick(VALUES)}.${macro}(t, ${expression(random, depth - 1, 't')})`;
    makers.push(...['all', 'exists', 'exists_one', 'map', 'filter', 'all', 'exists', 'map'].map(loop));
  }
  return random.pick(makers)();
}

const FILTERS = templateWords().filters;
const ARGUMENTS = ['"a"', '""', '","', '"n"', '"name"', '3', '100000', ...VALUES];

function filtered(random: Random, variables: readonly string[]): string {
  let text = random.pick(variables);
  for (let count = random.below(4); count > 0; count -= 1) {
    const args = Array.from({ length: random.below(3) }, () =>
      random.pick([...ARGUMENTS, '"t", "t contains data.text"']),
    );
    text += ` | ${random.pick(FILTERS)}${args.length === 0 ? '' : `: ${args.join(', ')}`}`;
  }
  return text;
}

/** A random template of Liquid's grammar. */
function template(random: Random, depth: number, variables: readonly string[]): string {
  const inner = (more: readonly string[] = []): string => template(random, depth - 1, [...variables, ...more]);
  if (depth <= 0) {
    return `{{ ${filtered(random, variables)} }}`;
  }
  const name = `t${depth}`;
  const test = (): string =>
    `${random.pick(variables)} ${random.pick(['==', '!=', '<', '>=', 'contains'])} ${random.pick([...variables, 'empty', 'blank'])}`;
  return random.pick([
    () =>
      `{% for ${name} in ${random.pick([...variables, '(1..100000)'])} %}${inner([name, `${name}.name`])}{% endfor %}`,
    () => `{% for ${name} in ${random.pick(variables)} reversed limit: 1000 %}${inner([name])}{% endfor %}`,
    () => `{% if ${test()} and ${test()} %}x{% else %}${inner()}{% endif %}`,
    () => `{% unless ${test()} %}${inner()}{% endunless %}`,
    () => `{% assign ${name} = ${filtered(random, variables)} %}${inner([name])}`,
    () =>
      `{% case ${random.pick(variables)} %}{% when ${random.pick(variables)}, "a" %}x{% else %}${inner()}{% endcase %}`,
    () => `${inner()}${inner()}`,
  ])();
}

function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The shortest of three: the first compiles, and any may collect garbage. */
function leastCpuMs(run: () => void): number {
  return Math.min(cpuMs(run), cpuMs(run), cpuMs(run));
}

const variables = { data: DATA, received_at: '2026-03-01T23:58:55Z' };
const limitMs =
  MOST_REFERENCES *
  Math.max(
    1,
    leastCpuMs(() => compileCel(REFERENCE)(variables)),
  );

/** Evaluates random texts; returns how many were legal, and those that take too long. */
function fuzz(make: (random: Random) => string, evaluate: (text: string) => boolean) {
  const random = randomSource(SEED);
  let evaluated = 0;
  const slow: { cpuMs: number; text: string }[] = [];
  for (let made = 0; evaluated < TEXTS && made < 100 * TEXTS; made += 1) {
    const text = make(random);
    let isLegal = false;
    const evaluateIt = (): void => {
      isLegal = evaluate(text);
    };
    const took = cpuMs(evaluateIt) > limitMs ? leastCpuMs(evaluateIt) : 0;
    evaluated += isLegal ? 1 : 0;
    if (took > limitMs) {
      slow.push({ cpuMs: took, text });
    }
  }
  return { evaluated, slow };
}

test('no legal condition takes long', () => {
  const { evaluated, slow } = fuzz(
    (random) => expression(random, 1 + random.below(3), null),
    (text) => {
      if (analyseCel(text).problems.length > 0) {
        return false;
      }
      compileCel(text)(variables);
      return true;
    },
  );
  expect(evaluated).toBe(TEXTS);
  expect(slow).toEqual([]);
}, 120_000);

test('no legal template takes long', () => {
  const { evaluated, slow } = fuzz(
    (random) => template(random, random.below(4), VALUES),
    (text) => {
      if (!parseTemplate(text).ok) {
        return false;
      }
      try {
        renderInput(
          { text },
          { event: EVENT, steps: {}, timezone: 'UTC', country: 'US', ...MOMENT, sinkOf: () => 'html' },
        );
      } catch (error) {
        if (!(error instanceof TemplateError)) {
          throw error;
        }
      }
      return true;
    },
  );
  expect(evaluated).toBe(TEXTS);
  expect(slow).toEqual([]);
}, 120_000);
