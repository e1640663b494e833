import type { JsonObject } from '../../../src/events/json';
import { analyseCel } from '../../../src/rules/language/cel-references';
import { compileCel, type CelOutcome } from '../../../src/rules/language/cel';
import { evaluateCondition } from '../../../src/rules/language/condition';
import type { Plan } from '../../../src/rules/plan';
import type { RuleSet } from '../../../src/rules/rule-set';
import { renderInput, TemplateError } from '../../../src/rules/language/template';
import { explain } from '../../../src/rules/tools/explain';
import { testActions } from '../catalogue';
import { eventOf, ruleSetOf } from '../load-text';
import { MOMENT } from './moment';

/**
 * What one evaluation may take, in CPU time of this process: some fifty times what it takes on an idle machine. Only an
 * operation that the budget does not count takes longer.
 */
const CPU_LIMIT_MS = 5_000;

/** An event of about 10 MB, as a sender may make it. */
const LARGE: JsonObject = {
  id: 'm1',
  text: 'ab'.repeat(300_000),
  numbers: Array.from({ length: 30_000 }, () => 1),
  allowed: [...Array.from({ length: 30_000 }, () => 0), 1],
  many: Array.from({ length: 500_000 }, (_, index) => index % 10),
  texts: Array.from({ length: 2_000 }, (_, index) => `${'x'.repeat(1_000)}${index % 7}`),
  other_texts: Array.from({ length: 2_000 }, () => `${'x'.repeat(1_000)}-`),
  objects: Array.from({ length: 20_000 }, (_, index) => ({ n: index % 5, name: `name ${index}`, tags: ['a', 'b'] })),
  map: Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key${index}`, index])),
  digits: '9'.repeat(200_000),
  zones: 'Z ('.repeat(60_000),
  aaa: 'a'.repeat(1_000_000),
  aab: `b${'a'.repeat(300_000)}`,
  pattern: '(a?){100}a{100}',
  exact: Array.from({ length: 9_000 }, () => ({ $number: '19.90' })),
};
const EVENT = eventOf('message_created', LARGE);

function variables(data: JsonObject): JsonObject {
  return { data };
}

function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Renders a text as the worker does; `over_budget`, or `failed` for another failure. */
function rendered(text: string, data?: JsonObject): string {
  const event = data === undefined ? EVENT : eventOf('message_created', data);
  try {
    renderInput({ text }, { event, steps: {}, timezone: 'UTC', country: 'US', ...MOMENT, sinkOf: () => 'html' });
    return 'rendered';
  } catch (error) {
    if (error instanceof TemplateError) {
      return error.code === 'over_budget' ? 'over_budget' : 'failed';
    }
    throw error;
  }
}

describe('conditions over the budget', () => {
  test.each([
    ['in within a loop', 'data.numbers.all(t, t in data.allowed)'],
    ['in within a loop, of texts', 'data.texts.exists(t, t in data.other_texts)'],
    ['in of an object within a loop', 'data.objects.all(t, !({"n": 9.0} in data.objects))'],
    ['equality of lists within a loop', 'data.objects.all(t, data.many == data.many)'],
    ['equality of lists without a loop', 'data.many == data.many'],
    ['equality of maps within a loop', 'data.objects.all(t, data.map == data.map)'],
    ['a sum of lists within a loop', 'data.objects.all(t, size(data.numbers + data.numbers) > 0)'],
    ['a list that grows', 'size(data.many.map(t, t + t)) > 0'],
    ['a long list', 'data.many.all(t, t >= 0.0)'],
    ['contains within a loop', 'data.objects.all(t, !data.aaa.contains(t.name))'],
    ['a long text in a long text', 'data.aaa.contains(data.aab)'],
    ['size within a loop', 'data.objects.all(t, size(data.text) > 0)'],
    ['a text that grows within a loop', 'data.objects.all(t, data.text + t.name != "")'],
    ['matches within a loop', 'data.texts.all(t, t.matches("x.*[0-9]$"))'],
    ['a pattern of the sender within a loop', 'data.objects.all(t, !data.aaa.matches(data.pattern + t.name))'],
    ['errors within a loop', 'data.many.all(t, t < "a")'],
    ['a number of many digits', 'int(data.digits) > 0'],
    ['a time in a zone within a loop', 'data.numbers.all(t, timestamp(occurred_at).getHours("Asia/Seoul") >= 0)'],
    ['reading a large object within a loop', 'data.many.all(t, data.map.key1 >= 0.0)'],
    [
      'an object as a list',
      'data.map.all(key, data.map[key] >= 0.0) && data.map.all(key, key != "")  && data.map.all(key, key != "a")',
    ],
  ])('%s', (_, expression) => {
    const evaluate = compileCel(expression);
    let outcome: CelOutcome | null = null;
    const took = cpuMs(() => {
      outcome = evaluate({ ...variables(LARGE), occurred_at: '2026-03-01T23:58:55Z' });
    });
    expect(outcome).toEqual({ met: false, problem: 'over_budget' });
    expect(took).toBeLessThan(CPU_LIMIT_MS);
  });

  test('an error that || drops does not hide it', () => {
    const evaluate = compileCel('data.numbers.all(t, t in data.allowed) || true');
    expect(evaluate(variables(LARGE))).toEqual({ met: false, problem: 'over_budget' });
  });

  test('the next evaluation has a whole budget', () => {
    const slow = compileCel('data.many.all(t, t >= 0.0)');
    slow(variables(LARGE));
    expect(compileCel('size(data.numbers) == 30000')(variables(LARGE))).toEqual({ met: true });
  });

  test('the count of steps does not depend on earlier evaluations', () => {
    const evaluate = compileCel('data.list.all(t, t in data.list)');
    const outcomes = Array.from({ length: 5 }, (_, index) =>
      [1, 2].map(() => evaluate(variables({ list: Array.from({ length: 200 * (index + 1) }, () => 1) }))),
    );
    for (const [first, second] of outcomes) {
      expect(first).toEqual(second);
    }
  });

  test('messages cannot be made', () => {
    const [problem] = analyseCel('google.protobuf.ListValue{values: data.many} == data.many').problems;
    expect(problem?.message).toBe('a condition cannot make a google.protobuf.ListValue');
  });

  test('a step fails with over_budget', () => {
    const scope = { event: EVENT, steps: {}, country: null };
    expect(() => evaluateCondition('data.numbers.all(t, t in data.allowed)', scope)).toThrow(
      expect.objectContaining({ code: 'over_budget', message: 'the condition takes too many steps on this event' }),
    );
    expect(() => evaluateCondition('data.numbers < 5', scope)).toThrow(expect.objectContaining({ code: 'template' }));
  });
});

describe('conditions mean the same as CEL says', () => {
  const data: JsonObject = {
    list: [1, 2, 'a', null, [1], { a: 1 }],
    same: [1, 2, 'a', null, [1], { a: 1 }],
    text: 'a😀b',
    map: { a: 1, b: null, 'x y': [1, 2], constructor: 'c' },
    same_map: { b: null, constructor: 'c', 'x y': [1, 2], a: 1 },
    empty: [],
  };
  test.each([
    ['data.list == data.same', true],
    ['data.list != data.same', false],
    ['data.map == data.same_map', true],
    ['data.list == [1, 2, "a", null, [1], {"a": 1}]', true],
    ['data.list == [1.0, 2.0, "a", null, [1.0]]', false],
    ['data.list + data.empty == data.list', true],
    ['data.empty + [1] + [2] == [1, 2]', true],
    ['size(data.list + data.list) == 12', true],
    ['1 in data.list && 2.0 in data.list && 1u in data.list', true],
    ['[1] in data.list && {"a": 1} in data.list && null in data.list', true],
    ['3 in data.list || "b" in data.list', false],
    ['"a" in data.map', true],
    ['"z" in data.map', false],
    ['has(data.map.a) && !has(data.map.z)', true],
    ['data.map["x y"][1] == 2.0', true],
    ['data.map.constructor == "c"', true],
    ['size(data.text) == 3 && data.text.size() == 3', true],
    ['data.text.contains("😀") && data.text.startsWith("a") && data.text.endsWith("b")', true],
    ['data.text + "c" == "a😀bc"', true],
    ['[1, 2, 3].map(x, x * 2) == [2, 4, 6]', true],
    ['[1, 2, 3].filter(x, x > 1) == [2, 3]', true],
    ['[1, 2, 3].exists_one(x, x > 2)', true],
    ['data.list.exists(x, x == "a")', true],
    ['data.map.exists(key, key == "x y")', true],
    ['data.map.all(key, key != "z")', true],
    ['size([1, 2].map(x, x) + [1, 2].map(x, x)) == 4', true],
    ['data.text.matches("^a.b$")', true],
    ['int("12") == 12 && double("1.5") == 1.5', true],
    ['timestamp("2026-01-01T10:00:00Z").getHours("Asia/Seoul") == 19', true],
    ['b"a" == b"a" && b"a" != b"b"', true],
    ['type(data.list) == list && type(data.map) == map', true],
  ])('%s', (expression, met) => {
    expect(compileCel(expression)(variables(data))).toEqual({ met });
  });

  test('a list that two others continue keeps its own items', () => {
    const expression = '[[1, 2].map(x, x)].all(l, (l + [3]) == [1, 2, 3] && (l + [4]) == [1, 2, 4] && l == [1, 2])';
    expect(compileCel(expression.replace('[1, 2].map(x, x)', '[1] + [2]'))({})).toEqual({ met: true });
  });
});

describe('templates over the budget', () => {
  test('looking up long texts that are like numbers costs more than looking up numbers', () => {
    const outcomeFor = (texts: string[]): string =>
      rendered("{% for one in data.texts %}{{ one | lookup: 'm' | default: '' }}{% endfor %}", { id: 'm1', texts });
    expect(outcomeFor(Array.from({ length: 900 }, (_, index) => `+1 (555) ${index}`))).toBe('rendered');
    expect(outcomeFor(Array.from({ length: 900 }, (_, index) => '('.repeat(200) + String(index)))).toBe('over_budget');
    expect(outcomeFor(['x'.repeat(400_000)])).toBe('rendered');
  });

  test('reading what is absent costs more than reading what is there', () => {
    const objects = Array.from({ length: 5_000 }, (_, index) => ({ there: index }));
    const outcomeFor = (name: string): string =>
      rendered(`{% for t in data.objects %}{{ t.${name} | default: 'x' }}{% endfor %}`, { id: 'm1', objects });
    expect(outcomeFor('there')).toBe('rendered');
    expect(outcomeFor('absent')).toBe('over_budget');
  });

  test.each([
    ['contains within a loop', '{% for t in data.numbers %}{% if data.allowed contains 7 %}x{% endif %}{% endfor %}'],
    [
      'equality of lists within a loop',
      '{% for t in data.numbers %}{% if data.many == data.many %}x{% endif %}{% endfor %}',
    ],
    [
      'comparing lists as texts',
      '{% for t in data.numbers %}{% if data.many < data.allowed %}x{% endif %}{% endfor %}',
    ],
    [
      'a case on a list',
      '{% for t in data.numbers %}{% case data.many %}{% when data.many %}x{% endcase %}{% endfor %}',
    ],
    [
      'a loop over an object within a loop',
      '{% for t in data.numbers %}{% for k in data.map %}{% break %}{% endfor %}{% endfor %}',
    ],
    ["an object's size within a loop", '{% for t in data.numbers %}{{ data.map.size }}{% endfor %}'],
    ['an object compared with empty', '{% for t in data.numbers %}{% if data.map == empty %}x{% endif %}{% endfor %}'],
    ['sort within a loop', '{% for t in data.numbers %}{% assign s = data.texts | sort %}{% endfor %}'],
    ['sort', '{{ data.many | sort | first }}'],
    ['sort_natural', '{{ data.texts | sort_natural | first }}'],
    [
      'where',
      '{{ data.objects | where: "n", 3 | size }}{{ data.objects | where: "n", 2 | size }}{{ data.objects | where: "n", 1 | size }}',
    ],
    ['where_exp with a list', '{{ data.numbers | where_exp: "t", "data.allowed contains t" | size }}'],
    ['join within a loop', '{% for t in data.numbers %}{{ data.many | join: "," | size }}{% endfor %}'],
    [
      'split',
      '{{ data.text | split: "" | size }}{{ data.aaa | split: "" | size }}{{ data.aaa | split: "" | size }}{{ data.aaa | split: "" | size }}',
    ],
    ['replace that grows', '{{ data.aaa | replace: "a", data.text | size }}'],
    ['a search for a long text', '{{ data.aaa | remove_last: data.aab | size }}'],
    [
      'a text that doubles',
      '{% assign s = data.text %}{% for t in data.numbers %}{% assign s = s | append: s %}{% endfor %}',
    ],
    ['dates within a loop', '{% for t in data.numbers %}{{ occurred_at | date: "%H" }}{% endfor %}'],
    ['phone numbers within a loop', '{% for t in data.numbers %}{{ "+15551234567" | phone }}{% endfor %}'],
    ['a padded date', '{{ occurred_at | date: "%9999999d" }}'],
    ['the payload within a loop', '{% for t in data.numbers %}{{ data.objects }}{% endfor %}'],
    ['reading a long list within a loop', '{% for t in data.numbers %}{% if data.many %}x{% endif %}{% endfor %}'],
    ['a list of exact numbers within a loop', '{% for t in data.numbers %}{% if data.exact %}x{% endif %}{% endfor %}'],
    ["an expression of the sender's", '{{ data.map | where_exp: "t", data.text | size }}'],
    ["an expression of the sender's for one value", '{{ data.id | find_exp: "t", data.text | size }}'],
    ['loops within loops', '{% for a in data.numbers %}{% for b in data.numbers %}x{% endfor %}{% endfor %}'],
  ])('%s', (_, text) => {
    let outcome = '';
    const took = cpuMs(() => {
      outcome = rendered(text);
    });
    expect(outcome).toBe('over_budget');
    expect(took).toBeLessThan(CPU_LIMIT_MS);
  });

  test.each([
    ['a date that is none', '{{ data.zones | date }}{{ data.zones | date_to_xmlschema }}'],
    ['a slice from a very large number', '{{ data.digits | slice: data.digits }}'],
  ])('%s is rendered in no time', (_, text) => {
    let outcome = '';
    const took = cpuMs(() => {
      outcome = rendered(text);
    });
    expect(outcome).toBe('rendered');
    expect(took).toBeLessThan(CPU_LIMIT_MS);
  });

  test('the texts of one step share the budget', () => {
    const input = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`text${index}`, '{{ data.objects | map: "n" | size }}']),
    );
    const context = {
      event: EVENT,
      steps: {},
      timezone: 'UTC',
      country: null,
      ...MOMENT,
      sinkOf: () => 'plain' as const,
    };
    expect(() => renderInput(input, context)).toThrow(/it takes too much time or memory/);
  });

  test('a long text alone is rendered', () => {
    expect(rendered('{{ data.text }}')).toBe('rendered');
    expect(rendered('{{ data.text | truncate: 50 | upcase }}')).toBe('rendered');
  });
});

describe('a rule whose condition is over the budget', () => {
  const set = ruleSetOf(`version: 1
rules:
  - { name: slow, on: message_created, stop: true, if: "data.numbers.all(t, t in data.allowed)", do: [{ slack.post_message: { channel: '#c', text: hi } }] }
  - { name: unlike, on: message_created, when: { data.id: other }, if: "data.many.all(t, t >= 0.0)", do: [{ slack.post_message: { channel: '#c', text: hi } }] }
  - { name: quick, on: message_created, do: [{ slack.post_message: { channel: '#c', text: hi } }] }
`);

  test('is in the plan with its failure and without steps, and stops no rule', () => {
    const plan = set.plan(EVENT);
    expect(plan?.rules.map(({ name, failure, steps }) => [name, failure?.code, steps.length])).toEqual([
      ['slow', 'over_budget', 0],
      ['quick', undefined, 1],
    ]);
    expect(plan?.rules[0]?.failure?.message).toBe(
      'the conditions of the rule take too many steps on this event, alone or with those of the rules above it',
    );
    expect(set.matching(EVENT).map(({ name }) => name)).toEqual(['quick']);
  });

  test('has a plan of its own: a smaller event matches the rule', () => {
    const small = eventOf('message_created', { id: 'm2', numbers: [1], allowed: [1] });
    expect(set.plan(small)?.rules.map(({ name, failure }) => [name, failure])).toEqual([['slow', undefined]]);
  });

  test('is explained as failed', () => {
    const [quick, slow, ...others] = explain(set, EVENT, { actions: testActions }).rules;
    expect(quick).toMatchObject({ rule: 'quick', outcome: 'runs' });
    expect(slow).toMatchObject({
      rule: 'slow',
      outcome: 'failed',
      why: 'it fails: its condition takes too many steps on this event',
    });
    expect(slow?.conditions[0]?.actual).toBe('it takes more than 170000 steps');
    expect(others.map(({ rule, outcome }) => [rule, outcome])).toEqual([['unlike', 'not_met']]);
  });
});

describe('the rules of one event together', () => {
  const DO = "do: [{ slack.post_message: { channel: '#c', text: hi } }]";
  const slow = (index: number): string =>
    `  - { name: slow${index}, on: message_created, if: 'data.many.all(t, t >= 0)', ${DO} }\n`;
  const setOf = (slowRules: number): RuleSet =>
    ruleSetOf(`version: 1
rules:
${Array.from({ length: slowRules }, (_, index) => slow(index)).join('')}
  - { name: ordinary, on: message_created, if: 'data.objects[0].name == "name 0" && text.size() > 5', ${DO} }
  - { name: searched, on: message_created, when: { text: { matches: "(?i)^[ab]{90}(stop|cancel|abab)" } }, ${DO} }
`);

  test('share a budget, and an ordinary condition never fails because of others', () => {
    const event = { ...EVENT, text: 'ab'.repeat(2_500) };
    const [few, many] = [setOf(1), setOf(200)];
    const ofFew = cpuMs(() => few.plan(event));
    const plans: (Plan | null)[] = [];
    const ofMany = cpuMs(() => plans.push(many.plan(event)));
    const [plan] = plans;
    expect(
      plan?.rules.filter(({ name }) => name.startsWith('slow')).every(({ failure }) => failure !== undefined),
    ).toBe(true);
    expect(plan?.rules.find(({ name }) => name === 'ordinary')).toMatchObject({ steps: [{}] });
    // Whole budgets for all would take 200 times as long.
    expect(ofMany).toBeLessThan(100 * ofFew);
  });

  test('count the patterns of when, too', () => {
    const set = setOf(200);
    const plan = set.plan({ ...EVENT, text: 'ab'.repeat(2_500) });
    expect(plan?.rules.find(({ name }) => name === 'searched')?.failure?.code).toBe('over_budget');
    expect(set.plan({ ...EVENT, text: 'ab'.repeat(60) })?.rules.find(({ name }) => name === 'searched')).toMatchObject({
      steps: [{}],
    });
  });
});
