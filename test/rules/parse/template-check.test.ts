import { explain } from '../../../src/rules/tools/explain';
import { testActions } from '../catalogue';
import { eventOf, findingsOf, ruleSetOf } from '../load-text';

/** What the check says of a text that is posted by a rule with these further lines. */
function faultsOf(text: string, more = 'on: call_hangup', before = ''): string[] {
  const step = `slack.post_message: { channel: c, text: ${JSON.stringify(text)} }`;
  return findingsOf(`version: 1\nrules:\n  - { name: r, ${more}, do: [${before}{ ${step} }] }\n`).map((finding) =>
    finding.replace(/^rules\.yaml:\d+:\d+ {2}/, ''),
  );
}

const absent = (name: string): string =>
  `"${name}" may be absent; add a default: {{ ${name} | default: '…' }}, or require it: when: { ${name}: { exists: true } }`;

describe('a field that may be absent is fine where it cannot be', () => {
  test.each([
    ['always there', '{{ id }} {{ occurred_at }} {{ type }}', 'on: "*"'],
    ['a default', '{{ reason | default: "?" }}', 'on: call_hangup'],
    ['a default after other filters', '{{ peer.number | phone | default: "?" }}', 'on: call_hangup'],
    ['a default before other filters', '{{ peer.number | default: "?" | phone }}', 'on: call_hangup'],
    ['a default for data after other filters', '{{ data.a.b | upcase | default: "?" }}', 'on: call_hangup'],
    ['a default for data before other filters', '{{ data.a.b | default: "?" | upcase }}', 'on: call_hangup'],
    ['assigned after other filters', '{% assign who = data.a.b | upcase | default: id %}{{ who }}', 'on: call_hangup'],
    ['a default that may be absent itself', '{{ peer.name | default: peer.number }}', 'on: call_hangup'],
    ['a condition on it', '{{ reason }}', 'on: call_hangup, when: { reason: busy }'],
    [
      'a condition for its presence',
      '{{ peer.number | phone }}',
      'on: call_hangup, when: { peer.number: { exists: true } }',
    ],
    ['a condition in operators', '{{ talk_s }}', 'on: call_hangup, when: { talk_s: { gt: 5, lt: 60 } }'],
    ['a negative condition', '{{ reason }}', 'on: call_hangup, when: { reason: { not: busy } }'],
    ['a condition inside all', '{{ reason }}', 'on: call_hangup, when: { all: [{ reason: busy }] }'],
    [
      'a condition in every alternative',
      '{{ reason }}',
      'on: call_hangup, when: { any: [{ reason: busy }, { reason: cancel, answered: false }] }',
    ],
    [
      'a condition on data',
      '{{ data.metadata.campaign }}',
      'on: call_hangup, when: { data.metadata.campaign: spring }',
    ],
    ['an if around it', '{% if reason %}{{ reason }}{% endif %}', 'on: call_hangup'],
    ['an if for two', '{% if reason and peer.name %}{{ reason }} {{ peer.name }}{% endif %}', 'on: call_hangup'],
    ['an if around data', '{% if data.a.b %}{{ data.a.b | upcase }}{% endif %}', 'on: call_hangup'],
    [
      'ifs in ifs',
      '{% if reason %}{% if peer.name %}{{ reason }}{{ peer.name }}{% endif %}{% endif %}',
      'on: call_hangup',
    ],
    [
      'only tested',
      '{% if reason == "busy" %}yes{% endif %}{% unless answered %}no{% endunless %}{% case reason %}{% when "busy" %}b{% endcase %}',
      'on: call_hangup',
    ],
    ['assigned', '{% assign who = peer.name | default: peer.number %}{{ who }}', 'on: call_hangup'],
    [
      'looped over',
      '{% if data.list %}{% for one in data.list %}{{ one }}{{ one.name }}{{ forloop.index }}{% endfor %}{% endif %}',
      'on: call_hangup',
    ],
    [
      'looped over with a condition on it',
      '{% for one in data.list %}{{ one }}{% endfor %}',
      'on: call_hangup, when: { data.list: { exists: true } }',
    ],
    ['in a comment', '{% comment %}{{ nobody }}{% endcomment %}', 'on: call_hangup'],
  ])('%s', (_, text, more) => {
    expect(faultsOf(text, more)).toEqual([]);
    // And so it can be rendered, also for the poorest event that matches.
    const set = ruleSetOf(
      `version: 1\nrules:\n  - { name: r, ${more}, do: [{ slack.post_message: { channel: c, text: ${JSON.stringify(text)} } }] }\n`,
    );
    const events = [{ id: 'c' }, { id: 'c', hangup_reason: 'busy' }]
      .map((data) => eventOf('call_hangup', data))
      .filter((event) => set.plan(event) !== null);
    for (const event of events) {
      expect(explain(set, event, { actions: testActions }).rules[0]?.steps[0]?.input).toMatchObject({ ok: true });
    }
  });
});

