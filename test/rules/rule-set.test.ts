import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { JsonObject } from '../../src/events/json';
import { explain } from '../../src/rules/tools/explain';
import { testActions } from './catalogue';
import { answeredAt, eventOf, RECEIVED_AT, ruleSetOf } from './load-text';

const tel = (target: string) => ({ type: 'tel', target });

/**
 * An answered inbound call to +821022223333 from +821012345678: rang 5 s, talked 60 s; Monday 2026-03-02 10:00 in
 * Seoul.
 */
const CALL: JsonObject = {
  id: 'c1',
  customer_id: 'cu1',
  source: { ...tel('+821012345678'), target_name: 'Kim' },
  destination: tel('+821022223333'),
  status: 'hangup',
  direction: 'incoming',
  hangup_by: 'remote',
  hangup_reason: 'normal',
  metadata: { campaign: 'spring', score: 7, vip: true, tags: ['a', 'b'], account: 12345678 },
  tm_create: '2026-03-02T00:58:55Z',
  tm_progressing: '2026-03-02T00:59:00Z',
  tm_hangup: '2026-03-02T01:00:00Z',
};

const HEAD = `version: 1
defaults: { timezone: Asia/Seoul, country: KR }
lists: { sales: ["02-1111-2222", "010-2222-3333"], holidays: ["2026-03-02"] }
windows:
  office: { days: mon-fri, from: "09:00", to: "18:00" }
  workday: { days: mon-fri, from: "09:00", to: "18:00", except: $holidays }
  night: { from: "22:00", to: "06:00" }
`;

function matches(rule: string, event: CanonicalEvent): boolean {
  return (
    ruleSetOf(
      `${HEAD}rules:\n  - { name: r, ${rule}, do: [{ http.request: { url: "https://example.com/" } }] }\n`,
    ).plan(event) !== null
  );
}

