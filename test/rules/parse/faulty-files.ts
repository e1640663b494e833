/** A rule file with a fault, and what `bridge rules check` says of it, each with line and column. */
export interface FaultyFile {
  about: string;
  text: string;
  says: readonly string[];
}

/** A file with one rule whose `when` is this. */
const when = (conditions: string, more = ''): string => `version: 1
${more}rules:
  - name: r
    on: call_hangup
    when: ${conditions}
    do: [{ http.request: { url: "https://example.com/" } }]
`;

/** A file with one rule with this `on`, and these further lines. */
const rule = (lines: string, on = 'call_hangup'): string => `version: 1
rules:
  - name: r
    on: ${on}
${lines
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
`;

/** A file with one rule with this step. */
const step = (text: string, on = 'call_hangup'): string => rule(`do:\n  - ${text}`, on);

/** A file with one rule that posts this text. */
const post = (text: string, on = 'call_hangup'): string =>
  step(`slack.post_message: { channel: "#c", text: ${text} }`, on);

/** What a date in a window is answered with. */
const PERIOD_HINT =
  'a window is a time of the week; for a period of dates, write occurred_at: { gte: "2026-12-24", lt: "2027-01-02" } under when; for days without the window, except';

const fine = '\ndo: [{ http.request: { url: "https://example.com/" } }]';

