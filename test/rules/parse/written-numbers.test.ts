import { actionCatalogue } from '../../../src/connectors/registry';
import { loadRules } from '../../../src/rules/parse/load';
import { mapsOfNumbers } from '../../../src/rules/parse/written-numbers';
import { formatFinding } from '../../../src/yaml/format-findings';

const FOREIGN =
  '"010-5000-6000" is read as +491050006000, and DE has no such number; if it is of another country, write it with that country\'s code, such as "+82 10 5000 6000"';

interface File {
  named?: string;
  when?: string;
  step?: string;
  more?: string;
}

function findingsOf({ named = '', when = '{ direction: inbound }', step = POST, more = '' }: File): string[] {
  const text = `version: 1
defaults: { country: DE }
${named}
rules:
  - name: r
    on: call_hangup
    when: ${when}
    do: [{ ${step} }]
${more}`;
  return loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text }).findings.map(formatFinding);
}

const POST = 'slack.post_message: { channel: "#sales", text: t }';
const textTo = (to: string): string => `voipbin.send_message: { to: ${to}, text: t }`;

describe('a number without its country code that the country of the rule does not have is reported', () => {
  test.each<[string, File, string]>([
    ['as the recipient of a text', { step: textTo('"010-5000-6000"') }, '8:40'],
    ['as the sender of a text', { step: 'voipbin.send_message: { from: "010-5000-6000", text: t }' }, '8:42'],
    ['as the number of a contact', { step: 'hubspot.create_task: { number: "010-5000-6000", subject: s }' }, '8:43'],
    ['in place of an absent recipient', { step: textTo(`"{{ peer.number | default: '010-5000-6000' }}"`) }, '8:40'],
    [
      'in a map of recipients',
      {
        named: 'maps: { oncall: { "+49305550100": "+491609990001", "+8225550100": "010-5000-6000" } }',
        step: textTo(`"{{ ours.number | lookup: 'oncall' | default: '+491609990001' }}"`),
      },
      '3:52',
    ],
    [
      'in a list of recipients',
      { named: 'lists: { oncall: ["+491609990001", "010-5000-6000"] }', step: textTo('"{{ lists.oncall | last }}"') },
      '3:36',
    ],
    ['in a condition', { when: '{ peer.number: "010-5000-6000" }' }, '7:26'],
    ['among several in a condition', { when: '{ peer.number: ["+491609990001", "010-5000-6000"] }' }, '7:44'],
    ['in a list', { named: 'lists: { vip: ["010-5000-6000"] }', when: '{ peer.number: { in: $vip } }' }, '3:16'],
    [
      'as a key of a map',
      { named: 'maps: { vip: { "010-5000-6000": a } }', when: '{ peer.number: { in: $vip } }' },
      '3:16',
    ],
    [
      'as a key that a text looks up',
      {
        named: 'maps: { vip: { "010-5000-6000": "#a" } }',
        step: `slack.post_message: { channel: "{{ peer.number | lookup: 'vip' | default: '#sales' }}", text: t }`,
      },
      '3:16',
    ],
    [
      'as a key that a condition in CEL looks up',
      { named: 'maps: { vip: { "010-5000-6000": a } }', more: '    if: maps.vip[peer.number] == "a"\n' },
      '3:16',
    ],
    ['in CEL', { more: '    if: peer.number == "010-5000-6000"\n' }, '9:24'],
  ])('%s', (_where, file, place) => {
    expect(findingsOf(file)).toEqual([`rules.yaml:${place}  warning: ${FOREIGN}`]);
  });
});

test('a list that several rules use is reported once', () => {
  const named = 'lists: { vip: ["010-5000-6000"] }';
  const when = '{ peer.number: { in: $vip }, ours.number: { not: { in: $vip } } }';
  const more = `  - name: other
    on: call_hangup
    when: { peer.number: { in: $vip } }
    do: [{ ${POST} }]
`;
  expect(findingsOf({ named, when, more })).toHaveLength(1);
});

