import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { JsonObject, JsonValue } from '../../src/events/json';
import { explain } from '../../src/rules/tools/explain';
import { testActions } from './catalogue';
import { eventOf, ruleSetOf } from './load-text';

/** A small generator with a seed, so that a failure can be repeated. */
function randomSource(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[below(items.length)];
    if (item === undefined) {
      throw new Error('nothing to pick from');
    }
    return item;
  };
  return { below, pick, chance: (of: number) => next() < of };
}

type Random = ReturnType<typeof randomSource>;

const TYPES = [
  'call_hangup',
  'call_created',
  'message_created',
  'recording_finished',
  'recording_updated',
  'agent_updated',
];
const ON = [
  'call_hungup',
  'call_*',
  'message_created',
  'recording_updated',
  '"*"',
  '[call_created, message_created]',
  'agent_updated',
  'message_*',
];
const NUMBERS = [
  '+821011112222',
  '010-1111-2222',
  '02-1111-2222',
  '+15551234567',
  '+82211112222',
  'sip:a@example.com',
  'anonymous',
];
/** The maps of the rule files, by any way of writing a number. */
const MAPS: Readonly<Record<string, Readonly<Record<string, JsonValue>>>> = {
  teams: { '+82 10-1111-2222': 'sales', '02-1111-2222': 'support', '+1 (555) 123-4567': 'Sales', other: 3 },
  words: { stop: 'sales', go: 'support', x: 'sales' },
};
const VIP = ['+82 10-1111-2222', '02-1111-2222', 'sip:a@example.com'];
const LISTS = { vip: VIP, codes: [1, '5'] };
const VALUES: Readonly<Record<string, readonly JsonValue[]>> = {
  direction: ['inbound', 'outbound'],
  'peer.number': NUMBERS,
  'ours.number': NUMBERS,
  answered: [true, false],
  reason: ['normal', 'busy', 'cancel', 'noanswer'],
  status: ['done', 'ended', 'hangup'],
  talk_s: [0, 30, 60],
  text: ['stop', 'please stop', 'go', 'STOP'],
  'data.a.b': ['x', 'y', 'z'],
  'data.n': [1, 2, 3],
};

function randomTest(random: Random, field: string): JsonValue {
  const values = VALUES[field] ?? [];
  const some = (): JsonValue[] => [...new Set([random.pick(values), random.pick(values)])];
  if (random.chance(0.3) && typeof values[0] === 'string') {
    return randomTextTest(random, field, values.map(String));
  }
  if (random.chance(0.2) && field === 'talk_s') {
    return random.pick([{ gte: '30s' }, { lt: '1m' }, '1m', { not: ['0s', '30s'] }]);
  }
  const kind = random.below(8);
  if (kind < 3) {
    return random.pick(values);
  }
  if (kind === 3) {
    return some();
  }
  if (kind === 4) {
    return field === 'answered' ? { not: random.pick(values) } : { in: some() };
  }
  if (kind === 5) {
    return { not: random.chance(0.5) ? random.pick(values) : some() };
  }
  if (kind === 6 && (field === 'talk_s' || field === 'data.n')) {
    return { gte: random.pick(values), lt: 50 };
  }
  return kind === 6 && typeof values[0] === 'string'
    ? { prefix: random.pick(['s', 'a', '+82', 'in']) }
    : { exists: random.chance(0.5) };
}

/** A test with the words that only texts have. */
function randomTextTest(random: Random, field: string, values: readonly string[]): JsonValue {
  const map = field.endsWith('.number') ? 'teams' : 'words';
  if (['direction', 'reason', 'status'].includes(field)) {
    return { contains: [random.pick(values), 'o'] };
  }
  switch (random.below(5)) {
    case 0:
      return { in: `$${map}` };
    case 1:
      return { lookup: { [map]: random.pick(['sales', ['sales', 'support'], { not: 'sales' }, { exists: true }]) } };
    case 2:
      return { not: { lookup: { [map]: { contains: 'SALES', ignore_case: true } } } };
    case 3:
      return { in: [random.pick(values), random.pick(values).toUpperCase()], ignore_case: true };
    default:
      return {
        [random.pick(['contains', 'prefix', 'suffix'])]: random.pick([
          random.pick(['S', 'OP', 'G']),
          ['S', 'P', '2222'],
        ]),
        ...(random.chance(0.6) ? { ignore_case: true } : {}),
      };
  }
}

