import { compileRules } from '../../src/rules/compile-rules';
import type { RuleSet } from '../../src/rules/rule-set';
import { finish, type Work } from '../../src/timing/work';
import { valuesOf } from './compared-values';
import { eventOf, findingsOf, ruleSetOf } from './load-text';

const STEP = '    do:\n      - slack.post_message: { channel: "#a", text: "{{ id }}" }\n';

function file(count: number, rule: (index: number) => string, before = ''): string {
  const rules = Array.from({ length: count }, (_, index) => `  - name: r${index}\n${rule(index)}${STEP}`);
  return `version: 1\n${before}rules:\n${rules.join('')}`;
}

/** How many times the work yields, and the steps that it says it took. */
function stepsOf(work: Work<unknown>): number {
  let steps = 0;
  for (let done = work.next(); done.done !== true; done = work.next()) {
    steps += done.value;
  }
  return steps;
}

function compileSteps(text: string): number {
  return stepsOf(compileRules(ruleSetOf(text).rules));
}

function namesFor(rules: RuleSet, type: string): string[] {
  return rules.matching(eventOf(type, { id: 'c1' })).map(({ name }) => name);
}

test.each<[string, (index: number) => string]>([
  ['rules on types of their own, below one on every type', (n) => `    on: ${n === 0 ? '"*"' : `custom_t${n}`}\n`],
  ['rules on a type and a family', (n) => `    on: [custom_t${n}, call_*]\n`],
  ['rules that require the same value', () => '    on: call_hangup\n    when: { direction: inbound }\n'],
])('compiling %s grows with their number', (_what, rule) => {
  expect(compileSteps(file(800, rule))).toBeLessThan(compileSteps(file(400, rule)) * 3);
});

test('an event of a type that only rules know is matched by the rules that name it and by those on families', () => {
  const rules = ruleSetOf(
    file(4, (n) => `    on: ${['"*"', 'agent_seen', '[agent_*, agent_seen]', 'agent_gone'][n]}\n`),
  );
  expect(namesFor(rules, 'agent_seen')).toEqual(['r0', 'r1', 'r2']);
  expect(namesFor(rules, 'agent_gone')).toEqual(['r0', 'r2', 'r3']);
  expect(namesFor(rules, 'agent_other')).toEqual(['r0', 'r2']);
  expect(namesFor(rules, 'call_hangup')).toEqual(['r0']);
});

test('rules that share a long list are matched without an index of all its values for each of them', () => {
  const numbers = Array.from({ length: 1_000 }, (_, n) => `"+1555${1_000_000 + n}"`).join(', ');
  const text = file(
    1_100,
    () => '    on: call_hangup\n    when: { peer.number: { in: $vip } }\n',
    `lists: { vip: [${numbers}] }\n`,
  );
  const rules = ruleSetOf(text);
  expect(stepsOf(compileRules(rules.rules))).toBeLessThan(200_000);
  const event = eventOf('call_hangup', {
    id: 'c1',
    direction: 'incoming',
    source: { type: 'tel', target: '+15551000007' },
    destination: { type: 'tel', target: '+15559999999' },
  });
  expect(rules.matching(event)).toHaveLength(1_100);
});

test('conditions on one list share its values', () => {
  const text = file(
    2,
    () => '    on: call_hangup\n    when: { peer.number: { in: $vip } }\n',
    'defaults: { country: KR }\nlists: { vip: ["010-1234-5678"] }\n',
  );
  const values = ruleSetOf(text).rules.map(({ when }) => valuesOf(when));
  expect(values[0]).toEqual(['+821012345678']);
  expect(values[1]).toBe(values[0]);
});

test('a wrong item of a list is reported wherever the list is used', () => {
  const text = file(
    2,
    () => '    on: call_hangup\n    when: { direction: { in: $ways } }\n',
    'lists: { ways: [inbund] }\n',
  );
  expect(findingsOf(text).filter((line) => line.includes('inbund'))).toHaveLength(2);
});

test('a rule that a rule with stop above covers is reported, also behind hundreds of others with stop', () => {
  const text = file(450, (n) =>
    n < 448
      ? `    on: call_hangup\n    stop: true\n    when: { peer.number: "+1555${1_000_000 + n}" }\n`
      : '    on: message_created\n    stop: true\n    when: { direction: inbound }\n',
  );
  const found = findingsOf(text).filter((line) => line.includes('can never match'));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain('the rule r449 can never match: r448');
});

test('work gives the same result at once and in slices', () => {
  const { rules } = ruleSetOf(
    file(30, (n) => `    on: call_hangup\n    when: { direction: inbound }\n    max_age: ${n + 1}m\n`),
  );
  expect(finish(compileRules(rules)).rules).toHaveLength(30);
});
