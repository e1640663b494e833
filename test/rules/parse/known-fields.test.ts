import { findingsOf } from '../load-text';

const file = (conditions: string, text: string): string => `version: 1
defaults: { country: DE }
lists: { berlin: ["030 1234567"], more: ["030 1234567", "089 1234567"] }
maps:
  managers: { "(030) 1234567": anna@example.com, "+49 40 1234567": bert@example.com }
  teams: { sales: a@example.com, support: b@example.com }
rules:
  - name: r
    on: call_hangup
    ${conditions}
    do: [{ email.send: { to: "${text}", subject: s, text: t } }]
`;

const MANAGER = "{{ ours.number | lookup: 'managers' }}";
const NEEDS_DEFAULT =
  "the map \"managers\" may have no entry; add a default: lookup: 'managers' | default: '…', or require it: when: { ours.number: { in: $managers } }";

test.each([
  ['when: { ours.number: { in: $managers } }', MANAGER],
  ['when: { all: [{ direction: inbound }, { ours.number: { in: $managers } }] }', MANAGER],
  ['when: { ours.number: { lookup: { managers: { exists: true } } } }', MANAGER],
  ['when: { ours.number: { in: $berlin } }', MANAGER],
  ['when: { ours.number: "030 123 45 67" }', MANAGER],
  ['when: { any: [{ ours.number: { in: $berlin } }, { ours.number: "+49401234567" }] }', MANAGER],
  ["if: 'ours.number in maps.managers'", MANAGER],
  ["if: 'answered == false && ours.number in lists.berlin'", MANAGER],
  ['when: { data.team: { in: $teams } }', "{{ data.team | lookup: 'teams' }}"],
  ["if: 'data.team in maps.teams'", "{{ data.team | lookup: 'teams' }}"],
  ["if: 'peer.name != null'", '{{ peer.name }} <a@example.com>'],
  ['if: \'data.address == "a@example.com"\'', '{{ data.address }}'],
])('%s: the condition says that %s has a value', (conditions, text) => {
  expect(findingsOf(file(conditions, text))).toEqual([]);
});

test.each([
  ['when: { ours.number: { exists: true } }', MANAGER],
  ['when: { ours.number: { in: $more } }', MANAGER],
  ['when: { any: [{ ours.number: { in: $berlin } }, { ours.number: { prefix: "+49" } }] }', MANAGER],
  ['when: { ours.number: { exists: true }, not: { ours.number: { in: $managers } } }', MANAGER],
  ['when: { ours.number: { exists: true }, peer.number: { in: $managers } }', MANAGER],
])('%s: the map may have no entry', (conditions, text) => {
  expect(findingsOf(file(conditions, text)).join('\n')).toContain(NEEDS_DEFAULT);
});

test.each([
  ['if: \'peer.name != "Ann"\'', '"peer.name" may be absent'],
  ["if: 'peer.name != null || answered'", '"peer.name" may be absent'],
  ["if: '!(ours.number in maps.managers)'", '"peer.name" may be absent'],
])('%s: the field may be absent', (conditions, finding) => {
  expect(findingsOf(file(conditions, '{{ peer.name }} <a@example.com>')).join('\n')).toContain(finding);
});

test('a condition in CEL on a list or map is held against the others', () => {
  const never = (condition: string): string =>
    findingsOf(file(`when: { ours.number: "+15551234567" }\n    if: '${condition}'`, 'a@example.com')).join('\n');
  for (const condition of ['ours.number in lists.berlin', 'ours.number in maps.managers']) {
    expect(never(condition)).toContain('the rule r can never match: the conditions on ours.number exclude each other');
  }
  expect(never('peer.number in lists.berlin')).toBe('');
});
