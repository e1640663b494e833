import { NOTHING_KNOWN, type KnownCalls } from '../../src/events/known-calls';
import type { JsonObject } from '../../src/events/json';
import { decideRules } from '../../src/worker/decide-rules';
import type { RuleDecision } from '../../src/runs/run-contract';
import { explain } from '../../src/rules/tools/explain';
import { testActions } from './catalogue';
import { eventOf, ruleSetOf } from './load-text';

const tel = (target: string): JsonObject => ({ type: 'tel', target });
const CALL: JsonObject = {
  id: 'c1',
  source: tel('+15551234567'),
  destination: tel('+15559876543'),
  direction: 'incoming',
  status: 'hangup',
  tm_create: '2026-03-02T00:58:00Z',
  tm_progressing: '2026-03-02T00:58:05Z',
  tm_hangup: '2026-03-02T01:00:00Z',
};
const ABANDONED: JsonObject = { id: 'q1', reference_type: 'call', reference_id: 'c1', status: 'abandoned' };
/** The result of a look-up that found the call. */
const FOUND: JsonObject = { calls: { c1: CALL }, references: {}, agents: {} };
const GONE: JsonObject = { calls: { c1: null }, references: {}, agents: {} };

function rules(...texts: string[]) {
  const lines = texts.map((text, index) => `  - { name: r${index + 1}, on: queuecall_abandoned, ${text} }\n`);
  return ruleSetOf(`version: 1\ndefaults: { country: US }\nrules:\n${lines.join('')}`);
}
const HTTP = 'do: [{ http.request: { url: "https://example.com/" } }]';

async function decisions(set: ReturnType<typeof rules>, calls: JsonObject): Promise<Record<string, RuleDecision>> {
  const event = eventOf('queuecall_abandoned', ABANDONED);
  const waiting = (set.plan(event)?.rules ?? []).flatMap(({ name, country, deferred: condition }) =>
    condition === undefined ? [] : [{ name, country, condition }],
  );
  // Through JSON, as it travels in the plan.
  return decideRules({ has: () => false })(JSON.parse(JSON.stringify({ event, calls, rules: waiting })));
}

describe('conditions on the call that an event names', () => {
  test.each<[when: string, met: boolean]>([
    ['when: { peer.number: "+1 555 123 4567" }', true],
    ['when: { peer.number: "+15550000000" }', false],
    ['when: { peer.number: { exists: true } }', true],
    ['when: { direction: inbound, call.answered: false }', true],
    ['when: { not: { peer.type: sip } }', true],
    ['when: { not: { peer.type: tel } }', false],
    ['when: { any: [{ peer.type: sip }, { ours.number: { prefix: "+1555" } }] }', true],
    ['when: { all: [{ peer.type: tel }, { call.duration_s: { gt: 600 } }] }', false],
    ['when: { peer.number: { matches: "^[+]1555" } }', true],
    ['if: call.duration_s > 60 && peer.type == "tel"', true],
    ['if: call.duration_s > 600', false],
  ])('are decided when the call is looked up: %s -> %s', async (when, met) => {
    const set = rules(`${when}, ${HTTP}`);
    const [planned] = set.plan(eventOf('queuecall_abandoned', ABANDONED))?.rules ?? [];
    expect([planned?.look_up, planned?.deferred === undefined]).toEqual([['call'], false]);
    expect((await decisions(set, FOUND))['r1']?.outcome).toBe(met ? 'met' : 'not_met');
    // What earlier events told is decided at once, in the same way.
    const known: KnownCalls = { ...NOTHING_KNOWN, call: () => CALL };
    const event = eventOf('queuecall_abandoned', ABANDONED, [], known);
    expect(set.plan(event)?.rules.map(({ look_up, deferred }) => [look_up, deferred]) ?? null).toEqual(
      met ? [[undefined, undefined]] : null,
    );
  });

  test('say which field was not met; a call that VoIPBIN no longer has has no fields', async () => {
    const set = rules(`when: { peer.type: sip, direction: outbound }, ${HTTP}`);
    expect(await decisions(set, FOUND)).toEqual({
      r1: { outcome: 'not_met', reason: 'not met by the call: peer.type, direction' },
    });
    expect(await decisions(rules(`when: { peer.type: tel }, ${HTTP}`), GONE)).toEqual({
      r1: { outcome: 'not_met', reason: 'VoIPBIN has no call c1; not met without it: peer.type' },
    });
    expect((await decisions(rules(`when: { peer.type: { exists: false } }, ${HTTP}`), GONE))['r1']?.outcome).toBe(
      'met',
    );
  });

  test('are decided at once where the event alone settles them', () => {
    const event = eventOf('queuecall_abandoned', ABANDONED);
    expect(rules(`when: { answered: true, peer.type: tel }, ${HTTP}`).plan(event)).toBeNull();
    expect(rules(`when: { any: [{ answered: false }, { peer.type: tel }] }, ${HTTP}`).plan(event)?.rules).toMatchObject(
      [{ look_up: ['call'] }],
    );
    expect(
      rules(`when: { any: [{ answered: false }, { peer.type: tel }] }, ${HTTP}`).plan(event)?.rules[0]?.deferred,
    ).toBeUndefined();
  });
});

describe('the call is looked up', () => {
  const lookUpOf = (rule: string): unknown =>
    rules(rule)
      .plan(eventOf('queuecall_abandoned', ABANDONED))
      ?.rules.map((planned) => planned.look_up);

  test.each([
    [
      'for a text that shows it',
      'do: [{ slack.post_message: { channel: "#a", text: "{{ peer.number | default: 1 }}" } }]',
    ],
    [
      'for a text that shows a group',
      'do: [{ slack.post_message: { channel: "#a", text: "{% for x in peer %}{% endfor %}" } }]',
    ],
    ['for the condition of a step', `do: [{ if: 'call.answered', http.request: { url: "https://example.com/" } }]`],
    ['for a limit per number', `limits: { cooldown: 10m per peer.number }, ${HTTP}`],
  ])('%s', (_what, rule) => {
    expect(lookUpOf(rule)).toEqual([['call']]);
  });

  test('not for a rule that does without', () => {
    expect(lookUpOf(`when: { answered: false }, ${HTTP}`)).toEqual([undefined]);
  });
});

describe('stop', () => {
  test('of a rule that waits for the call holds back the rules below it, if it runs', () => {
    const set = rules(`when: { peer.type: tel }, stop: true, ${HTTP}`, HTTP);
    expect(set.plan(eventOf('queuecall_abandoned', ABANDONED))?.rules.map(({ unless }) => unless)).toEqual([
      undefined,
      ['r1'],
    ]);
  });
});

test('the explanation shows what is not known yet', () => {
  const set = rules(
    `when: { answered: false, peer.type: tel }, ${HTTP}`,
    `when: { answered: true, peer.type: tel }, ${HTTP}`,
  );
  const explained = explain(set, eventOf('queuecall_abandoned', ABANDONED), { actions: testActions });
  expect(explained.rules.map(({ rule, outcome, why }) => [rule, outcome, why])).toEqual([
    ['r1', 'deferred', expect.stringMatching(/^it depends on the call, which the run looks up.*: peer\.type$/)],
    ['r2', 'not_met', 'one condition is not met'],
  ]);
});