function randomWhen(random: Random, depth: number): JsonObject {
  const when: JsonObject = {};
  for (let count = 1 + random.below(2); count > 0; count -= 1) {
    const field = random.pick(Object.keys(VALUES));
    when[field] = randomTest(random, field);
  }
  if (depth > 0 && random.chance(0.2)) {
    when[random.pick(['any', 'all'])] = [randomWhen(random, depth - 1), randomWhen(random, depth - 1)];
  }
  if (depth > 0 && random.chance(0.2)) {
    when['not'] = randomWhen(random, depth - 1);
  }
  return when;
}

/** A condition in CEL with its plain definition. */
interface RandomIf {
  text: string;
  holds(event: CanonicalEvent): boolean;
}

function randomIf(random: Random, depth: number): RandomIf {
  if (depth > 0 && random.chance(0.4)) {
    const [one, other] = [randomIf(random, depth - 1), randomIf(random, depth - 1)];
    return random.chance(0.5)
      ? { text: `(${one.text}) && (${other.text})`, holds: (event) => one.holds(event) && other.holds(event) }
      : { text: `(${one.text}) || (${other.text})`, holds: (event) => one.holds(event) || other.holds(event) };
  }
  const field = random.pick(['peer.number', 'ours.number']);
  const inList = (event: CanonicalEvent): boolean => VIP.some((item) => keyOf(field, item) === valueOf(event, field));
  const teamOf = (event: CanonicalEvent): JsonValue =>
    Object.entries(MAPS['teams'] ?? {}).find(([key]) => keyOf(field, key) === valueOf(event, field))?.[1] ?? null;
  const isOpen = ({ occurred_at: at }: CanonicalEvent): boolean => at.slice(11, 16) >= '00:01';
  switch (random.below(7)) {
    case 0:
      return { text: `${field} in lists.vip`, holds: inList };
    case 1:
      return { text: `!(${field} in lists.vip)`, holds: (event) => !inList(event) };
    case 2:
      return { text: `${field} in maps.teams`, holds: (event) => teamOf(event) !== null };
    case 3:
      return { text: `maps.teams[${field}] == "sales"`, holds: (event) => teamOf(event) === 'sales' };
    case 4:
      return {
        text: `maps.teams[${field}] != "sales"`,
        holds: (event) => valueOf(event, field) !== null && teamOf(event) !== 'sales',
      };
    case 5:
      return { text: 'data.n in lists.codes', holds: (event) => [1, 5].includes(Number(valueOf(event, 'data.n'))) };
    default:
      return random.chance(0.5)
        ? { text: 'windows.day.open', holds: isOpen }
        : { text: '!windows.day.open', holds: (event) => !isOpen(event) };
  }
}

interface RandomRule {
  name: string;
  on: string;
  when: JsonObject;
  if: RandomIf | null;
  mode: string;
  stop: boolean;
}

function randomEvent(random: Random): CanonicalEvent {
  const maybe = (value: () => JsonValue): JsonValue => (random.chance(0.2) ? null : value());
  const address = (): JsonValue => ({ type: 'tel', target: random.pick(NUMBERS) });
  return eventOf(random.pick(TYPES), {
    id: 'e1',
    direction: maybe(() => random.pick(['incoming', 'outgoing'])),
    source: maybe(address),
    destination: maybe(address),
    hangup_reason: maybe(() => random.pick(['normal', 'busy', 'cancel', 'noanswer'])),
    status: maybe(() => random.pick(['done', 'ended', 'hangup', 'recording'])),
    text: maybe(() => random.pick(['stop', 'please stop', 'go'])),
    tm_create: '2026-03-02T00:00:00Z',
    tm_progressing: maybe(() => '2026-03-02T00:00:10Z'),
    tm_hangup: maybe(() => random.pick(['2026-03-02T00:00:40Z', '2026-03-02T00:01:10Z'])),
    a: maybe(() => ({ b: random.pick(['x', 'y', 'w']) })),
    n: maybe(() => random.pick([1, 2, 5])),
  });
}

// The plain definition, written down once more without any index, closure or library of the program's.

const E164: Readonly<Record<string, string>> = { '010-1111-2222': '+821011112222', '02-1111-2222': '+82211112222' };

function normal(field: string, value: JsonValue | undefined): JsonValue {
  if (typeof value === 'string' && field.endsWith('.number')) {
    return E164[value] ?? value;
  }
  return field === 'status' && value === 'done' ? 'ended' : (value ?? null);
}

function valueOf(event: CanonicalEvent, field: string): JsonValue {
  let value: unknown = event;
  for (const part of field.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : null;
  }
  // A withheld number is absent.
  return field.endsWith('.number') && value === 'anonymous' ? null : normal(field, (value ?? null) as JsonValue);
}