describe('when', () => {
  const call = eventOf('call_hangup', CALL, [], answeredAt('2026-03-02T00:59:00Z'));
  test.each([
    // equality
    ['direction: inbound', true],
    ['direction: outbound', false],
    ['direction: [outbound, inbound]', true],
    ['direction: inbound, answered: true', true],
    ['direction: inbound, answered: false', false],
    ['talk_s: 60', true],
    ['talk_s: 61', false],
    ['peer.name: Kim', true],
    ['peer.name: kim', false],
    ['type: call_hangup', true],
    ['declared_type: call_hangup', true],
    // lists
    ['ours.number: { in: $sales }', true],
    ['peer.number: { in: $sales }', false],
    ['reason: { in: [busy, normal] }', true],
    // numbers in any format
    ['peer.number: "010-1234-5678"', true],
    ['peer.number: "+82 10 1234 5678"', true],
    ['peer.number: "01012345679"', false],
    ['peer.number: { prefix: "+8210" }', true],
    ['peer.number: { suffix: "5678" }', true],
    ['peer.number: { not: { prefix: "+8210" } }', false],
    // text operators
    ['peer.name: { prefix: K }', true],
    ['peer.name: { prefix: i }', false],
    ['peer.name: { suffix: im }', true],
    ['peer.name: { contains: i }', true],
    ['peer.name: { contains: x }', false],
    ['peer.name: { matches: "^(?i)KIM$" }', true],
    ['peer.name: { matches: "^im" }', false],
    // numbers
    ['talk_s: { gt: 59, lte: 60 }', true],
    ['talk_s: { gt: 60 }', false],
    ['talk_s: { gte: 60 }', true],
    ['talk_s: { lt: 60 }', false],
    ['ring_s: { lt: 5.5 }', true],
    ['occurred_at: { gte: "2026-03-02T01:00:00Z" }', true],
    ['occurred_at: { gt: "2026-03-02T10:00:00+09:00" }', false],
    // not
    ['reason: { not: normal }', false],
    ['reason: { not: [busy, cancel] }', true],
    ['reason: { not: { in: [busy, normal] } }', false],
    ['not: { reason: normal }', false],
    ['not: { reason: busy, direction: inbound }', true],
    // absent fields meet nothing but exists: false
    ['text: { exists: false }', true],
    ['text: { exists: true }', false],
    ['text: { not: hello }', false],
    ['text: hello', false],
    ['not: { text: hello }', true],
    ['data.metadata.nothing: { not: x }', false],
    ['data.metadata.nothing: { exists: false }', true],
    ['data.metadata: { exists: true }', true],
    // data
    ['data.metadata.campaign: spring', true],
    ['data.metadata.score: 7', true],
    ['data.metadata.score: { gte: 8 }', false],
    ['data.metadata.vip: true', true],
    ['data.metadata.vip: "true"', false],
    ['data.metadata.tags: { contains: b }', true],
    ['data.metadata.tags: { contains: c }', false],
    ['data.metadata.tags.1: b', true],
    ['data.metadata.account: "12345678"', true],
    ['data.metadata.constructor: { exists: true }', false],
    ['data.metadata.tags.length: 2', false],
    // blocks
    ['any: [{ reason: busy }, { talk_s: { gt: 30 } }]', true],
    ['any: [{ reason: busy }, { talk_s: { gt: 90 } }]', false],
    ['all: [{ reason: normal }, { any: [{ answered: false }, { direction: inbound }] }]', true],
    ['any: [{ reason: normal, answered: false }]', false],
    // windows
    ['during: office', true],
    ['during: workday', false],
    ['not during: workday', true],
    ['during: { not: office }', false],
    ['during: [night, office]', true],
    ['during: [night, workday]', false],
    ['not during: [night, workday]', true],
    ['any: [{ during: night }, { direction: inbound }]', true],
  ])('%s -> %s', (conditions, expected) => {
    expect(matches(`on: call_hangup, when: { ${conditions} }`, call)).toBe(expected);
  });

  test('done and ended are the same status, in the file and in the event', () => {
    for (const status of ['done', 'ended']) {
      expect(
        matches(
          `on: queuecall_done, when: { status: ${status} }`,
          eventOf('queuecall_done', { id: 'q', status: 'done' }),
        ),
      ).toBe(true);
      expect(
        matches(
          `on: recording_updated, when: { status: [${status}] }`,
          eventOf('recording_finished', { id: 'r', status: 'ended' }),
        ),
      ).toBe(true);
      expect(
        matches(
          `on: recording_updated, when: { status: { not: ${status} } }`,
          eventOf('recording_updated', { id: 'r', status: 'done' }),
        ),
      ).toBe(false);
    }
  });

  test('a number that no country makes readable is compared as it stands', () => {
    const event = eventOf('call_hangup', {
      id: 'c',
      direction: 'incoming',
      source: { type: 'sip', target: 'sip:kim@example.com' },
    });
    expect(matches('on: call_hangup, when: { peer.number: "sip:kim@example.com" }', event)).toBe(true);
    expect(matches('on: call_hangup, when: { peer.number: { suffix: "@example.com" } }', event)).toBe(true);
  });
});

describe('on', () => {
  test.each([
    ['call_hungup', 'call_hangup', true],
    ['call_hangup', 'call_hungup', true],
    ['call_answered', 'call_progressing', true],
    ['call_progressing', 'call_answered', true],
    ['call_hangup', 'call_progressing', false],
    ['[call_created, call_hungup]', 'call_hangup', true],
    ['recording_updated', 'recording_started', true],
    ['recording_updated', 'recording_finished', true],
    ['recording_updated', 'recording_updated', true],
    ['recording_finished', 'recording_started', false],
    ['call_*', 'call_hangup', true],
    ['call_*', 'call_parked', true],
    ['call_*', 'groupcall_hangup', false],
    ['"*"', 'call_hangup', true],
    ['"*"', 'never_heard_of', true],
    ['[call_created, fax_arrived]', 'fax_arrived', true],
    ['message_created', 'conversation_message_created', false],
  ])('%s hears %s: %s', (on, type, expected) => {
    expect(matches(`on: ${on}`, eventOf(type, { id: 'x', status: 'progressing' }))).toBe(expected);
  });
});

