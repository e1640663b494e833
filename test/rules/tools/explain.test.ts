import type { JsonObject } from '../../../src/events/json';
import { explain } from '../../../src/rules/tools/explain';
import { formatExplanation } from '../../../src/rules/tools/format-explanation';
import { testActions } from '../catalogue';
import { eventOf, ruleSetOf } from '../load-text';

const RULES = `version: 1
defaults: { timezone: Asia/Seoul, country: KR }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
lists: { sales: ["02-1111-2222"] }
rules:
  - name: missed
    on: call_hungup
    when:
      direction: inbound
      answered: false
      ours.number: { in: $sales }
      during: office
    if: ring_s > 3
    limits: { cooldown: 10m per peer.number, max: 200 per day }
    do:
      - id: call
        hubspot.log_call: { title: "Missed {{ peer.number | phone: 'national' | default: '?' }}" }
      - slack.post_message: { channel: "#c", text: "{{ steps.call.contact.name | default: peer.name }}" }
        if: direction == "outbound"
  - name: far
    on: call_*
    when: { direction: outbound, any: [{ reason: busy }, { reason: noanswer, hangup_by: local }], not: { peer.type: tel } }
    do: [{ http.request: { url: "https://example.com/" } }]
  - name: one-short
    on: call_hangup
    when: { direction: inbound, reason: [busy, noanswer], text: { exists: false } }
    do: [{ http.request: { url: "https://example.com/" } }]
  - name: dry-run
    mode: shadow
    on: call_hangup
    do: [{ http.request: { url: "https://example.com/{{ peer.name | default: '-' }}" } }]
  - name: resting
    mode: "off"
    on: call_hangup
    do: [{ http.request: { url: "https://example.com/" } }]
  - name: texts
    on: message_created
    do: [{ http.request: { url: "https://example.com/" } }]
`;

/** Monday 2026-03-02 10:00 in Seoul. */
const CALL: JsonObject = {
  id: 'c1',
  direction: 'incoming',
  source: { type: 'tel', target: '+821012345678', target_name: 'Kim & Co' },
  destination: { type: 'tel', target: '+82211112222' },
  hangup_by: 'remote',
  hangup_reason: 'cancel',
  tm_create: '2026-03-02T00:59:50Z',
  tm_hangup: '2026-03-02T01:00:00Z',
};

test('every rule with every condition, what runs first, then near misses, then the rest', () => {
  const set = ruleSetOf(RULES);
  expect(formatExplanation(explain(set, eventOf('call_hungup', CALL), { actions: testActions })))
    .toBe(`call_hangup/c1 (sent as call_hungup), rule set ${set.hash}

missed: it matches  (rules.yaml:6)
  ✓ direction: "inbound", is "inbound"  (line 9)
  ✓ answered: false, is false  (line 10)
  ✓ ours.number: one of $sales, is "+82211112222"  (line 11)
  ✓ during: office, is inside, at 2026-03-02T01:00:00.000Z  (line 12)
  ✓ if: ring_s > 3  (line 13)
  · at most once in 600 s per peer.number (counted when the rule runs)
  · at most 200 per day (counted when the rule runs)
  → hubspot.log_call (call)
      title: Missed 010-1234-5678
  → slack.post_message, skipped: direction == "outbound"
      without the results of call, which are not known here:
      channel: #c
      text: Kim &amp; Co

dry-run: it matches in shadow mode: its steps do not run  (rules.yaml:28)
  → http.request
      url: https://example.com/Kim%20%26%20Co

one-short: one condition is not met  (rules.yaml:24)
  ✓ direction: "inbound", is "inbound"  (line 26)
  ✗ reason: one of "busy", "noanswer", is "cancel"  (line 26)
  ✓ text: absent, is absent  (line 26)

far: 3 conditions are not met  (rules.yaml:20)
  ✗ direction: "outbound", is "inbound"  (line 22)
  ✗ any of:  (line 22)
    ✗ reason: "busy", is "cancel"  (line 22)
    ✗ all of:  (line 22)
      ✗ reason: "noanswer", is "cancel"  (line 22)
      ✗ hangup_by: "local", is "remote"  (line 22)
  ✗ not:  (line 22)
    ✓ peer.type: "tel", is "tel"  (line 22)

resting: it is off, but would match  (rules.yaml:32)

1 rule listens to other events: texts`);
});