/** A duration of these tests in seconds. */
function seconds(field: string, written: JsonValue | undefined): JsonValue {
  const found = field === 'talk_s' ? /^(\d+)([sm])$/.exec(JSON.stringify(written).replaceAll('"', '')) : null;
  return found === null ? (written ?? null) : Number(found[1]) * (found[2] === 'm' ? 60 : 1);
}

/** A key of a map as a field has it: numbers in E.164. */
function keyOf(field: string, key: string): JsonValue {
  const digits = key.startsWith('+') ? key.replaceAll(/[^+\d]/g, '') : key;
  return field.endsWith('.number') ? normal(field, digits) : key;
}

/** The same test with its texts in lower case. */
function lower(test: JsonValue): JsonValue {
  if (Array.isArray(test)) {
    return test.map(lower);
  }
  if (typeof test === 'object' && test !== null) {
    return Object.fromEntries(
      Object.entries(test).map(([key, value]) => [key, value === undefined ? null : lower(value)]),
    );
  }
  return typeof test === 'string' ? test.toLowerCase() : test;
}

function fits(field: string, value: JsonValue, test: JsonValue): boolean {
  if (Array.isArray(test)) {
    return test.some((one) => seconds(field, normal(field, one)) === value);
  }
  if (typeof test !== 'object' || test === null) {
    return seconds(field, normal(field, test)) === value;
  }
  const { ignore_case: ignoresCase, ...operators } = test;
  if (ignoresCase === true) {
    return typeof value === 'string' && fits(field, value.toLowerCase(), lower(operators));
  }
  return Object.entries(operators).every(([operator, operand]) => {
    const texts = [operand].flat().filter((one) => typeof one === 'string');
    switch (operator) {
      case 'contains':
        return typeof value === 'string' && texts.some((text) => value.includes(text));
      case 'suffix':
        return typeof value === 'string' && texts.some((text) => value.endsWith(text));
      case 'lookup':
        return Object.entries(operand as JsonObject).every(([map, wanted]) => {
          const found = Object.entries(MAPS[map] ?? {}).find(([key]) => keyOf(field, key) === value);
          return found !== undefined && fits('', found[1], wanted);
        });
      case 'exists':
        return (value !== null) === operand;
      case 'not':
        return value !== null && !fits(field, value, operand);
      case 'in':
        return typeof operand === 'string'
          ? Object.keys(MAPS[operand.slice(1)] ?? {}).some((key) => keyOf(field, key) === value)
          : fits(field, value, operand);
      case 'prefix':
        return typeof value === 'string' && texts.some((text) => value.startsWith(text));
      case 'gte':
        return typeof value === 'number' && value >= Number(seconds(field, operand));
      default:
        return typeof value === 'number' && value < Number(seconds(field, operand));
    }
  });
}

function holds(event: CanonicalEvent, when: JsonObject): boolean {
  return Object.entries(when).every(([key, test]) => {
    const blocks = Array.isArray(test) ? (test as JsonObject[]) : [];
    switch (key) {
      case 'any':
        return blocks.some((block) => holds(event, block));
      case 'all':
        return blocks.every((block) => holds(event, block));
      case 'not':
        return !holds(event, test as JsonObject);
      default:
        return fits(key, valueOf(event, key), test);
    }
  });
}

const HEARS: Readonly<Record<string, (type: string) => boolean>> = {
  call_hungup: (type) => type === 'call_hangup',
  'call_*': (type) => type.startsWith('call_'),
  message_created: (type) => type === 'message_created',
  recording_updated: (type) => type.startsWith('recording_'),
  '"*"': () => true,
  '[call_created, message_created]': (type) => type === 'call_created' || type === 'message_created',
  agent_updated: (type) => type === 'agent_updated',
  'message_*': (type) => type.startsWith('message_'),
};

function plainly(rules: readonly RandomRule[], event: CanonicalEvent): string[] {
  const found: string[] = [];
  for (const rule of rules) {
    if (
      rule.mode !== 'off' &&
      HEARS[rule.on]?.(event.type) === true &&
      holds(event, rule.when) &&
      rule.if?.holds(event) !== false
    ) {
      found.push(rule.name);
      if (rule.stop && rule.mode === 'live') {
        break;
      }
    }
  }
  return found;
}

const DO = 'do: [{ http.request: { url: "https://example.com/" } }]';

