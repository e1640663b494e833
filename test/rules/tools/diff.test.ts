import type { CanonicalEvent } from '../../../src/events/canonical-event';
import { diffRuleSets, formatDifference } from '../../../src/rules/tools/diff';
import { eventOf, ruleSetOf } from '../load-text';

const rule = (name: string, more: string, action = 'http.request: { url: "https://example.com/" }'): string =>
  `  - { name: ${name}, ${more}, do: [{ ${action} }] }\n`;
const setOf = (...rules: string[]) => ruleSetOf(`version: 1\nrules:\n${rules.join('')}`);
const text = (words: string): string => `voipbin.send_message: { text: "${words}" }`;

const BEFORE = setOf(
  rule('reply', 'on: message_created, when: { direction: inbound, text: hi }', text('Hello')),
  rule('log', 'on: call_hangup'),
  rule('gone', 'on: call_hangup, when: { reason: busy }', 'slack.post_message: { channel: c, text: t }'),
);
const AFTER = setOf(
  rule('log', 'on: call_hangup'),
  rule('reply', 'on: message_created, when: { direction: inbound }', text('Hello')),
  rule('asleep', 'on: agent_updated'),
  rule('resting', 'on: agent_updated, mode: "off"'),
);

function* events(count: number): Generator<CanonicalEvent> {
  for (let index = 0; index < count; index += 1) {
    yield index % 2 === 0
      ? eventOf('message_created', {
          id: `m${index}`,
          direction: index % 4 === 0 ? 'inbound' : 'outbound',
          text: index % 8 === 0 ? 'hi' : 'stop',
        })
      : eventOf('call_hangup', { id: `c${index}`, hangup_reason: index % 10 === 1 ? 'busy' : 'normal' });
  }
}

test('counts by rule and action, with examples', async () => {
  const difference = await diffRuleSets(BEFORE, AFTER, events(40));
  expect(difference).toEqual({
    before: BEFORE.hash,
    after: AFTER.hash,
    events: 40,
    different: 9,
    rules: [
      {
        rule: 'reply',
        added: 5,
        removed: 0,
        changed: 0,
        before: 5,
        after: 10,
        examples: ['message_created/m4', 'message_created/m12', 'message_created/m20'],
      },
      {
        rule: 'gone',
        added: 0,
        removed: 4,
        changed: 0,
        before: 4,
        after: 0,
        examples: ['call_hangup/c1', 'call_hangup/c11', 'call_hangup/c21'],
      },
    ],
    actions: [
      { action: 'slack.post_message', before: 4, after: 0 },
      { action: 'voipbin.send_message', before: 5, after: 10 },
    ],
    neverFire: ['asleep'],
  });
  expect(formatDifference(difference)).toBe(`rule set ${BEFORE.hash} -> ${AFTER.hash}, over 40 events
9 events would be handled differently: −4 slack.post_message, +5 voipbin.send_message

  reply: runs for 5 more  (5 -> 10; for example message_created/m4, message_created/m12, message_created/m20)
  gone: no longer runs for 4  (4 -> 0; for example call_hangup/c1, call_hangup/c11, call_hangup/c21)

1 rule would never run: asleep`);
});

test('the order of rules is no difference, another text is', async () => {
  const [a, b] = [rule('a', 'on: call_hangup'), rule('b', 'on: message_created', text('Hello'))];
  const same = await diffRuleSets(setOf(a, b), setOf(b, a), events(10));
  expect(same).toMatchObject({ different: 0, rules: [], actions: [], neverFire: [] });
  expect(formatDifference(same)).toMatch(/over 10 events\nno event would be handled differently$/);
  const other = await diffRuleSets(
    setOf(a, b),
    setOf(a, rule('b', 'on: message_created', text('Good day'))),
    events(10),
  );
  expect(other).toMatchObject({ different: 5, rules: [{ rule: 'b', changed: 5, added: 0, removed: 0 }], actions: [] });
});

test('takes a hundred thousand events as they come', async () => {
  async function* archive(): AsyncGenerator<CanonicalEvent> {
    yield* events(100_000);
  }
  const difference = await diffRuleSets(BEFORE, AFTER, archive());
  expect(difference.events).toBe(100_000);
}, 180_000);