describe('if', () => {
  const call = eventOf('call_hangup', CALL, [], answeredAt('2026-03-02T00:59:00Z'));
  test.each([
    ['duration_s < 120', true],
    ['duration_s < 60', false],
    ['talk_s > ring_s * 10.0', true],
    ['peer.number.startsWith("+8210") && reason != "busy"', true],
    ['has(data.metadata.campaign)', true],
    ['has(data.metadata.nothing)', false],
    ['data.metadata.tags.exists(tag, tag == "b")', true],
    ['type == "call_hangup"', true],
    ['text == null', true],
    ['customer_id == "cu1"', true],
    ['timestamp(occurred_at).getHours("Asia/Seoul") == 10', true],
    ['reason.matches("^(n+)+$")', false],
    // What cannot be told is not met.
    ['data.metadata.nothing == "x"', false],
    ['data.metadata.nothing != "x"', false],
    ['data.metadata.nothing.size() > 3', false],
    ['data.metadata.campaign > 5', false],
    ['data.metadata.tags[7] == "x"', false],
  ])('%s -> %s', (condition, expected) => {
    expect(matches(`on: call_hangup, if: '${condition}'`, call)).toBe(expected);
  });

  test('holds beside when', () => {
    expect(matches("on: call_hangup, when: { direction: outbound }, if: 'true'", call)).toBe(false);
    expect(matches("on: call_hangup, when: { direction: inbound }, if: 'false'", call)).toBe(false);
  });
});

describe('which rules run', () => {
  const rule = (name: string, more = ''): string =>
    `  - { name: ${name}, on: call_hangup, ${more} do: [{ http.request: { url: "https://example.com/" } }] }\n`;
  const names = (...rules: string[]) =>
    ruleSetOf(`version: 1\nrules:\n${rules.join('')}`)
      .matching(eventOf('call_hangup', CALL))
      .map(({ name }) => name);

  test('all that match, in the order of the file', () => {
    expect(
      names(
        rule('b'),
        rule('a', 'when: { direction: inbound },'),
        rule('c', 'when: { direction: outbound },'),
        rule('d', 'when: { reason: normal },'),
      ),
    ).toEqual(['b', 'a', 'd']);
  });

  test('stop ends it, where the rule matches and is live', () => {
    expect(names(rule('a', 'stop: true,'), rule('b'))).toEqual(['a']);
    expect(names(rule('a', 'stop: true, when: { direction: outbound },'), rule('b'))).toEqual(['b']);
    expect(names(rule('a', 'stop: true, mode: shadow,'), rule('b'))).toEqual(['a', 'b']);
    expect(names(rule('a', 'stop: true, mode: off,'), rule('b'))).toEqual(['b']);
  });

  test('a rule in shadow is planned, marked; a live one is not marked', () => {
    const set = ruleSetOf(`version: 1\nrules:\n${rule('a', 'mode: shadow,')}${rule('b')}`);
    expect(set.plan(eventOf('call_hangup', CALL))?.rules.map(({ name, shadow }) => [name, shadow])).toEqual([
      ['a', true],
      ['b', undefined],
    ]);
  });

  test.each([
    ['backfill', 901, '', 'false'],
    ['backfill', 899, '', undefined],
    ['backfill', 901, 'max_age: 1h,', undefined],
    ['webhook', 901, '', undefined],
  ] as const)('a reply to an event that came by %s after %d s (%s)', (arrival, seconds, maxAge, condition) => {
    const event = eventOf('message_created', {
      id: 'm',
      direction: 'inbound',
      tm_create: new Date(RECEIVED_AT.getTime() - seconds * 1_000).toISOString(),
    });
    const set = ruleSetOf(
      `version: 1\nrules: [{ name: a, on: message_created, ${maxAge} do: [{ voipbin.send_message: { text: x } }, { http.request: { method: GET, url: "https://example.com/" } }] }]`,
    );
    expect(set.plan(event, arrival)?.rules[0]?.steps.map((step) => step.if)).toEqual([condition, undefined]);
  });

  test('max_age leaves old events alone', () => {
    const at = (seconds: number) =>
      eventOf('call_hangup', { ...CALL, tm_hangup: new Date(RECEIVED_AT.getTime() - seconds * 1_000).toISOString() });
    const set = ruleSetOf(`version: 1\nrules:\n${rule('a', 'max_age: 15m,')}`);
    expect(set.matching(at(899))).toHaveLength(1);
    expect(set.matching(at(901))).toHaveLength(0);
  });
});