test('the indexed matcher, the explanation and the plain definition agree on random rules and events', () => {
  let matches = 0;
  let stops = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = randomSource(seed);
    const rules: RandomRule[] = Array.from({ length: 1 + random.below(25) }, (_, index) => {
      const on = random.pick(ON);
      // An agent has no number. Most rules with conditions of both kinds would match nothing.
      const hasIf = on !== 'agent_updated' && random.chance(0.15);
      return {
        name: `r${index}`,
        on,
        when: hasIf && random.chance(0.7) ? {} : randomWhen(random, 2),
        if: hasIf ? randomIf(random, 2) : null,
        mode: random.pick(['live', 'live', 'live', 'shadow', 'off']),
        stop: random.chance(0.1),
      };
    });
    const set = ruleSetOf(
      `version: 1\ndefaults: { country: KR }\nlists: ${JSON.stringify(LISTS)}\nmaps: ${JSON.stringify(MAPS)}\nwindows: { day: { from: "00:01" } }\nrules:\n${rules.map((rule) => `  - { name: ${rule.name}, on: ${rule.on}, when: ${JSON.stringify(rule.when)},${rule.if === null ? '' : ` if: '${rule.if.text}',`} mode: "${rule.mode}", stop: ${rule.stop}, ${DO} }\n`).join('')}`,
    );
    for (let count = 0; count < 40; count += 1) {
      const event = randomEvent(random);
      const expected = plainly(rules, event);
      matches += expected.length;
      stops += rules.some(({ name, stop }) => stop && expected.at(-1) === name) ? 1 : 0;
      const about = { seed, count, type: event.type };
      expect({ ...about, found: set.matching(event).map(({ name }) => name) }).toEqual({ ...about, found: expected });
      const explained = explain(set, event, { actions: testActions }).rules.filter(
        ({ outcome }) => outcome === 'runs' || outcome === 'shadow',
      );
      expect({ ...about, found: explained.map(({ rule }) => rule).sort() }).toEqual({
        ...about,
        found: [...expected].sort(),
      });
    }
  }
  // The test is worth something only while enough rules match.
  expect(matches).toBeGreaterThan(1_000);
  expect(stops).toBeGreaterThan(20);
});

describe('cost', () => {
  const call = eventOf('call_hangup', {
    id: 'c',
    direction: 'incoming',
    source: { type: 'tel', target: '+821011112222' },
    destination: { type: 'tel', target: '+15551230500' },
    hangup_reason: 'normal',
  });
  const rule = (index: number, condition: string): string =>
    `  - { name: r${index}, on: call_hangup, when: { direction: inbound, ${condition} }, ${DO} }\n`;
  const setOf = (rules: string[]) => ruleSetOf(`version: 1\nrules:\n${rules.join('')}`);
  const number = (index: number): string => `ours.number: "+1555123${String(index).padStart(4, '0')}"`;

  /** How often a plan reads a value of the event: the work that grows with the rules that are looked at. */
  function reads(set: ReturnType<typeof setOf>): number {
    let count = 0;
    const counting = new Proxy(call, {
      get: (target, name, receiver): unknown => {
        count += 1;
        return Reflect.get(target, name, receiver);
      },
    });
    set.plan(counting);
    return count;
  }

  test('a thousand rules for a thousand numbers are looked at like one', () => {
    const one = setOf([rule(500, number(500))]);
    const thousand = setOf(Array.from({ length: 1_000 }, (_, index) => rule(index, number(index))));
    expect(thousand.plan(call)?.rules.map(({ name }) => name)).toEqual(['r500']);
    expect(reads(thousand)).toBe(reads(one));
  });

  test('each field is read once, however many rules have a condition on it', () => {
    const prefixed = (index: number): string => rule(index, `peer.number: { prefix: "+82109${index}" }`);
    const thousand = setOf(Array.from({ length: 1_000 }, (_, index) => prefixed(index)));
    expect(thousand.plan(call)).toBeNull();
    expect(reads(thousand)).toBeLessThan(reads(setOf([prefixed(1)])) + 2 * 1_000);
  });

  test('hostile patterns and expressions have a result', () => {
    const text = `${'a'.repeat(500_000)}!`;
    const event = eventOf('message_created', {
      id: 'm',
      text,
      pattern: '[ab]*a[ab]{900}',
      list: Array.from({ length: 5_000 }, (_, index) => index),
    });
    const set = ruleSetOf(`version: 1
rules:
  - { name: pattern, on: message_created, when: { text: { matches: "^(a|a)+$" } }, ${DO} }
  - { name: cel, on: message_created, if: 'text.matches("^(a+)+$")', ${DO} }
  - { name: both, on: message_created, if: 'text.matches(".*(a?){100}a{100}.*b")', ${DO} }
  - { name: made, on: message_created, if: 'text.matches(data.pattern)', ${DO} }
  - { name: loop, on: message_created, if: 'data.list.all(x, x >= 0.0)', ${DO} }
`);
    expect(set.plan(event)?.rules.map(({ name }) => name)).toEqual(['pattern', 'cel', 'loop']);
  });
});