test('of many in a list, the first few are reported', () => {
  const items = Array.from({ length: 50 }, (_, index) => `"010-5000-60${index + 10}"`).join(', ');
  expect(findingsOf({ named: `lists: { vip: [${items}] }`, when: '{ peer.number: { in: $vip } }' })).toHaveLength(5);
});

test.each<[string, File]>([
  [
    'with its country code, whether the country has it or not',
    {
      named: 'lists: { vip: ["+82 10-5000-6000", "+491050006000", "+1 555 123-4567"] }',
      when: '{ peer.number: { in: $vip } }',
    },
  ],
  ['of the country', { step: textTo('"0171 50006001"') }],
  ['of the country of the rule', { step: textTo('"010-5000-6000"'), more: '    country: KR\n' }],
  [
    'in a map that is used for something else',
    {
      named: 'maps: { days: { "010-5000-6000": a } }',
      step: `slack.post_message: { channel: "#a", text: "{{ type | lookup: 'days' | default: '010-5000-6000' }}" }`,
    },
  ],
  ['of an extension or a short code', { when: '{ peer.number: ["1001", "110", "alice@example.com"] }' }],
])('nothing is said of a number %s', (_what, file) => {
  expect(findingsOf(file)).toEqual([]);
});

test.each<[string, File]>([
  ['in a condition', { when: '{ peer.number: "0171 5" }' }],
  ['in a list', { named: 'lists: { vip: ["0171 5"] }', when: '{ peer.number: { in: $vip } }' }],
  [
    'as a key of a map',
    {
      named: 'maps: { vip: { "0171 5": "#a" } }',
      step: `slack.post_message: { channel: "{{ peer.number | lookup: 'vip' | default: '#sales' }}", text: t }`,
    },
  ],
])('a number with too few digits is refused %s', (_where, file) => {
  expect(findingsOf(file)).toEqual([
    expect.stringContaining('"0171 5" cannot be read as a phone number; is a digit missing?'),
  ]);
});

test('a recipient in a map that has too few digits is refused', () => {
  const named = 'maps: { oncall: { "+49305550100": "0171 5" } }';
  expect(
    findingsOf({ named, step: textTo(`"{{ ours.number | lookup: 'oncall' | default: '+491609990001' }}"`) }),
  ).toEqual(['rules.yaml:3:19  "0171 5" cannot be read as a phone number; is a digit missing?']);
});

test.each(['"abc"', '["abc", "+491609990001"]', '{ in: $vip }'])(
  'a word in place of a number is pointed out: %s',
  (compared) => {
    expect(findingsOf({ named: 'lists: { vip: [abc] }', when: `{ peer.number: ${compared} }` })).toEqual([
      expect.stringContaining(
        'warning: "abc" is no phone number: peer.number is that only where the network sends a name; write a number, or use peer.name',
      ),
    ]);
  },
);

test('long texts are looked at once: half a million characters would else take minutes', () => {
  const long = 500_000;
  const text = `version: 1
lists: { vip: ["${'1'.repeat(long)}x"] }
rules:
  - name: "a${'-'.repeat(long)}x"
    on: call_hangup
    when: { peer.number: { in: $vip } }
    do:
      - slack.post_message: { channel: "#sales", text: "{{ ${'ours.number|'.repeat(long / 12)} }}" }`;
  const { findings } = loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text });
  expect(findings.map(({ code }) => code)).toContain('name');
});

test.each([
  ['a filter between', "{{ ours.number | phone | lookup: 'oncall' }}", true],
  ['another value', "{{ ours.name | lookup: 'oncall' }}", false],
  ['looked up in another map before', "{{ ours.number | lookup: 'names' | lookup: 'oncall' }}", false],
])('a map whose keys are compared with a number, %s: %s', (_, text, isOfNumbers) => {
  expect(mapsOfNumbers(text).includes('oncall')).toBe(isOfNumbers);
});
