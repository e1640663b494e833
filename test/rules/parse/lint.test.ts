import { findingsOf } from '../load-text';

const file = (...rules: string[]): string =>
  `version: 1\nwindows: { office: { days: mon-fri }, weekend: { days: weekends } }\nrules:\n${rules.map((rule, index) => `  - { name: r${index + 1}, ${rule}${rule.includes('do:') ? '' : ', do: [{ http.request: { url: "https://example.com/" } }]'} }\n`).join('')}`;
const text = 'do: [{ voipbin.send_message: { text: Hello } }]';

describe('warns of', () => {
  test.each<[string, string[], string[]]>([
    // rules that never match
    [
      'a field that the events never have',
      ['on: message_created, when: { answered: false }'],
      ['4:46  warning: the rule r1 can never match: answered is always absent for message_created'],
    ],
    [
      'a field inside all',
      ['on: conference_updated, when: { all: [{ direction: inbound }] }'],
      ['4:57  warning: the rule r1 can never match: direction is always absent for conference_updated'],
    ],
    [
      'numbers that exclude each other',
      ['on: call_hangup, when: { talk_s: { gt: 60, lt: 30 } }'],
      ['4:42  warning: the rule r1 can never match: the conditions on talk_s exclude each other'],
    ],
    [
      'numbers that just exclude each other',
      ['on: call_hangup, when: { talk_s: { gt: 60, lte: 60 } }'],
      ['4:42  warning: the rule r1 can never match: the conditions on talk_s exclude each other'],
    ],
    [
      'times that exclude each other',
      ['on: call_hangup, when: { occurred_at: { gte: "2026-03-02", lt: "2026-03-01" } }'],
      ['4:42  warning: the rule r1 can never match: the conditions on occurred_at exclude each other'],
    ],
    [
      'words that exclude each other',
      ['on: call_hangup, when: { reason: busy, all: [{ reason: [normal, cancel] }] }'],
      ['4:64  warning: the rule r1 can never match: the conditions on reason exclude each other'],
    ],
    [
      'there and not there',
      ['on: call_hangup, when: { peer.name: Kim, all: [{ peer.name: { exists: false } }] }'],
      ['4:66  warning: the rule r1 can never match: the conditions on peer.name exclude each other'],
    ],
    [
      'a window and not that window',
      ['on: call_hangup, when: { during: office, not during: office }'],
      ['4:42  warning: the rule r1 can never match: it is both during and not during office'],
    ],
    [
      'windows that are never open together',
      ['on: call_hangup, when: { all: [{ during: office }, { during: weekend }] }'],
      ['4:70  warning: the rule r1 can never match: during weekend excludes during office'],
    ],
    [
      'a number below zero',
      ['on: call_hangup, when: { talk_s: { lt: 0 } }'],
      ['4:42  warning: the rule r1 can never match: no value of talk_s meets its condition'],
    ],
    [
      'a word and its not',
      ['on: call_hangup, when: { direction: inbound, not: { direction: inbound } }'],
      ['4:62  warning: the rule r1 can never match: not excludes direction'],
    ],
    [
      'none of all words',
      ['on: call_hangup, when: { direction: { not: [inbound, outbound] } }'],
      ['4:42  warning: the rule r1 can never match: no value of direction meets its condition'],
    ],
    [
      'a part of a word that none has',
      ['on: call_hangup, when: { direction: { prefix: incom } }'],
      ['4:42  warning: the rule r1 can never match: no value of direction meets its condition'],
    ],
    [
      'beginnings that exclude each other',
      ['on: message_created, when: { text: { prefix: a, in: [b, c] } }'],
      ['4:46  warning: the rule r1 can never match: the conditions on text exclude each other'],
    ],
    [
      'a type that on excludes',
      ['on: message_created, when: { type: { prefix: call_ } }'],
      ['4:46  warning: the rule r1 can never match: no value of type meets its condition'],
    ],
    [
      'alternatives that the other conditions exclude',
      ['on: call_hangup, when: { any: [{ direction: inbound }, { talk_s: { gt: 9, lt: 5 } }], direction: outbound }'],
      ['4:103  warning: the rule r1 can never match: direction excludes any'],
    ],
    [
      'one alternative that is never met',
      ['on: call_hangup, when: { any: [{ talk_s: { gt: 9, lt: 5 } }, { answered: true }] }'],
      ['4:48  warning: this alternative of the rule r1 can never be met; correct it, or remove it'],
    ],
    [
      'an if that excludes itself',
      ["on: call_hangup, if: 'talk_s > 60 && 30 > talk_s'"],
      ['4:38  warning: the rule r1 can never match: the conditions on talk_s exclude each other'],
    ],
    [
      'an if that excludes when',
      ['on: call_hangup, when: { direction: outbound }, if: \'direction == "inbound" && answered\''],
      ['4:69  warning: the rule r1 can never match: the conditions on direction exclude each other'],
    ],
    [
      'alternatives of an if that exclude when',
      ["on: call_hangup, when: { answered: false }, if: 'answered || answered != false'"],
      ['4:65  warning: the rule r1 can never match: any excludes answered'],
    ],
    // words of other types
    [
      'the status of another resource',
      ['on: call_hangup, when: { status: abandoned }'],
      [
        '4:42  warning: status is never "abandoned" for call_hangup; it is dialing, ringing, progressing, terminating, canceling, hangup',
      ],
    ],
    [
      'the status of another resource under if',
      ['on: agent_status_updated, if: \'status == "hangup"\''],
      [
        '4:47  warning: status is never "hangup" for agent_status_updated; it is ringing, available, away, busy, offline',
      ],
    ],
    [
      "the bridge's word in the payload",
      ['on: call_hangup, when: { data.direction: inbound }'],
      [
        '4:42  warning: VoIPBIN sends incoming and outgoing for calls, so data.direction is never "inbound"; did you mean direction: inbound?',
      ],
    ],
    // parts without an effect
    [
      'a step that never runs',
      ["on: call_hangup, do: [{ http.request: { url: 'https://example.com/' }, if: 'answered && !answered' }]"],
      [
        "4:41  warning: the step http.request#1 never runs: its if excludes itself or the rule's conditions; correct its if, or remove the step",
      ],
    ],
    [
      'a limit for each event',
      ['on: call_hangup, limits: { cooldown: 10m per event_id }'],
      [
        '4:13  warning: limits.cooldown of the rule r1 limits nothing: every event has its own event_id; write per peer.number, or leave it out',
      ],
    ],
    [
      'a limit for each call of an event that a call has once',
      ['on: call_hangup, limits: { cooldown: 10m per id }'],
      [
        '4:13  warning: limits.cooldown of the rule r1 limits nothing: every event has its own id; write per peer.number, or leave it out',
      ],
    ],
    ['a limit for each agent, who has many events', ['on: agent_status_updated, limits: { cooldown: 15m per id }'], []],
    [
      'a limit for each call over several types',
      ['on: [call_created, call_hangup], limits: { cooldown: 1h per id }'],
      [],
    ],
    ['a limit for each call over a family', ['on: call_*, limits: { cooldown: 1h per id }'], []],
    [
      'a limit per a field that is never there',
      ['on: call_hangup, limits: { max: 5 per day per recording_ready }'],
      [
        '4:13  warning: limits.max of the rule r1 counts per recording_ready, which is always absent for call_hangup; name another field, or leave it out',
      ],
    ],
    [
      'a first retry after the last one',
      ["on: call_hangup, do: [{ http.request: { url: 'https://example.com/' }, retry: { for: 1m, every: 10m } }]"],
      [
        '4:113  warning: the step is never retried: its first retry comes after 600 s, and its budget is 60 s; make retry.for longer, or retry.every shorter',
      ],
    ],
    [
      'a field with a default that is never there',
      ["on: agent_updated, do: [{ http.request: { url: 'https://example.com/{{ text | default: 1 }}' } }]"],
      ['4:88  warning: "text" is always absent for the events of this rule'],
    ],
    // stop
    [
      'a rule under one that takes everything',
      ['on: call_*, stop: true', 'on: call_hangup, when: { reason: busy }'],
      ['5:13  warning: the rule r2 can never match: r1 in line 4 matches the same events first and has stop'],
    ],
    [
      'a rule under a wider one',
      [
        'on: call_hangup, when: { direction: inbound, reason: [busy, cancel] }, stop: true',
        'on: call_hungup, when: { reason: busy, direction: inbound, during: office }',
      ],
      ['5:13  warning: the rule r2 can never match: r1 in line 4 matches the same events first and has stop'],
    ],
    [
      'a rule under one that wants any value',
      [
        'on: call_hangup, when: { peer.name: { exists: true } }, stop: true',
        'on: call_hangup, when: { peer.name: { prefix: K } }',
      ],
      ['5:13  warning: the rule r2 can never match: r1 in line 4 matches the same events first and has stop'],
    ],
    // texts
    [
      'a text on every event',
      [`on: [call_hangup, call_created], ${text}`],
      [
        '4:57  warning: the rule r1 sends a text message for every call_hangup, call_created; add conditions under when',
      ],
    ],
    [
      'an answer to ourselves',
      [`on: message_created, when: { text: { exists: true } }, ${text}`],
      [
        '4:79  warning: the rule r1 also matches the text messages that the bridge sends; add direction: inbound to when',
      ],
    ],
    [
      'an answer without a pause',
      [
        'on: message_created, when: { direction: inbound }, do: [{ voipbin.send_message: { text: Hello, cooldown: "0" } }]',
      ],
      [
        '4:75  warning: the rule r1 may send text messages to the same person without a pause; remove cooldown, or add limits: { cooldown: 10m per peer.number }',
      ],
    ],
  ])('%s', (_, rules, says) => {
    expect(findingsOf(file(...rules))).toEqual(says.map((one) => `rules.yaml:${one}`));
  });
});