describe('and a fault where it can be', () => {
  test.each([
    ['nothing', '{{ reason }}', 'on: call_hangup', [absent('reason')]],
    ['a condition on another field', '{{ reason }}', 'on: call_hangup, when: { hangup_by: local }', [absent('reason')]],
    [
      'a condition for its absence',
      '{{ peer.name }}',
      'on: call_hangup, when: { peer.name: { exists: false } }',
      [absent('peer.name')],
    ],
    [
      'a condition in one alternative',
      '{{ reason }}',
      'on: call_hangup, when: { any: [{ reason: busy }, { answered: false }] }',
      [absent('reason')],
    ],
    ['a condition inside not', '{{ reason }}', 'on: call_hangup, when: { not: { reason: busy } }', [absent('reason')]],
    ['an if on another', '{% if peer.name %}{{ reason }}{% endif %}', 'on: call_hangup', [absent('reason')]],
    ['the else of an if', '{% if reason %}a{% else %}{{ reason }}{% endif %}', 'on: call_hangup', [absent('reason')]],
    ['an if with or', '{% if reason or peer.name %}{{ reason }}{% endif %}', 'on: call_hangup', [absent('reason')]],
    [
      'an if with a comparison',
      '{% if reason != "busy" %}{{ reason }}{% endif %}',
      'on: call_hangup',
      [absent('reason')],
    ],
    ['after the if', '{% if reason %}{% endif %}{{ reason }}', 'on: call_hangup', [absent('reason')]],
    [
      'only some of the types',
      '{{ text }}',
      'on: [message_created, call_hangup], when: { direction: inbound }',
      [absent('text')],
    ],
    ['echo', '{% echo reason %}', 'on: call_hangup', [absent('reason')]],
    ['in a loop', '{% for one in (1..3) %}{{ peer.name }}{% endfor %}', 'on: call_hangup', [absent('peer.name')]],
    [
      'looped over',
      '{% for one in data.list %}{{ one }}{% endfor %}',
      'on: call_hangup',
      ['"data.list" may be absent; put {% if data.list %} … {% endif %} around the loop'],
    ],
    ['none of the types', '{{ text }}', 'on: call_hangup', ['"text" is always absent for the events of this rule']],
    [
      'none of the types, with a default',
      '{{ text | upcase | default: "?" }}',
      'on: call_hangup',
      ['warning: "text" is always absent for the events of this rule'],
    ],
    [
      'a default only in another value',
      '{{ reason }}{{ peer.name | default: "?" }}',
      'on: call_hangup',
      [absent('reason')],
    ],
    [
      'a name in a condition',
      '{% if resaon %}{% endif %}',
      'on: call_hangup',
      ['there is no variable "resaon"; did you mean "reason"?'],
    ],
    [
      'a name in a filter',
      '{{ id | append: peer.nmae }}',
      'on: call_hangup',
      ['there is no variable "peer.nmae"; did you mean "peer.name"?'],
    ],
    [
      'a name in a default',
      '{{ reason | default: peer.nmae }}',
      'on: call_hangup',
      ['there is no variable "peer.nmae"; did you mean "peer.name"?'],
    ],
    [
      'a name before it is assigned',
      '{{ who }}{% assign who = id %}',
      'on: call_hangup',
      ['there is no variable "who"; fields of the payload are under data: data.who'],
    ],
    [
      'a name after its loop',
      '{% for one in (1..2) %}{% endfor %}{{ one }}',
      'on: call_hangup',
      ['there is no variable "one"; fields of the payload are under data: data.one'],
    ],
    [
      'a name in brackets',
      '{{ data[nobody] | default: "-" }}',
      'on: call_hangup',
      ['there is no variable "nobody"; fields of the payload are under data: data.nobody'],
    ],
    [
      'the event as a prefix',
      '{{ event.reason }}',
      'on: call_hangup',
      ['there is no variable "event.reason"; did you mean "reason"?'],
    ],
    [
      'two faults in one text',
      '{{ a1 }} {{ b1 | nofilter }}',
      'on: call_hangup',
      [
        'there is no variable "a1"; fields of the payload are under data: data.a1',
        'there is no filter "nofilter"',
        'there is no variable "b1"; fields of the payload are under data: data.b1',
      ],
    ],
    [
      'two wrong filters in one text, one of them in a tag',
      "{{ id | capitalise2 | phnoe }} {% assign who = id | uppercase %}{{ who | nofilter | default: '?' }}",
      'on: call_hangup',
      [
        'there is no filter "capitalise2"; did you mean "capitalize"?',
        'there is no filter "phnoe"; did you mean "phone"?',
        'there is no filter "uppercase"; did you mean "upcase"?',
        'there is no filter "nofilter"',
      ],
    ],
    [
      'two wrong tags in one text, with what is in them and after them',
      '{% iff reason %}{{ a1 }}{% else %}{{ id | phnoe }}{% endif %}{% asign x = 1 %}{{ b1 }}',
      'on: call_hangup',
      [
        'there is no tag "iff"; did you mean "if"?',
        'there is no variable "a1"; fields of the payload are under data: data.a1',
        'there is no filter "phnoe"; did you mean "phone"?',
        'there is no tag "asign"; did you mean "assign"?',
        'there is no variable "b1"; fields of the payload are under data: data.b1',
      ],
    ],
    [
      'a wrong end of a tag, which does not hide other faults',
      '{% if reason %}{{ a1 }}{% endfi %}{{ b1 }}',
      'on: call_hangup',
      [
        'there is no variable "a1"; fields of the payload are under data: data.a1',
        'there is no tag "endfi"; did you mean "endif"?',
        'there is no variable "b1"; fields of the payload are under data: data.b1',
      ],
    ],
    [
      'a loop that is wrong, which does not make its variable wrong',
      '{% for one of data.list %}{{ one }}{% endfor %}{{ b1 }} {{ id',
      'on: call_hangup',
      [
        'not a valid template: illegal tag: {% for one of data.list %}',
        'there is no variable "b1"; fields of the payload are under data: data.b1',
        'not a valid template: output "{{ id" not closed',
      ],
    ],
    [
      'two texts in brackets that are no templates',
      "{{ id | default 'a' }} {{ a1 }} {{ id | default 'b' }}",
      'on: call_hangup',
      [
        'not a valid template: expected ":" after filter name',
        'there is no variable "a1"; fields of the payload are under data: data.a1',
        'not a valid template: expected ":" after filter name',
      ],
    ],
  ])('%s', (_, text, more, says) => {
    expect(faultsOf(text, more)).toEqual(says);
  });
});

