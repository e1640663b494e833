import { findingsOf } from '../load-text';

/** What the check says of a rule with this condition and this text. */
function saidOf(condition: string, text = 'x'): string[] {
  const step = `slack.post_message: { channel: c, text: ${JSON.stringify(text)} }`;
  return findingsOf(`version: 1
defaults: { country: DE }
lists: { blocked: [anonymous], vip: ["+493012345678"] }
maps: { managers: { "030 12345678": anna@example.com, sales: bob@example.com } }
rules:
  - { name: r, on: call_hangup, ${condition} do: [{ ${step} }] }
`).map((finding) => finding.replace(/^rules\.yaml:\d+:\d+ {2}/, ''));
}

const inConditions = (what: string): string =>
  `warning: a withheld number is absent, so ${what}; for a withheld number write { exists: false }, in if: == null`;
const inTexts = (what: string, field = 'peer.number'): string =>
  `warning: a withheld number is absent, so ${what}; for a withheld number write {% unless ${field} %} … {% endunless %}`;

describe('a word for a withheld number is never met, and the finding says what to write', () => {
  test.each([
    ['when: { peer.number: anonymous },', 'peer.number is never "anonymous"'],
    ['when: { peer.number: { not: Restricted } },', 'peer.number is never "Restricted"'],
    ['when: { peer.number: { in: [anonymous, "+493012345678"] } },', 'peer.number is never "anonymous"'],
    ['when: { peer.number: { in: $blocked } },', 'peer.number is never "anonymous"'],
    ['when: { peer.number: { prefix: anonym } },', 'peer.number never has "anonym"'],
    ['when: { peer.number: { contains: [Anonymous] } },', 'peer.number never has "Anonymous"'],
    ['when: { peer.number: { matches: "(?i)^withheld$" } },', 'peer.number never has "(?i)^withheld$"'],
    ['when: { peer.name: Anonymous },', 'peer.name is never "Anonymous"'],
    [`if: 'peer.number == "anonymous"',`, 'peer.number is never "anonymous"'],
    [`if: 'peer.number in ["anonymous"]',`, 'peer.number is never "anonymous"'],
    [`if: 'peer.number in lists.blocked',`, 'peer.number is never "anonymous"'],
    [`if: 'peer.number.contains("anonymous")',`, 'peer.number never has "anonymous"'],
    [`if: 'peer.number.matches("(?i)restricted")',`, 'peer.number never has "(?i)restricted"'],
    [`if: 'peer.name != "unknown"',`, 'peer.name is never "unknown"'],
  ])('%s', (condition, what) => {
    expect(saidOf(condition)).toEqual([inConditions(what)]);
  });

  test.each([
    ["{% if peer.number == 'anonymous' %}a{% endif %}", [inTexts('peer.number is never "anonymous"')]],
    ["{% unless 'anonymous' != peer.number %}a{% endunless %}", [inTexts('peer.number is never "anonymous"')]],
    ["{% if answered and peer.number contains 'anonym' %}a{% endif %}", [inTexts('peer.number never has "anonym"')]],
    [
      "{% case peer.number %}{% when 'x', 'anonymous' %}a{% when 'Private' %}b{% endcase %}",
      [inTexts('peer.number is never "anonymous"'), inTexts('peer.number is never "Private"')],
    ],
    [
      "{% if reason %}{% if peer.name == 'Unknown' %}a{% endif %}{% endif %}",
      [inTexts('peer.name is never "Unknown"', 'peer.name')],
    ],
  ])('%s', (text, says) => {
    expect(saidOf('', text)).toEqual(says);
  });

  test.each([
    "{% if peer.number == '+493012345678' %}a{% endif %}",
    "{% if peer.name contains 'Private Clinic' %}a{% endif %}",
    "{% assign who = peer.number | default: 'anonymous' %}{% if who == 'anonymous' %}a{% endif %}",
    "{% if data.source.target == 'anonymous' %}a{% endif %}",
  ])('other words are fine: %s', (text) => {
    expect(saidOf('', text)).toEqual([]);
  });
});

describe('a comparison in a text that is never met', () => {
  test.each([
    [
      "{% if peer.number == '030 12345678' %}a{% endif %}",
      'numbers are compared here as they are written, so peer.number is never "030 12345678"; write "+493012345678"',
    ],
    ["{% if direction == 'incoming' %}a{% endif %}", 'direction is never "incoming"; did you mean "inbound"?'],
    ["{% case reason %}{% when 'bsy' %}a{% endcase %}", 'reason is never "bsy"; did you mean "busy"?'],
    [
      "{% if type == 'call_hungup' %}a{% endif %}",
      'type is never "call_hungup": it has the live name; write "call_hangup"',
    ],
    [
      "{% if answered == 'true' %}a{% endif %}",
      'answered is never "true": it is true or false; write {% if answered %} or {% unless answered %}',
    ],
    [
      "{% if talk_s == '60' %}a{% endif %}",
      'talk_s is never "60": it is a number of seconds; write the number without quotes',
    ],
  ])('%s', (text, says) => {
    expect(saidOf('', text)).toEqual([`warning: ${says}`]);
  });

  test('a number in another format in if', () => {
    expect(saidOf(`if: 'peer.number == "030 12345678"',`)).toEqual([
      'warning: numbers are compared here as they are written, so peer.number is never "030 12345678"; write "+493012345678"',
    ]);
  });
});

describe('a key that is written in a rule and that the map or list does not have', () => {
  test.each([
    [
      `if: 'maps.managers["+49 30 999"] == "x"',`,
      'the map managers has no entry "+49 30 999"; add it under maps, or correct it',
    ],
    [`if: 'maps.managers.sale == "x"',`, 'the map managers has no entry "sale"; did you mean "sales"?'],
    [
      `if: '"+49 30 999" in maps.managers || answered',`,
      'the map managers has no entry "+49 30 999"; add it under maps, or correct it',
    ],
    [
      `if: '"+49 30 999" in lists.vip || answered',`,
      'the list vip has no entry "+49 30 999"; add it under lists, or correct it',
    ],
  ])('%s', (condition, says) => {
    expect(saidOf(condition)).toEqual([`warning: ${says}`]);
  });

  test('in a text: an error where nothing would be inserted, and no default is needed for a key that is there', () => {
    const says = 'the map managers has no entry "+49 30 999"; add it under maps, or correct it';
    expect(saidOf('', "{{ '+49 30 999' | lookup: 'managers' }}")).toEqual([says]);
    expect(saidOf('', "{{ '+49 30 999' | lookup: 'managers' | default: 'x' }}")).toEqual([`warning: ${says}`]);
    expect(saidOf('', "{{ '+49 30 1234 5678' | lookup: 'managers' }}{{ 'sales' | lookup: 'managers' }}")).toEqual([]);
  });

  test.each([
    `if: 'maps.managers["+49 30 12345678"] == "x"',`,
    `if: '"030/12345678" in lists.vip || answered',`,
    `if: 'maps.managers[ours.number] == "x"',`,
  ])('a number is found in any format: %s', (condition) => {
    expect(saidOf(condition)).toEqual([]);
  });
});
