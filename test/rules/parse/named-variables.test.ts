import { findingsOf } from '../load-text';

const file = (expression: string, more = ''): string => `version: 1
defaults: { country: DE }
lists: { vip: ["+491701234567"], words: [stop], my-team: [Ann] }
maps: { managers: { "+49301234567": anna@example.com }, stops: { stop: x } }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
${more}rules:
  - name: r
    on: call_hangup
    if: '${expression}'
    do: [{ http.request: { url: "https://example.com/" } }]
`;

test.each([
  ['peer.number in lists.vp', 'rules.yaml:9:25  there is no list "vp"; did you mean "lists.vip"?'],
  ['peer.number in maps.manager', '9:25  there is no map "manager"; did you mean "maps.managers"?'],
  ['maps.manager[ours.number] == "x"', '9:10  there is no map "manager"; did you mean "maps.managers"?'],
  ['windows.ofice.open', '9:10  there is no window "ofice"; did you mean "windows.office"?'],
  ['windows.zzz.open', '9:10  there is no window "zzz"; define it under windows'],
  ['windows.office', '"windows.office" is a group of values; name one: windows.office.open'],
  ['answered && windows.office', '"windows.office" is a group of values; name one: windows.office.open'],
  ['windows.office.closed', 'windows.office has no field "closed"; it has open (true or false) and opens_at (a time)'],
  ['"stop" in lists', '"lists" is a group of values; name one: lists.<name>'],
  ['lists[reason] == null', '"lists" is a group of values; name one: lists.<name>'],
  ['maps[reason] == null', '"maps" is a group of values; name one: maps.<name>[<field>]'],
  ['lists.vip.size > 0', 'lists.vip is a list and has no field "size"; write size(lists.vip), or <field> in lists.vip'],
  ['lists.vip', 'the condition is a list, neither true nor false; look for something in it: peer.number in lists.vip'],
  [
    'peer.number == lists.vip',
    'peer.number (a text) and lists.vip (a list) are never equal; write peer.number in lists.vip',
  ],
  [
    'windows.office.open == "yes"',
    'windows.office.open (true or false) and "yes" (a text) are never equal; write windows.office.open alone, or !windows.office.open',
  ],
  [
    'windows.office.opens_at > 5',
    'windows.office.opens_at (a time as text) and 5 (a number) cannot be compared with >',
  ],
  ['direction in lists.words', 'direction is never "stop"; it is inbound or outbound'],
  ['direction in maps.stops', 'direction is never "stop"; it is inbound or outbound'],
  ['maps.stops[direction] == "x"', 'direction is never "stop"; it is inbound or outbound'],
  ['talk_s in lists.words', 'talk_s is a number of seconds, not the text "stop"'],
  [
    'lookup(ours.number, "managers") == "x"',
    'there is no function lookup(); write maps.<name>[<field>]: maps.managers[ours.number] == "…"',
  ],
  ['in_window("office")', 'there is no function in_window(); write windows.<name>.open'],
  [
    'peer.number in $vip',
    'not a CEL expression: CEL has no $vip; write lists.<name> for a list, maps.<name> for a map',
  ],
  ['reason in lists.my-team', 'write a name with a dash in brackets: lists["my-team"]'],
])('if: %s', (expression, finding) => {
  const found = findingsOf(file(expression)).join('\n');
  expect(found).toContain(finding);
});

test.each(['data.team in lists["my-team"]', 'lists.vip.exists(vip, vip == peer.number)', 'data.lists.open == true'])(
  'if: %s has nothing to complain of',
  (expression) => {
    expect(findingsOf(file(expression))).toEqual([]);
  },
);

test('a list that would travel with each run has a limit; under when it has none', () => {
  const long = `  long: [${Array.from({ length: 1_001 }, (_, index) => `x${index}`).join(', ')}]\n`;
  const text = file('reason in lists.long')
    .replace('maps: {', `maps: {`)
    .replace('my-team: [Ann] }', `my-team: [Ann],\n${long}}`);
  expect(findingsOf(text).join('\n')).toContain(
    'the list long has 1001 items; a list that a text or an if uses may have 1000; use it under when: { in: $long }',
  );
  expect(
    findingsOf(text.replace("if: 'reason in lists.long'", 'when: { text: { in: $long } }')).join('\n'),
  ).not.toContain('1001 items');
});