test('of alternatives the nearest counts, so that near misses stand in their order', () => {
  const rule = (name: string, when: string): string =>
    `  - { name: ${name}, on: call_hangup, when: { ${when} }, do: [{ http.request: { url: "https://example.com/" } }] }\n`;
  const set = ruleSetOf(`version: 1
rules:
${rule('two-short', 'direction: outbound, answered: true')}${rule('one-short-of-many', 'any: [{ direction: outbound, answered: true }, { reason: busy }, { direction: outbound, talk_s: 5 }]')}${rule('two-in-each', 'any: [{ direction: outbound, answered: true }, { reason: busy, talk_s: 5, direction: outbound }]')}${rule('three-short', 'direction: outbound, answered: true, any: [{ reason: busy }, { reason: normal }]')}`);
  const { rules } = explain(set, eventOf('call_hangup', CALL), { actions: testActions });
  expect(rules.map(({ rule: name, missing }) => [name, missing])).toEqual([
    ['one-short-of-many', 1],
    ['two-short', 2],
    ['two-in-each', 2],
    ['three-short', 3],
  ]);
});

test('what an event does not have is said to be absent', () => {
  const set = ruleSetOf(RULES);
  const { rules } = explain(set, eventOf('call_hungup', { id: 'c2' }), { actions: testActions, rule: 'missed' });
  expect(rules).toHaveLength(1);
  expect(rules[0]).toMatchObject({ outcome: 'not_met', missing: 4 });
  expect(rules[0]?.conditions.map(({ what, actual }) => [what, actual])).toEqual([
    ['direction', 'absent'],
    ['answered', 'absent'],
    ['ours.number', 'absent'],
    ['during', 'inside, at 2026-03-02T01:00:30.000Z'],
    ['if', 'it needs an absent value'],
  ]);
});

test('one rule asked for by name is explained even when it listens to other events', () => {
  const text = formatExplanation(
    explain(ruleSetOf(RULES), eventOf('call_hungup', CALL), { actions: testActions, rule: 'texts' }),
  );
  expect(text).toContain('texts: it listens to message_created; this event is call_hangup  (rules.yaml:36)');
});

test('a rule under one that stops, and an event that is too old', () => {
  const rule = (name: string, more: string): string =>
    `  - { name: ${name}, on: call_hangup, ${more} do: [{ http.request: { url: "https://example.com/" } }] }\n`;
  const set = ruleSetOf(
    `version: 1\nrules:\n${rule('first', 'stop: true,')}${rule('second', '')}${rule('third', 'max_age: 10s,')}`,
  );
  const { rules } = explain(set, eventOf('call_hangup', CALL), { actions: testActions });
  expect(rules.map(({ rule: name, outcome, why }) => [name, outcome, why])).toEqual([
    ['first', 'runs', 'it matches'],
    ['second', 'stopped', 'it would match, but the rule first above it has stop'],
    ['third', 'not_met', 'one condition is not met'],
  ]);
  expect(rules[2]?.conditions).toMatchObject([
    { what: 'max_age', expected: 'at most 10 s old', actual: '30 s old', met: false },
  ]);
});

test('a template that cannot be rendered is told, not thrown', () => {
  const set = ruleSetOf(
    'version: 1\nrules:\n  - { name: r, on: call_hangup, do: [{ slack.post_message: { channel: c, text: "{% for a in (1..data.count) %}x{% endfor %}" } }] }\n',
  );
  const event = eventOf('call_hangup', { ...CALL, count: 9_999_999 });
  const text = formatExplanation(explain(set, event, { actions: testActions }));
  expect(text).toContain(
    'rule "r", step "slack.post_message#1", input "text" cannot be rendered: it takes too much time or memory',
  );
});

test.each([
  ['STOP', '(opt-out)', 'skipped: opted_out'],
  ['Liked “Hello”', null, 'skipped: reaction'],
  ['START', '(opt-in)', null],
  ['Hello', null, null],
])('a text that says %j: what the run records, and whether it is answered', (text, records, skipped) => {
  const set = ruleSetOf(`version: 1
rules:
  - { name: reply, on: message_created, do: [{ voipbin.send_message: { text: Thanks } }] }
`);
  const event = eventOf('message_created', {
    id: 'm1',
    direction: 'inbound',
    source: { type: 'tel', target: '+15551234567' },
    targets: [{ destination: { type: 'tel', target: '+15559876543' }, status: 'received' }],
    text,
  });
  const explained = formatExplanation(explain(set, event, { actions: testActions }));

  expect(/\((?:opt-out|opt-in)\)/.exec(explained)?.[0] ?? null).toBe(records);
  expect(/skipped: \w+/.exec(explained)?.[0] ?? null).toBe(skipped);
});