test('the plan holds everything that a run needs, as plain JSON', () => {
  const set = ruleSetOf(`version: 1
defaults: { timezone: Asia/Seoul, country: KR }
rules:
  - name: r
    on: call_hungup
    do:
      - id: call
        hubspot.log_call: { title: "{{ id }}" }
      - slack.post_message: { channel: "#c", text: "{{ steps.call.contact.name | default: peer.number }}" }
        if: has(steps.call)
        retry: { for: 2h, every: 10s }
        on_error: continue
      - http.request: { method: GET, url: "https://example.com/" }
      - voipbin.send_message: { text: Thanks }
`);
  const plan = set.plan(eventOf('call_hungup', CALL));
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  expect(plan).toEqual({
    ruleset: set.hash,
    rules: [
      {
        name: 'r',
        timezone: 'Asia/Seoul',
        country: 'KR',
        steps: [
          {
            id: 'call',
            action: 'hubspot.log_call',
            effect: 'repeatable',
            input: { title: '{{ id }}' },
            on_error: 'stop',
            retry: { for_ms: 86_400_000, every_ms: 1_000, max_every_ms: 300_000 },
            attempt_timeout_ms: 30_000,
          },
          {
            id: 'slack.post_message#2',
            action: 'slack.post_message',
            effect: 'repeatable',
            input: { channel: '#c', text: '{{ steps.call.contact.name | default: peer.number }}' },
            if: 'has(steps.call)',
            on_error: 'continue',
            retry: { for_ms: 7_200_000, every_ms: 10_000, max_every_ms: 300_000 },
            attempt_timeout_ms: 10_000,
          },
          {
            id: 'http.request#3',
            action: 'http.request',
            effect: 'repeatable',
            input: { method: 'GET', url: 'https://example.com/' },
            on_error: 'stop',
            retry: { for_ms: 3_600_000, every_ms: 1_000, max_every_ms: 300_000 },
            attempt_timeout_ms: 30_000,
          },
          expect.objectContaining({
            action: 'voipbin.send_message',
            retry: { for_ms: 900_000, every_ms: 1_000, max_every_ms: 300_000, from: 'event' },
          }),
        ],
      },
    ],
  });
});

test.each([
  ['{ gte: "2026-03-02 10:00" }', 'Asia/Seoul', true],
  ['{ gt: "2026-03-02 10:00" }', 'Asia/Seoul', false],
  ['{ gte: "2026-03-02T10:00:00", lt: "2026-03-02 10:01" }', 'Asia/Seoul', true],
  ['{ gte: "2026-03-02", lt: "2026-03-03" }', 'Asia/Seoul', true],
  ['{ lt: "2026-03-02" }', 'Asia/Seoul', false],
  ['{ gte: "2026-03-02 02:00" }', 'Europe/Berlin', true],
  ['{ gte: "2026-03-02 02:01" }', 'Europe/Berlin', false],
  ['{ gte: "2026-03-02T01:00:00Z" }', 'Europe/Berlin', true],
  ['"2026-03-02 10:00"', 'Asia/Seoul', true],
  ['"2026-03-02 10:00"', 'Europe/Berlin', false],
])('a time without a zone is of the rule: occurred_at %s in %s', (test, timezone, met) => {
  const event = eventOf('call_hangup', CALL);
  const text = `${HEAD}rules:\n  - { name: r, on: call_hungup, timezone: ${timezone}, when: { occurred_at: ${test} }, do: [{ http.request: { url: "https://example.com/" } }] }\n`;
  const ruleSet = ruleSetOf(text);
  // The index and the explanation judge by themselves.
  expect(ruleSet.plan(event) !== null).toBe(met);
  expect(explain(ruleSet, event, { actions: testActions }).rules[0]?.missing).toBe(met ? 0 : 1);
});