export const FAULTY_FILES: readonly FaultyFile[] = [
  // The file as YAML
  {
    about: 'empty file',
    text: '',
    says: ['1:1  the file is empty; start with version: 1 and rules:'],
  },
  {
    about: 'only comments',
    text: '# nothing\n',
    says: ['1:1  the file is empty; start with version: 1 and rules:'],
  },
  {
    about: 'not a block',
    text: '- version: 1\n',
    says: ['1:1  a rule file must be a block of keys, not a list'],
  },
  {
    about: 'tab',
    text: 'version: 1\nrules:\n\t- name: r\n',
    says: ['3:1  a tab is used for indentation; use spaces'],
  },
  {
    about: 'tabs in several lines',
    text: 'version: 1\nrules:\n\t- name: r\n\t  on: call_hangup\n\t  do: []\n',
    says: ['3:1  a tab is used for indentation; use spaces; also in lines 4, 5'],
  },
  {
    about: 'control character',
    text: 'version: 1\nrules: []\n#\0\n',
    says: ['3:2  the file contains the control character U+0000; is it a text file? Save it as UTF-8'],
  },
  {
    about: 'line ends of old Macs',
    text: 'version: 1\rrules: []\r',
    says: ['1:11  the lines end with a carriage return only; save the file with line feeds (LF, or CRLF)'],
  },
  {
    about: 'no-break space in the indentation',
    text: 'version: 1\nrules:\n\u00a0 - name: r\n',
    says: ['3:1  the character U+00A0 looks like a space and is none; replace it with a space'],
  },
  {
    about: 'no-break space after a colon',
    text: 'version:\u00a01\nrules: []\n',
    says: ['1:9  the character U+00A0 looks like a space and is none; replace it with a space'],
  },
  {
    about: 'invisible character',
    text: 'version: 1\nlists: { a: ["\u200b+15551234567"] }\nrules: []\n',
    says: [
      '1:1  warning: there are no rules, so the bridge runs nothing',
      '2:15  warning: the file contains the invisible character U+200B; remove it, or type the text again instead of copying it',
    ],
  },
  {
    about: 'typographic quotes',
    text: when('{ peer.number: \u201c+15551234567\u201d }'),
    says: ['5:26  typographic quotes do not quote: they are part of the text; use straight quotes: " or \''],
  },
  {
    about: 'YAML directive',
    text: '# rules\n%YAML 1.1\n---\nversion: 1\nrules: []\n',
    says: ['2:1  YAML directives (%) are not supported; remove the line'],
  },
  {
    about: 'channel that is a comment',
    text: step('slack.post_message:\n      channel: #sales\n      text: hi'),
    says: [
      '7:20  warning: a # after a space starts a comment, so the rest of the line is not part of the value; put the value in quotes, or write a space after the #',
      '7:20  input "channel" of slack.post_message must be a text, not null',
    ],
  },
  {
    about: 'text that a comment cuts',
    text: rule(`description: the call from #5${fine}`),
    says: [
      '5:32  warning: a # after a space starts a comment, so the rest of the line is not part of the value; put the value in quotes, or write a space after the #',
    ],
  },
  {
    about: 'template without quotes',
    text: post('{{ id }}'),
    says: ['6:52  a text with {{ }} has no quotes; put it in quotes: "{{ id }}"'],
  },
  {
    about: 'text with a template without quotes',
    text: 'version: 1\nlists: {}\nrules: {{ id }} rules\n',
    says: ['3:8  a text with {{ }} has no quotes; put it in quotes: "{{ id }}"'],
  },
  {
    about: 'no space after a dash',
    text: 'version: 1\nrules:\n  -name: r\n    on: call_hangup\n',
    says: ['3:4  there is no space after the dash; write one'],
  },
  {
    about: 'no space after a colon',
    text: 'version: 1\nrules:\n  - name: r\n    on:call_hangup\n    do: []\n',
    says: ['4:8  there is no space after the colon; write one'],
  },
  {
    about: 'no space after the only colon of a block',
    text: when('\n      direction:inbound'),
    says: ['6:7  when must be a block of conditions, not the text "direction:inbound"; write a space after the colon'],
  },
  {
    about: 'quote that another text closes',
    text: `version: 1\nrules:\n  - name: 'r\n    on: call_hangup\n    description: 'a rule'\n`,
    says: ["3:11  a quote is not closed; close it with '"],
  },
  {
    about: 'apostrophe in single quotes',
    text: "version: 1\nrules:\n  - name: r\n    description: 'it's one'\n",
    says: [
      "4:22  the text goes on after its closing quote; put all of it in quotes; inside single quotes write '' for one '",
    ],
  },
  {
    about: 'unclosed bracket',
    text: 'version: 1\nrules:\n  - name: r\n    on: [call_hangup\n    do: []\n',
    says: ['4:9  a bracket [ is not closed; close it with ], and indent all its lines more than its key'],
  },
  {
    about: 'text that starts with a reserved character',
    text: post('x').replace('"#c"', '@sales'),
    says: ['6:40  a text cannot start with @ without quotes; put the text in quotes'],
  },
  {
    about: 'escape that is none',
    text: when('{ text: { matches: "\\d+" } }'),
    says: [
      "5:31  a backslash in double quotes starts an escape, and there is no such escape; use single quotes ('\\d'), or write two backslashes",
    ],
  },
  {
    about: 'version in quotes',
    text: 'version: "1"\nrules: []\n',
    says: ['1:10  this bridge supports version 1 of the rule language; write 1 without quotes'],
  },
  {
    about: 'key twice',
    text: 'version: 1\nrules: []\nversion: 1\n',
    says: ['3:1  this key appears twice in the same block; remove one of them'],
  },
  {
    about: 'bad indentation',
    text: 'version: 1\nrules:\n  - name: r\n   on: call_hangup\n',
    says: ['4:1  the indentation does not match the lines above'],
  },
  {
    about: 'unclosed quote',
    text: 'version: 1\nlists: { a: ["+1 }\n',
    says: ['2:14  a quote is not closed; close it with "'],
  },
  {
    about: 'colon in a text',
    text: 'version: 1\ndefaults:\n  timezone: UTC: now\n',
    says: [
      '3:13  a second colon in this line starts another key; put the text in quotes if it contains ": ", or start a new line',
    ],
  },
  {
    about: 'two documents',
    text: 'version: 1\nrules: []\n---\nversion: 1\n',
    says: ['3:1  the file contains more than one YAML document; remove the line with three dashes'],
  },
  {
    about: 'alias',
    text: 'version: 1\nlists:\n  a: &a ["x"]\n  b: *a\n',
    says: [
      '3:9  anchors and aliases (& and *) are not supported; put a text that starts with & or * in quotes',
      '4:6  anchors and aliases (& and *) are not supported; put a text that starts with & or * in quotes',
    ],
  },
  {
    about: 'merge key',
    text: 'version: 1\nlists:\n  <<: { a: ["x"] }\n',
    says: ['3:3  "<<" cannot be a name in lists; use letters, digits, dashes and underscores'],
  },
  {
    about: 'bare number',
    text: when('{ peer.number: 15551234567 }'),
    says: ['5:26  the bare number 15551234567 looks like a phone number; quote it: "15551234567"'],
  },
  {
    about: 'bare number in data',
    text: when('{ data.account: 12345678 }'),
    says: ['5:27  the bare number 12345678 looks like a phone number; quote it: "12345678"'],
  },
  {
    about: 'key that is a block',
    text: 'version: 1\n? [a, b]\n: c\n',
    says: ['2:3  a key must be a text; put a key with { or [ in quotes'],
  },
  {
    about: 'tag',
    text: 'version: 1\nlists: { a: [!!binary "aGk="] }\n',
    says: ['2:23  tags (!) are not supported; put a text that starts with ! in quotes'],
  },
  // The top of the file
  {
    about: 'no version',
    text: 'rules: []\n',
    says: ['1:1  a rule file has no "version"'],
  },
  {
    about: 'other version',
    text: 'version: 2\nrules: []\n',
    says: ['1:10  this bridge supports version 1 of the rule language'],
  },
  {
    about: 'unknown key at the top',
    text: 'version: 1\nrule:\n  - name: r\n',
    says: ['2:1  a rule file has no key "rule"; did you mean "rules"?'],
  },
  {
    about: 'rules no list',
    text: 'version: 1\nrules:\n  r: { on: call_hangup }\n',
    says: ['3:3  rules must be a list, not a block of keys; start each rule with a dash'],
  },
  {
    about: 'unknown zone',
    text: 'version: 1\ndefaults: { timezone: Asia/Soul }\nrules: []\n',
    says: ['2:23  "Asia/Soul" is not a time zone; did you mean "Asia/Seoul"?'],
  },
  {
    about: 'city for a zone',
    text: 'version: 1\ndefaults: { timezone: Berlin }\nrules: []\n',
    says: ['2:23  "Berlin" is not a time zone; did you mean "Europe/Berlin"?'],
  },
  {
    about: 'small country',
    text: 'version: 1\ndefaults: { country: kr }\nrules: []\n',
    says: ['2:22  "kr" is not a country code; did you mean KR?'],
  },
  {
    about: 'no country',
    text: 'version: 1\ndefaults: { country: Korea }\nrules: []\n',
    says: ['2:22  "Korea" is not a country code; two letters, such as KR or US'],
  },
  {
    about: 'missing include',
    text: 'version: 1\ninclude: more.yaml\nrules: []\n',
    says: ['2:10  "more.yaml" cannot be read: it does not exist'],
  },
  {
    about: 'list in a list',
    text: 'version: 1\nlists: { a: [[x]] }\nrules: []\n',
    says: ['2:14  the list a can only contain single values, not a list'],
  },
  // Rules
  {
    about: 'rule without name',
    text: 'version: 1\nrules:\n  - on: call_hangup\n    do: [{ http.request: { url: "https://example.com/" } }]\n',
    says: ['3:5  a rule has no "name"'],
  },
  {
    about: 'name with spaces',
    text:
      'version: 1\nrules:\n  - name: Missed sales call!\n    on: call_hangup' + fine.replaceAll('\n', '\n    ') + '\n',
    says: [
      '3:11  "Missed sales call!" cannot be the name of a rule; use letters, digits, dots, dashes and underscores: Missed-sales-call',
    ],
  },
  {
    about: 'name twice',
    text: `${rule(fine.trim())}  - name: r\n    on: call_created\n    do: [{ http.request: { url: "https://example.com/" } }]\n`,
    says: ['6:11  another rule has the name "r"; the first is at rules.yaml:3'],
  },
  {
    about: 'rule without steps',
    text: rule('when: { direction: inbound }'),
    says: ['3:5  a rule has no "do"'],
  },
  {
    about: 'no steps',
    text: rule('do: []'),
    says: ['5:9  the rule has no steps'],
  },
  {
    about: 'unknown key in a rule',
    text: rule(`whn: { direction: inbound }${fine}`),
    says: ['5:5  a rule has no key "whn"; did you mean "when"?'],
  },
  {
    about: 'mistyped type',
    text: rule(fine.trim(), 'call_hangpu'),
    says: ['4:9  there is no event type "call_hangpu"; did you mean "call_hangup"?'],
  },
  {
    about: 'tutorial name',
    text: rule(fine.trim(), 'call.completed'),
    says: ['4:9  there is no event type "call.completed"; did you mean "call_hangup"?'],
  },
  {
    about: 'type far from all',
    text: rule(fine.trim(), 'fax_arrived'),
    says: ['4:9  warning: "fax_arrived" is not a known event type'],
  },
  {
    about: 'no type at all',
    text: rule(fine.trim(), '"Call ended"'),
    says: ['4:9  "Call ended" cannot be an event type; such as call_hangup, message_created or call_*'],
  },
  {
    about: 'unknown family',
    text: rule(fine.trim(), 'cal_*'),
    says: ['4:9  there is no event type "cal_*"; did you mean "call_*"?'],
  },
  {
    about: 'never sent',
    text: rule(fine.trim(), 'queue_created'),
    says: ['4:9  warning: VoIPBIN never sends "queue_created"'],
  },
  {
    about: 'number for a type',
    text: rule(fine.trim(), '[call_hangup, 5]'),
    says: ['4:23  on must be a text, not the number 5; quote it: "5"'],
  },
  {
    about: 'mode',
    text: rule(`mode: lvie${fine}`),
    says: ['5:11  mode cannot be "lvie", only live, shadow, off; did you mean "live"?'],
  },
  {
    about: 'stop as a word',
    text: rule(`stop: yes${fine}`),
    says: ['5:11  stop must be true or false, not the text "yes"; did you mean true, without quotes?'],
  },
  {
    about: 'max_age without unit',
    text: rule(`max_age: 15${fine}`),
    says: [
      '5:14  max_age must be a duration such as 30s, 15m, 24h or 7d, not the number 15; which unit? 15s, 15m, 15h',
    ],
  },
  {
    about: 'max_age of nothing',
    text: rule(`max_age: 0${fine}`),
    says: ['5:14  max_age is shorter than a second, so every event is too old; write 15m, or remove it'],
  },
  {
    about: 'family without its star',
    text: rule(fine.trim(), 'call_'),
    says: ['4:9  there is no event type "call_"; did you mean "call_*"?'],
  },
  {
    about: 'cooldown',
    text: rule(`limits: { cooldown: ten minutes }${fine}`),
    says: ['5:25  "ten minutes" is not a cooldown; such as "10m" or "10m per peer.number"'],
  },
  {
    about: 'cooldown per unknown field',
    text: rule(`limits: { cooldown: 10m per peer.numbr }${fine}`),
    says: ['5:25  unknown field "peer.numbr"; did you mean "peer.number"?'],
  },
  {
    about: 'max',
    text: rule(`limits: { max: 200 per dya }${fine}`),
    says: ['5:20  "200 per dya" is not a limit; did you mean "day"?'],
  },
  {
    about: 'max without unit',
    text: rule(`limits: { max: 200 }${fine}`),
    says: ['5:20  max has no period; such as 200 per day'],
  },
  {
    about: 'unknown limit',
    text: rule(`limits: { cooldwon: 10m }${fine}`),
    says: ['5:15  limits has no key "cooldwon"; did you mean "cooldown"?'],
  },
  // Conditions
  {
    about: 'unknown field',
    text: when('{ direciton: inbound }'),
    says: ['5:13  unknown field "direciton"; did you mean "direction"?'],
  },
  {
    about: 'payload name of a field',
    text: when('{ hangup_reason: normal }'),
    says: ['5:13  unknown field "hangup_reason"; did you mean "reason"?'],
  },
  {
    about: 'field far from all',
    text: when('{ campaign: spring }'),
    says: ['5:13  unknown field "campaign"; fields of the payload are under data: data.campaign'],
  },
  {
    about: 'group',
    text: when('{ peer: { number: "+15551234567" } }'),
    says: ['5:13  "peer" is a group of fields; name one with a dot: peer.number'],
  },
  {
    about: 'data alone',
    text: when('{ data: { x: 1 } }'),
    says: ['5:13  "data" is a group of fields; name one: data.metadata.campaign'],
  },
  {
    about: "the other dialect's word",
    text: when('{ direction: incoming }'),
    says: ['5:24  direction is never "incoming"; did you mean "inbound"?'],
  },
  {
    about: 'no such word',
    text: when('{ direction: sideways }'),
    says: ['5:24  direction is never "sideways"; it is inbound or outbound'],
  },
  {
    about: 'open choice, near',
    text: when('{ reason: no_answer }'),
    says: ['5:21  reason is never "no_answer"; did you mean "noanswer"?'],
  },
  {
    about: 'open choice, far',
    text: when('{ reason: earthquake }'),
    says: [
      '5:21  warning: "earthquake" is not a known value of reason; known values: normal, noanswer, busy, cancel, timeout, failed, dialout, amd',
    ],
  },
  {
    about: 'text for a number',
    text: when('{ duration_s: "60" }'),
    says: ['5:25  duration_s is a number of seconds, not the text "60"; did you mean 60, without quotes?'],
  },
  {
    about: 'duration for a number',
    text: when('{ talk_s: { gt: soon } }'),
    says: ['5:27  talk_s is compared with a number of seconds or a duration such as 10m, not the text "soon"'],
  },
  {
    about: 'text for a truth value',
    text: when('{ answered: "false" }'),
    says: ['5:23  answered is true or false, not the text "false"; did you mean false, without quotes?'],
  },
  {
    about: 'no for a truth value',
    text: when('{ answered: no }'),
    says: ['5:23  answered is true or false, not the text "no"; did you mean false, without quotes?'],
  },
  {
    about: 'number for a text',
    text: when('{ text: 5 }'),
    says: ['5:19  text is a text, not the number 5; quote it: "5"'],
  },
  {
    about: 'nothing',
    text: when('{ peer.name: }'),
    says: ['5:24  peer.name has no value to compare with; for "has no value" write { exists: false }'],
  },
  {
    about: 'block in a list',
    text: when('{ reason: [busy, { not: normal }] }'),
    says: ['5:28  reason must be compared with single values, not a block of keys'],
  },
  {
    about: 'unknown operator',
    text: when('{ text: { containz: stop } }'),
    says: ['5:21  unknown operator "containz"; did you mean "contains"?'],
  },
  {
    about: 'operator of other languages',
    text: when('{ text: { regex: stop } }'),
    says: ['5:21  unknown operator "regex"; did you mean "matches"?'],
  },
  {
    about: 'ignore_case, misspelt',
    text: when('{ text: { contains: stop, ignorecase: true } }'),
    says: ['5:37  unknown operator "ignorecase"; did you mean "ignore_case"?'],
  },
  {
    about: 'operator that is none',
    text: when('{ text: { zzzzzzzz: stop } }'),
    says: [
      '5:21  unknown operator "zzzzzzzz"; the operators are in, not, lookup, prefix, suffix, contains, matches, gt, gte, lt, lte, exists, with ignore_case beside them',
    ],
  },
  {
    about: 'sign in a text',
    text: when('{ talk_s: "> 60" }'),
    says: ['5:21  talk_s is a number of seconds, not the text "> 60"; write { gt: 60 }'],
  },
  {
    about: 'sign before a duration',
    text: when('{ talk_s: "<=10m" }'),
    says: ['5:21  talk_s is a number of seconds, not the text "<=10m"; write { lte: 10m }'],
  },
  {
    about: 'sign before a time',
    text: when('{ occurred_at: ">= 2026-12-24" }'),
    says: ['5:26  occurred_at is a time, not the text ">= 2026-12-24"; write { gte: "2026-12-24" }'],
  },
  {
    about: 'sign as operator',
    text: when('{ talk_s: { ">": 60 } }'),
    says: ['5:23  unknown operator ">"; did you mean "gt"?'],
  },
  {
    about: 'unknown map',
    text: when('{ ours.number: { lookup: { manager: a } } }', 'maps: { managers: { "+15551234567": a } }\n'),
    says: ['6:38  there is no map "manager"; did you mean "managers"?'],
  },
  {
    about: 'lookup without a map',
    text: when('{ ours.number: { lookup: managers } }'),
    says: [
      '5:36  lookup needs a map and a value, not the text "managers"; such as { lookup: { managers: anna@example.com } }',
    ],
  },
  {
    about: 'a key that is no number',
    text: when('{ ours.number: { in: $managers } }', 'maps: { managers: { "+1 555": a, "12345678": b } }\n'),
    says: [
      '6:32  "+1 555" cannot be read as a phone number; is a digit missing?',
      '6:32  "12345678" cannot be read as a phone number; write it as +<country code>…, or set defaults: { country: … }',
    ],
  },
  {
    about: 'one number twice in a map',
    text: when('{ ours.number: { in: $m } }', 'maps: { m: { "+15551234567": a, "+1 (555) 123-4567": b } }\n'),
    says: ['2:33  the map m has "+15551234567" and "+1 (555) 123-4567", one number'],
  },
  {
    about: 'a map of lists',
    text: when('{ ours.number: { in: $m } }', 'maps: { m: { "+15551234567": [a] } }\n'),
    says: ['2:30  the map m can only contain single values, not a list'],
  },
  {
    about: 'a list with the name of a map',
    text: when('{ text: { in: $m } }', 'maps: { m: { a: b } }\nlists: { m: [a] }\n').replace(
      'call_hangup',
      'message_created',
    ),
    says: ['2:14  "m" is both a list and a map'],
  },
  {
    about: 'ignore_case beside nothing',
    text: when('{ reason: { exists: true, ignore_case: true } }'),
    says: [
      '5:50  ignore_case stands beside no operator that compares texts; such as { contains: cancel, ignore_case: true }',
    ],
  },
  {
    about: 'contains of no text',
    text: when('{ reason: { contains: [] } }'),
    says: ['5:33  contains has an empty list, so no value matches'],
  },
  {
    about: 'greater than a text',
    text: when('{ reason: { gt: 5 } }'),
    says: [
      '5:23  reason is a text and cannot be compared with gt; use a value, in, not, lookup, prefix, suffix, contains, matches, exists',
    ],
  },
  {
    about: 'prefix of a number',
    text: when('{ talk_s: { prefix: "6" } }'),
    says: [
      '5:23  talk_s is a number of seconds and cannot be compared with prefix; use a value, in, not, gt, gte, lt, lte, exists',
    ],
  },
  {
    about: 'empty contains',
    text: when('{ text: { contains: "" } }'),
    says: ['5:31  contains has an empty text, which matches everything; for "has a value" write { exists: true }'],
  },
  {
    about: 'exists without truth value',
    text: when('{ peer.name: { exists: yes } }'),
    says: ['5:34  exists must be true or false, not the text "yes"; did you mean true, without quotes?'],
  },
  {
    about: 'broken pattern',
    text: when('{ text: { matches: "(stop" } }'),
    says: ['5:30  the pattern is not a usable regular expression: missing closing ): `(stop`'],
  },
  {
    about: 'look-ahead',
    text: when('{ text: { matches: "stop(?!ping)" } }'),
    says: ['5:30  the pattern is not a usable regular expression: look-ahead and look-behind are not supported'],
  },
  {
    about: 'pattern with great repeats',
    text: when('{ text: { matches: "[ab]*a[ab]{900}" } }'),
    says: ['5:30  the pattern is not a usable regular expression: it repeats a part more than 100 times'],
  },
  {
    about: 'pattern with great repeats of what an escape stands before',
    text: when("{ text: { matches: ['\\x{41}{900}', '\\\\x{900}', '\\d{900}'] } }"),
    says: [31, 46, 58].map(
      (column) => `5:${column}  the pattern is not a usable regular expression: it repeats a part more than 100 times`,
    ),
  },
  {
    about: 'pattern with repeats of repeats',
    text: when('{ reason: { matches: "([ab]*a[ab]{90}){9}" } }'),
    says: [
      '5:32  the pattern is not a usable regular expression: its repetitions have 857 states together, more than 600',
    ],
  },
  {
    about: 'broken pattern in if',
    text: rule(`if: text.matches("(stop")${fine}`, 'message_created'),
    says: ['5:22  the pattern is not a usable regular expression: missing closing ): `(stop`'],
  },
  {
    about: 'unknown list',
    text: when('{ ours.number: { in: $slaes } }', 'lists: { sales: ["+15551234567"] }\n'),
    says: ['6:32  there is no list "slaes"; did you mean $sales?'],
  },
  {
    about: 'list without dollar',
    text: when('{ ours.number: { in: sales } }', 'lists: { sales: ["+15551234567"] }\n'),
    says: ['6:32  in needs a list, not the text "sales"; did you mean $sales?'],
  },
  {
    about: 'dollar without in',
    text: when('{ ours.number: $sales }', 'lists: { sales: ["+15551234567"] }\n'),
    says: ['6:26  ours.number is compared with the text "$sales"; for a list write { in: $sales }'],
  },
  {
    about: 'list of the wrong kind',
    text: when('{ direction: { in: $sales } }', 'lists: { sales: ["+15551234567"] }\n'),
    says: ['6:30  direction is never "+15551234567"; it is inbound or outbound'],
  },
  {
    about: 'empty list',
    text: when('{ reason: { in: [] } }'),
    says: ['5:27  the list for reason is empty, so no value matches'],
  },
  {
    about: 'local number without country',
    text: when('{ peer.number: "02-111-2222" }'),
    says: [
      '5:26  "02-111-2222" cannot be read as a phone number; write it as +<country code>…, or set defaults: { country: … }',
    ],
  },
  {
    about: 'prefix without country code',
    text: when('{ peer.number: { prefix: "010" } }'),
    says: [
      '5:36  warning: phone numbers start with their country code, so the prefix "010" matches none; write it as +<country code>…, without the leading 0',
    ],
  },
  {
    about: 'any as a block',
    text: when('{ any: { direction: inbound } }'),
    says: ['5:18  any must be a list, not a block of keys; start each alternative with a dash'],
  },
  {
    about: 'when as a list',
    text: when('[{ direction: inbound }]'),
    says: ['5:11  when must be a block of conditions, not a list; for alternatives, write any: before the list'],
  },
  {
    about: 'unknown window',
    text: when('{ during: offcie }', 'windows: { office: { days: mon-fri } }\n'),
    says: ['6:21  there is no window "offcie"; did you mean "office"?'],
  },
  {
    about: 'window without windows',
    text: when('{ during: office }'),
    says: ['5:21  there is no window "office"; define it under windows'],
  },
  {
    about: 'live name in type',
    text: when('{ type: call_hungup }'),
    says: ['5:19  type is never "call_hungup": it has the live name; did you mean "call_hangup"?'],
  },
  {
    about: 'time that is none',
    text: when('{ occurred_at: { gt: yesterday } }'),
    says: ['5:32  "yesterday" is not a time; such as "2026-03-02 09:00" or "2026-03-02T09:00:00Z"'],
  },
  {
    about: 'time of day without a date',
    text: when('{ occurred_at: { gt: "09:00" } }'),
    says: ['5:32  "09:00" is not a time; such as "2026-03-02 09:00" or "2026-03-02T09:00:00Z"'],
  },
  {
    about: 'date that does not exist',
    text: when('{ occurred_at: { gt: "2026-13-40" } }'),
    says: ['5:32  "2026-13-40" is not a time; such as "2026-03-02 09:00" or "2026-03-02T09:00:00Z"'],
  },
  {
    about: 'day as a time',
    text: when('{ occurred_at: "2026-03-02" }'),
    says: [
      '5:26  occurred_at is a time, not the text "2026-03-02"; for a day write { gte: "2026-03-02", lt: "…" } with the next day',
    ],
  },
  {
    about: 'when without conditions',
    text: when('{}'),
    says: [
      '5:11  warning: when has no conditions, so every event of these types matches; remove it, or write a condition',
    ],
  },
  {
    about: 'alternative without conditions',
    text: when('{ any: [{ answered: true }, {}] }'),
    says: ['5:39  a block of any has no conditions; write a condition, or remove it'],
  },
  {
    about: 'not without conditions',
    text: when('{ not: {} }'),
    says: ['5:18  a block of not has no conditions; write a condition, or remove it'],
  },
  {
    about: 'limits without a limit',
    text: rule(`limits: {}${fine}`),
    says: ['5:13  warning: limits has no limit; write cooldown or max, or remove it'],
  },
  {
    about: 'empty pattern',
    text: when('{ reason: { matches: "" } }'),
    says: ['5:32  matches has an empty pattern, which matches everything; for "has a value" write { exists: true }'],
  },
  {
    about: 'template in a condition',
    text: when('{ call_id: "{{ root_call_id }}" }'),
    says: [
      '5:22  warning: conditions have no templates: "{{ root_call_id }}" is compared as it is; compare two fields under if',
    ],
  },
  {
    about: 'field as a value',
    text: when('{ call_id: root_call_id }'),
    says: [
      '5:22  warning: "root_call_id" is compared as a text, not as the field; compare two fields under if: call_id == root_call_id',
    ],
  },
  {
    about: 'wildcards',
    text: when('{ peer.name: "*Kim*" }'),
    says: [
      '5:24  warning: there are no wildcards: "*Kim*" is compared as it is; write { contains: "Kim" }, or prefix or suffix',
    ],
  },
  {
    about: 'pattern between slashes',
    text: when('{ peer.name: { matches: "/kim/i" } }'),
    says: ['5:35  warning: the slashes are part of the pattern "/kim/i"; write (?i)kim'],
  },
  {
    about: 'space at the end of a value',
    text: when('{ peer.name: "Kim " }'),
    says: ['5:24  warning: "Kim " begins or ends with a space; did you mean "Kim"?'],
  },
  {
    about: 'empty text',
    text: when('{ peer.name: "" }'),
    says: ['5:24  warning: peer.name is compared with an empty text; for "has no value" write { exists: false }'],
  },
  {
    about: 'end of a number with dashes',
    text: when('{ peer.number: { suffix: "555-1234" } }'),
    says: [
      '5:36  warning: phone numbers have no spaces, brackets or dashes here, so none has "555-1234"; write "5551234"',
    ],
  },
  {
    about: 'local number in the payload',
    text: when('{ data.source.target: "010-1234" }'),
    says: [
      '5:33  warning: VoIPBIN sends numbers as +15551234567, so data.source.target is never "010-1234"; use peer.number or ours.number, which match in any format',
    ],
  },
  // Windows
  {
    about: 'days',
    text: 'version: 1\nwindows: { office: { days: mon-fry } }\nrules: []\n',
    says: ['2:28  "mon-fry" is not a day or range of days; such as mon-fri, sat or daily'],
  },
  {
    about: 'hour without minutes',
    text: 'version: 1\nwindows: { office: { from: "9", to: 6pm } }\nrules: []\n',
    says: [
      '2:28  "9" is not a time of day; did you mean "09:00"?',
      '2:37  "6pm" is not a time of day; did you mean "18:00"?',
    ],
  },
  {
    about: 'times of day in other notations, as texts and numbers',
    text: `version: 1
windows:
  office: { from: 9, to: 17.30 }
  late: { from: "17h30", to: "21.00 Uhr" }
  night: { from: 2200, to: 25 }
rules: []
`,
    says: [
      '3:19  "9" is not a time of day; did you mean "09:00"?',
      '3:26  "17.30" is not a time of day; did you mean "17:30"?',
      '4:17  "17h30" is not a time of day; did you mean "17:30"?',
      '4:30  "21.00 Uhr" is not a time of day; did you mean "21:00"?',
      '5:18  "2200" is not a time of day; did you mean "22:00"?',
      '5:28  "25" is not a time of day; such as "09:00"',
    ],
  },
  {
    about: 'a window with dates',
    text: `version: 1
windows:
  holidays: { from: "2026-12-24", to: "2027-01-02 00:00" }
  christmas: { days: "2026-12-24" }
rules: []
`,
    says: [
      `3:21  "2026-12-24" is not a time of day; ${PERIOD_HINT}`,
      `3:39  "2027-01-02 00:00" is not a time of day; ${PERIOD_HINT}`,
      `4:22  "2026-12-24" is not a day or range of days; ${PERIOD_HINT}`,
    ],
  },
  {
    about: 'a pattern in double quotes',
    text: when('{ text: { matches: ["\\bcost\\b", \'\\bprice\\b\'] } }'),
    says: ['5:31  in double quotes, \\b is a control character; use single quotes, or write \\\\b'],
  },
  {
    about: 'a pattern in CEL whose escapes CEL reads',
    text: `version: 1
rules:
  - name: r
    on: message_created
    if: text.matches('\\bcost\\b') || text.matches(r"\\bprice\\b") || text.matches("\\\\brent\\\\b")
    do: [{ http.request: { url: "https://example.com/" } }]
`,
    says: [
      '5:22  the pattern contains a control character: in quotes, \\b is one; put an r before the quotes: r"\\b…", or write \\\\b',
    ],
  },
  {
    about: 'window of no time',
    text: 'version: 1\nwindows: { office: { from: "09:00", to: "09:00" } }\nrules: []\n',
    says: ['2:41  the window starts and ends at the same time; for the whole day, remove from and to'],
  },
  {
    about: 'date',
    text: 'version: 1\nwindows: { office: { except: ["2026-02-30", $holidays] } }\nrules: []\n',
    says: [
      '2:31  "2026-02-30" is not a date; such as "2026-03-01", or $name for a list',
      '2:45  there is no list "holidays"; define it under lists',
    ],
  },
  {
    about: 'window without times',
    text: 'version: 1\nwindows: { office: [] }\nrules: []\n',
    says: ['2:20  the window office has no times, so it is never open'],
  },
  {
    about: 'window without days',
    text: 'version: 1\nwindows: { office: { days: [] } }\nrules: []\n',
    says: ['2:28  the window has no days, so it is never open; for every day, remove days'],
  },
  {
    about: 'window from the end of the day',
    text: 'version: 1\nwindows: { night: { from: "24:00", to: "06:00" } }\nrules: []\n',
    says: ['2:27  no window starts at 24:00; write "00:00", and the next day'],
  },
  {
    about: 'unknown key in a window',
    text: 'version: 1\nwindows: { office: { day: mon } }\nrules: []\n',
    says: ['2:22  a window has no key "day"; did you mean "days"?'],
  },
  // CEL
  {
    about: 'unknown field in if',
    text: rule(`if: duraton_s < 60${fine}`),
    says: ['5:9  there is no field "duraton_s"; did you mean "duration_s"?'],
  },
  {
    about: 'one equals sign',
    text: rule(`if: direction = "inbound"${fine}`),
    says: ['5:19  not a CEL expression: a single =; write == to compare'],
  },
  {
    about: 'words for operators',
    text: rule(`if: talk_s > 5 and ring_s < 3${fine}`),
    says: ['5:20  not a CEL expression: CEL has no and; write && for and, || for or, ! for not'],
  },
  {
    about: 'unknown function',
    text: rule(`if: text.startswith("a")${fine}`, 'message_created'),
    says: ['5:13  there is no function startswith(); did you mean startsWith()?'],
  },
  {
    about: 'loop in a loop',
    text: rule(`if: data.a.all(x, data.b.exists(y, x == y))${fine}`),
    says: ['5:29  a loop inside a loop (all, exists, map, filter) could take too long'],
  },
  {
    about: "the other dialect's word in if",
    text: rule(`if: direction == "incoming"${fine}`),
    says: ['5:22  direction is never "incoming"; did you mean "inbound"?'],
  },
  {
    about: 'text for a number in if',
    text: rule(`if: duration_s == "60"${fine}`),
    says: ['5:23  duration_s is a number of seconds, not the text "60"; did you mean 60, without quotes?'],
  },
  // Steps
  {
    about: 'step as a text',
    text: step('slack.post_message'),
    says: ['6:9  a step must be an action with its inputs, not a text; write slack.post_message: { … }'],
  },
  {
    about: 'step without action',
    text: step('id: a'),
    says: [
      '6:9  the step has no action; the actions are email.send, http.request, hubspot.create_task, hubspot.log_call, hubspot.update_contact, slack.post_message, voipbin.send_message',
    ],
  },
  {
    about: 'two actions',
    text: rule(
      'do:\n  - slack.post_message: { channel: c, text: t }\n    http.request: { url: "https://example.com/" }',
    ),
    says: ['7:9  the step has a second action "http.request"; start another step with a dash'],
  },
  {
    about: 'mistyped action',
    text: step('slack.post_mesage: { channel: c, text: t }'),
    says: ['6:9  there is no action "slack.post_mesage"; did you mean "slack.post_message"?'],
  },
  {
    about: 'action without its connector',
    text: step('post_message: { channel: c, text: t }'),
    says: ['6:9  there is no action "post_message"; did you mean "slack.post_message"?'],
  },
  {
    about: 'missing input',
    text: step('slack.post_message: { channel: c }'),
    says: ['6:29  slack.post_message needs input "text"'],
  },
  {
    about: 'unknown input',
    text: step('slack.post_message: { channel: c, txt: t }'),
    says: [
      '6:29  slack.post_message needs input "text"',
      '6:43  slack.post_message has no input "txt"; did you mean "text"?',
    ],
  },
  {
    about: 'input of the wrong kind',
    text: step('slack.post_message: { channel: 5, text: t }'),
    says: ['6:40  input "channel" of slack.post_message must be a text, not 5'],
  },
  {
    about: 'input that is no choice',
    text: step('hubspot.log_call: { unknown_contact: creat }'),
    says: ['6:46  input "unknown_contact" of hubspot.log_call cannot be "creat"; did you mean "create"?'],
  },
  {
    about: 'inputs that are no block',
    text: step('slack.post_message: hello'),
    says: ['6:29  the inputs of slack.post_message must be a block of keys; write slack.post_message: { … }'],
  },
  {
    about: 'bad id',
    text: rule('do:\n  - id: my step\n    slack.post_message: { channel: c, text: t }'),
    says: ['6:13  "my step" cannot be the id of a step; use letters, digits and underscores; start with a letter'],
  },
  {
    about: 'id twice',
    text: rule(
      'do:\n  - id: a\n    slack.post_message: { channel: c, text: t }\n  - id: a\n    slack.post_message: { channel: c, text: t }',
    ),
    says: ['9:9  two steps of the rule have the id "a"; the other is in line 7'],
  },
  {
    about: 'retry without unit',
    text: rule('do:\n  - slack.post_message: { channel: c, text: t }\n    retry: { for: 10 }'),
    says: [
      '7:23  retry.for must be a duration such as 30s, 15m, 24h or 7d, not the number 10; which unit? 10s, 10m, 10h',
    ],
  },
  {
    about: 'retry that sets nothing',
    text: rule('do:\n  - slack.post_message: { channel: c, text: t }\n    retry: {}'),
    says: ['7:16  warning: retry sets nothing; write for, every or max_every'],
  },
  {
    about: 'retry in a wrong order',
    text: rule('do:\n  - slack.post_message: { channel: c, text: t }\n    retry: { every: 10m, max_every: 1m }'),
    says: ['7:41  retry.max_every is shorter than retry.every'],
  },
  {
    about: 'on_error',
    text: rule('do:\n  - slack.post_message: { channel: c, text: t }\n    on_error: ignore'),
    says: ['7:19  on_error cannot be "ignore", only stop, continue'],
  },
  // Templates
  {
    about: 'unknown variable',
    text: post('"from {{ peer.numbr }}"'),
    says: ['6:61  there is no variable "peer.numbr"; did you mean "peer.number"?'],
  },
  {
    about: 'payload name of a variable',
    text: post('"{{ hangup_reason }}"'),
    says: ['6:56  there is no variable "hangup_reason"; did you mean "reason"?'],
  },
  {
    about: 'may be absent',
    text: post('"from {{ peer.number }}"'),
    says: [
      '6:61  "peer.number" may be absent; add a default: {{ peer.number | default: \'…\' }}, or require it: when: { peer.number: { exists: true } }',
    ],
  },
  {
    about: 'data may be absent',
    text: post('"{{ data.metadata.campaign }}"'),
    says: [
      '6:56  "data.metadata.campaign" may be absent; add a default: {{ data.metadata.campaign | default: \'…\' }}, or require it: when: { data.metadata.campaign: { exists: true } }',
    ],
  },
  {
    about: 'word for a withheld number',
    text: rule('when: { peer.number: anonymous }\ndo: [{ slack.post_message: { channel: c, text: t } }]'),
    says: [
      '5:26  warning: a withheld number is absent, so peer.number is never "anonymous"; for a withheld number write { exists: false }, in if: == null',
    ],
  },
  {
    about: 'word for a withheld number in if',
    text: rule('if: peer.number != "Anonymous"\ndo: [{ slack.post_message: { channel: c, text: t } }]'),
    says: [
      '5:24  warning: a withheld number is absent, so peer.number is never "Anonymous"; for a withheld number write { exists: false }, in if: == null',
    ],
  },
  {
    about: 'word for a withheld number in a list',
    text: `lists: { blocked: [anonymous, "+15551234567"] }\n${rule('when: { peer.number: { in: $blocked } }\ndo: [{ slack.post_message: { channel: c, text: t } }]')}`,
    says: [
      '6:32  warning: a withheld number is absent, so peer.number is never "anonymous"; for a withheld number write { exists: false }, in if: == null',
    ],
  },
  {
    about: 'group as variable',
    text: post('"{{ peer }}"'),
    says: ['6:56  "peer" is a group of fields; name one: peer.number'],
  },
  {
    about: 'never there',
    text: post('"{{ peer.number }}"', 'conference_updated'),
    says: ['6:56  "peer.number" is always absent for the events of this rule'],
  },
  {
    about: 'unknown filter',
    text: post('"{{ id | phnoe }}"'),
    says: ['6:53  there is no filter "phnoe"; did you mean "phone"?'],
  },
  {
    about: 'filter of another name',
    text: post('"{{ id | national }}"'),
    says: ['6:53  there is no filter "national"; write phone: \'national\''],
  },
  {
    about: 'loop without an end in sight',
    text: post('"{% for i in (1..1000000000) %}x{% endfor %}"'),
    says: ['6:53  the loop runs 1,000,000,000 times; 16,666 is the most; go through a list of the event, or use limit'],
  },
  {
    about: 'loops in loops',
    text: post('"{% if answered %}{% for i in (1..200) %}{% for j in (1..200) %}x{% endfor %}{% endfor %}{% endif %}"'),
    says: ['6:93  the loop runs 40,000 times; 16,666 is the most; go through a list of the event, or use limit'],
  },
  {
    about: 'text that doubles',
    text: post(`"{% assign s = 'x' %}{% for i in (1..100) %}{% assign s = s | append: s %}{% endfor %}{{ s }}"`),
    says: ['6:53  the text takes too many steps for any event; go through a list of the event, or use limit'],
  },
  {
    about: 'raw',
    text: post('"{{ id | raw }}"'),
    says: ['6:53  there is no filter "raw"; inserted values are always escaped'],
  },
  {
    about: 'unclosed braces',
    text: post('"{{ id "'),
    says: ['6:53  not a valid template: output "{{ id " not closed'],
  },
  {
    about: 'include',
    text: post('"{% include \'/etc/passwd\' %}"'),
    says: [
      '6:53  there is no tag "include"; the tags are #, assign, break, case, comment, continue, echo, for, if, raw, unless',
    ],
  },
  {
    about: 'unknown step',
    text: post('"{{ steps.cal.contact.name | default: id }}"'),
    says: ['6:56  there is no earlier step "cal"; give the earlier step an id'],
  },
  {
    about: 'step that comes later',
    text: rule(
      'do:\n  - slack.post_message: { channel: c, text: "{{ steps.b.ts | default: id }}" }\n  - id: b\n    slack.post_message: { channel: c, text: t }',
    ),
    says: ['6:53  the step "b" has not run yet; only the results of earlier steps can be used'],
  },
  {
    about: 'unknown result',
    text: rule(
      'do:\n  - id: call\n    hubspot.log_call: {}\n  - slack.post_message: { channel: c, text: "{{ steps.call.contact.nmae | default: id }}" }',
    ),
    says: ['8:53  steps.call.contact has no field "nmae"; did you mean "steps.call.contact.name"?'],
  },
  {
    about: 'in a block text',
    text: rule(
      'do:\n  - slack.post_message:\n      channel: c\n      text: |\n        Hello,\n        from {{ peer.nmae }}',
    ),
    says: ['10:21  there is no variable "peer.nmae"; did you mean "peer.name"?'],
  },
];