describe('results of earlier steps', () => {
  const before = '{ id: call, hubspot.log_call: {} }, ';
  test.each([
    ['{{ steps.call.contact.name | default: "?" }}', []],
    ['{% if steps.call.contact.name %}{{ steps.call.contact.name }}{% endif %}', []],
    // A step may have been skipped, so its results may be absent even where the action always gives them.
    [
      '{{ steps.call.contact.id }}',
      ['"steps.call.contact.id" may be absent; add a default: {{ steps.call.contact.id | default: \'…\' }}'],
    ],
    ['{{ steps.call }}', ['"steps.call" is a group of fields; name one: steps.call.call']],
    ['{{ steps.call.contact | default: "?" }}', []],
    ['{{ steps.call.contact.name | first_name | default: "?" }}', []],
    ['{{ steps.call.contact.name | default: "?" | first_name }}', []],
    [
      '{{ steps.call.contact.id.deeper | default: "?" }}',
      ['steps.call.contact.id has no field "deeper"; it is a single value'],
    ],
    ['{{ steps.cal.contact.id | default: "?" }}', ['there is no earlier step "cal"; did you mean "steps.call"?']],
  ])('%s', (text, says) => {
    expect(faultsOf(text, 'on: call_hangup', before)).toEqual(says);
  });

  test('of an action that may give anything, anything can be used', () => {
    expect(
      faultsOf(
        '{{ steps.got.body.any.thing | default: "?" }}',
        'on: call_hangup',
        '{ id: got, http.request: { url: "https://example.com/" } }, ',
      ),
    ).toEqual([]);
  });
});

describe('a group of fields', () => {
  const checked = (body: string): string[] =>
    findingsOf(
      `version: 1\nrules:\n  - { name: r, on: call_hangup, do: [{ http.request: { url: 'https://x.example', body: ${body} } }] }\n`,
    );

  test('may stand alone where JSON is sent', () => {
    expect(checked("'{{ data }}'")).toEqual([]);
    expect(checked("{ who: '{{ peer }}', all: ['{{ data }}'] }")).toEqual([]);
  });

  test('may not be part of a text there', () => {
    expect(checked("{ who: 'from {{ peer }}' }")).toEqual([expect.stringContaining('"peer" is a group of fields')]);
  });

  test('an absent value may be sent as null', () => {
    expect(checked("{ who: '{{ peer.name }}', what: '{{ data.nothing.deeper }}' }")).toEqual([]);
    expect(checked("{ who: '{{ peer.name | upcase }}' }")).toEqual([
      expect.stringContaining('"peer.name" may be absent; add a default: {{ peer.name | default: nil }}, or'),
    ]);
    expect(checked("{ who: 'by {{ peer.name }}' }")).toEqual([expect.stringContaining('"peer.name" may be absent')]);
    expect(checked("{ who: '{{ peer.name | default: nil }}' }")).toEqual([]);
  });
});

test('a number that a template would change is an error', () => {
  const says = (number: string): unknown => expect.stringContaining(`the number ${number} has more digits`);
  expect(faultsOf('{% if data.deal == 9007199254740993 %}x{% endif %}')).toEqual([says('9007199254740993')]);
  expect(faultsOf('{{ talk_s | default: 0 | plus: 9007199254740993 }}')).toEqual([says('9007199254740993')]);
  expect(faultsOf("{% if data.deal == '9007199254740993' %}{{ 1.50 }} {{ -3 }} {{ 0.1 }}{% endif %}")).toEqual([]);
});