describe('says nothing of', () => {
  test.each<[string, string[]]>([
    ['a rule that is off', ['on: message_created, mode: "off", when: { answered: false }']],
    ['a field that some of the events have', ['on: [message_created, call_hangup], when: { answered: false }']],
    ['asking for what is always absent to be absent', ['on: message_created, when: { answered: { exists: false } }']],
    ['alternatives', ['on: call_hangup, when: { any: [{ reason: busy }, { reason: normal }] }']],
    ['a range', ['on: call_hangup, when: { talk_s: { gte: 30, lte: 30 } }']],
    [
      'a narrower rule that stops',
      ['on: call_hangup, when: { reason: busy }, stop: true', 'on: call_hangup, when: { reason: [busy, cancel] }'],
    ],
    ['a rule that stops other events', ['on: call_hangup, stop: true', 'on: call_created']],
    ['a family under a single type', ['on: call_hangup, stop: true', 'on: call_*']],
    ['a rule that stops under another condition', ["on: call_hangup, if: 'talk_s > 5', stop: true", 'on: call_hangup']],
    ['a rule that stops in shadow', ['on: call_hangup, mode: shadow, stop: true', 'on: call_hangup']],
    [
      'a rule that reads numbers as another country does',
      [
        'on: call_hangup, country: KR, when: { peer.number: "+15551234567" }, stop: true',
        'on: call_hangup, country: US, when: { peer.number: "+15551234567" }',
      ],
    ],
    ['a rule that stops only what is fresh', ['on: call_hangup, max_age: 5m, stop: true', 'on: call_hangup']],
    ['a usual auto-reply', [`on: message_created, when: { direction: inbound }, ${text}`]],
    ['a text after a missed call', [`on: call_hangup, when: { answered: false }, ${text}`]],
  ])('%s', (_, rules) => {
    expect(findingsOf(file(...rules))).toEqual([]);
  });
});
