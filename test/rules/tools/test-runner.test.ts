import { actionCatalogue, findAction } from '../../../src/connectors/registry';
import { formatFinding } from '../../../src/yaml/format-findings';
import { loadRules } from '../../../src/rules/parse/load';
import type { ActionCatalogue } from '../../../src/rules/rule';
import { formatTestResults, runRuleTests, type TestRunOptions } from '../../../src/rules/tools/test-runner';
import { testActions } from '../catalogue';
import { findingsOf, loadTexts } from '../load-text';

const RULES = `version: 1
defaults: { timezone: Asia/Seoul }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
rules:
  - name: greet
    on: message_created
    when: { direction: inbound, during: office, data.metadata.vip: true }
    max_age: 1h
    do:
      - voipbin.send_message: { text: "Hello {{ peer.number | default: 'you' }}" }
  - name: log
    on: "*"
    do: [{ http.request: { url: "https://example.com/{{ id }}" } }]
tests:
`;

const FIXTURE = JSON.stringify({
  type: 'message_created',
  data: {
    id: 'm1',
    source: { type: 'tel', target: '+15551234567' },
    direction: 'inbound',
    tm_create: '2026-03-02T01:00:00Z',
    metadata: { vip: true },
  },
});

function run(test: string, options: Partial<TestRunOptions> = {}): string[] {
  const loaded = loadTexts({
    'conf/rules.yaml': `${RULES}  - name: t\n    ${test.trim().replaceAll('\n', '\n    ')}\n`,
  });
  if (!loaded.ok) {
    throw new Error(loaded.findings.map(formatFinding).join('\n'));
  }
  const readFile = (path: string): string => {
    if (path !== 'conf/fixtures/m.json') {
      throw new Error('not there');
    }
    return FIXTURE;
  };
  const [result] = runRuleTests(loaded.ruleSet, loaded.tests, { actions: testActions, readFile, ...options });
  return [...(result?.faults ?? ['no result'])];
}

describe('passes', () => {
  test.each([
    ['the rules that match', 'event: fixtures/m.json\nexpect: { rules: [greet, log] }'],
    [
      'rendered inputs, of those that are named',
      'event: fixtures/m.json\nexpect: { steps: { greet: { voipbin.send_message: { text: "Hello +15551234567" } }, log: { "http.request#1": { url: "https://example.com/m1" } } } }',
    ],
    [
      'a single rule without a list',
      'event: fixtures/m.json\nwith: { data.direction: outbound }\nexpect: { rules: log }',
    ],
    [
      'a change',
      'event: fixtures/m.json\nwith: { data.direction: outbound }\nexpect: { rules: [log], why_not: { greet: direction } }',
    ],
    [
      'a removal',
      'event: fixtures/m.json\nwith: { data.metadata.vip: null }\nexpect: { why_not: { greet: data.metadata.vip } }',
    ],
    [
      'a change of what is not there yet',
      'event: { type: message_created, data: { id: m } }\nwith: { data.metadata.vip: true, data.direction: inbound }\nat: "2026-03-02T10:00+09:00"\nexpect: { rules: [greet, log] }',
    ],
    [
      'a change inside a list',
      'event: { type: message_created, data: { id: m, targets: [{ status: a }, { status: b }] } }\nwith: { data.targets.1.status: c }\nexpect: { why_not: { greet: [during, data.metadata.vip] } }\nat: "2026-03-01T10:00+09:00"',
    ],
    ['another type', 'event: fixtures/m.json\nwith: { type: call_hangup }\nexpect: { why_not: { greet: on } }'],
    [
      'a step that does nothing',
      'event: fixtures/m.json\nwith: { data.text: STOP, data.destination: { target: "+15559876543" } }\nexpect: { skipped: { greet: { voipbin.send_message: opted_out } } }',
    ],
    [
      'a time outside the window',
      'event: fixtures/m.json\nat: "2026-03-02T08:59:59+09:00"\nexpect: { rules: [log], why_not: { greet: during } }',
    ],
    [
      'a local time outside it, in the zone of the rule file',
      'event: fixtures/m.json\nat: "2026-03-02 08:59"\nexpect: { rules: [log], why_not: { greet: during } }',
    ],
    ['a local time inside it', 'event: fixtures/m.json\nat: "2026-03-02 09:00"\nexpect: { rules: [greet, log] }'],
    ['a local day', 'event: fixtures/m.json\nat: 2026-03-02\nexpect: { rules: [log], why_not: { greet: during } }'],
    ['a time inside it', 'event: fixtures/m.json\nat: "2026-03-02T09:00+09:00"\nexpect: { rules: [greet, log] }'],
    [
      'an event without times, on a Monday',
      'event: { type: message_created, data: { id: m, direction: inbound, metadata: { vip: true } } }\nexpect: { why_not: { greet: during } }',
    ],
  ])('%s', (_, test) => {
    expect(run(test)).toEqual([]);
  });

  test('an event of the archive', () => {
    const findEvent = (id: string) => (id === 'call_hangup/c1' ? { type: 'call_hungup', data: { id: 'c1' } } : null);
    expect(
      run('event: call_hangup/c1\nexpect: { steps: { log: { http.request: { url: "https://example.com/c1" } } } }', {
        findEvent,
      }),
    ).toEqual([]);
    expect(run('event: call_hangup/c2\nexpect: { rules: [] }', { findEvent })).toEqual([
      'there is no sample and no archived event call_hangup/c2 (a file name ends in .json)',
    ]);
  });
});

describe('fails with what is otherwise', () => {
  test.each([
    [
      'a rule too many, without a list',
      'event: fixtures/m.json\nexpect: { rules: greet }',
      ['log should not match, but does'],
    ],
    ['a rule too many', 'event: fixtures/m.json\nexpect: { rules: [greet] }', ['log should not match, but does']],
    [
      'a rule missing',
      'event: fixtures/m.json\nwith: { data.direction: outbound }\nexpect: { rules: [greet, log] }',
      ['greet should match, but does not: direction should be "inbound", is "outbound" (line 7)'],
    ],
    [
      'an input',
      'event: fixtures/m.json\nexpect: { steps: { greet: { voipbin.send_message: { text: Hello, to: x } } } }',
      [
        'greet, voipbin.send_message#1: text should be "Hello", is "Hello +15551234567"',
        'greet, voipbin.send_message#1: to should be "x", is null',
      ],
    ],
    [
      'a step of a rule that does not match',
      'event: fixtures/m.json\nwith: { data.direction: outbound }\nexpect: { steps: { greet: { voipbin.send_message: { text: x } } } }',
      [
        'greet does not run, so the step voipbin.send_message#1 has no inputs: direction should be "inbound", is "outbound" (line 7)',
      ],
    ],
    [
      'a step that acts',
      'event: fixtures/m.json\nexpect: { skipped: { greet: { voipbin.send_message: opted_out } } }',
      ['greet, voipbin.send_message#1: should be skipped (opted_out), but acts'],
    ],
    [
      'a step that is skipped for another reason',
      'event: fixtures/m.json\nwith: { data.source.target: "73737", data.text: STOP }\nexpect: { skipped: { greet: { voipbin.send_message: opted_out } } }',
      ['greet, voipbin.send_message#1: should be skipped (opted_out), is skipped (not_a_phone)'],
    ],
    [
      'a skipped step of a rule that does not match',
      'event: fixtures/m.json\nwith: { data.direction: outbound }\nexpect: { skipped: { greet: { voipbin.send_message: opted_out } } }',
      [
        'greet does not run, so the step voipbin.send_message#1 is not skipped: direction should be "inbound", is "outbound" (line 7)',
      ],
    ],
    [
      'another reason',
      'event: fixtures/m.json\nwith: { data.direction: outbound }\nexpect: { why_not: { greet: during } }',
      ['greet should not match because of during; the reason is direction'],
    ],
    [
      'no reason at all',
      'event: fixtures/m.json\nexpect: { why_not: { greet: during } }',
      ['greet should not match, but does'],
    ],
    [
      'a missing fixture',
      'event: fixtures/none.json\nexpect: { rules: [] }',
      ['conf/fixtures/none.json cannot be read'],
    ],
  ])('%s', (_, test, faults) => {
    expect(run(test)).toEqual(faults);
  });
});

test.each([
  [
    'expects nothing',
    'event: e.json\nexpect: {}',
    ['17:13  the test expects nothing; write rules: [] for "no rule matches"'],
  ],
  [
    'unknown rule',
    'event: e.json\nexpect: { rules: [gret] }',
    ['17:23  there is no rule "gret"; did you mean "greet"?'],
  ],
  [
    'unknown step',
    'event: e.json\nexpect: { steps: { log: { http.requst: {} } } }',
    ['17:31  the rule log has no step "http.requst"; did you mean "http.request"?'],
  ],
  [
    'unknown reason',
    'event: e.json\nexpect: { why_not: { log: direciton } }',
    ['17:31  "direciton" is not a reason why a rule does not match; did you mean "direction"?'],
  ],
  [
    'a text that is no time',
    'event: e.json\nat: "2026-03-02 25:00"\nexpect: { rules: [] }',
    ['17:9  "2026-03-02 25:00" is not a time; such as "2026-03-02 09:00" or "2026-03-02T09:00:00Z"'],
  ],
  [
    'a change outside data',
    'event: e.json\nwith: { direction: inbound }\nexpect: { rules: [] }',
    ['17:13  VoIPBIN does not send "direction"; start it with data: data.direction'],
  ],
  [
    'an event that is none',
    'event: { typ: x }\nexpect: { rules: [] }',
    ['16:12  an event has a type and data; such as { type: call_hangup, data: { id: c1 } }'],
  ],
  ['no event', 'expect: { rules: [] }', ['15:5  a test has no "event"']],
])('a faulty test is found by the check: %s', (_, test, says) => {
  expect(findingsOf(`${RULES}  - name: t\n    ${test.replaceAll('\n', '\n    ')}\n`)).toEqual(
    says.map((one) => `rules.yaml:${one}`),
  );
});

const registered: ActionCatalogue = {
  find: (name) => {
    const found = findAction(name);
    return found === undefined ? undefined : { action: found.action, connectorName: found.connector.name };
  },
  names: actionCatalogue.names,
};

const DUE = `version: 1
defaults: { timezone: Asia/Seoul }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" } }
rules:
  - name: task
    on: message_created
    timezone: Europe/Berlin
    do: [{ hubspot.create_task: { subject: x, due: "next office 09:00" } }]
tests:
  - name: t
    event: { type: message_created, data: { id: m1, direction: incoming } }
    at: "2026-03-02 19:00"
`;

test.each<[due: string, faults: string[]]>([
  ['"2026-03-03 01:00"', []],
  ['2026-03-03T00:00:00.000Z', []],
  [
    '"2026-03-03 09:00"',
    ['task, hubspot.create_task#1: due should be "2026-03-03 09:00", is "2026-03-03 01:00" (Europe/Berlin)'],
  ],
  ['soon', ['task, hubspot.create_task#1: due should be "soon", is "2026-03-03 01:00" (Europe/Berlin)']],
])('a time is expected as the rule writes it, in the zone of the rule: %s', (due, faults) => {
  const loaded = loadRules({
    file: 'rules.yaml',
    actions: registered,
    readFile: () => `${DUE}    expect: { steps: { task: { hubspot.create_task: { due: ${due} } } } }\n`,
  });
  const results = loaded.ok ? runRuleTests(loaded.ruleSet, loaded.tests, { actions: registered }) : [];
  expect(results.map((result) => result.faults)).toEqual([faults]);
});

test.each([
  ['the actions as designed', testActions],
  ['the actions as they are', registered],
])('the shipped tests pass with %s', (_, actions) => {
  const loaded = loadRules({ file: 'config/rules.yaml', actions });
  const results = loaded.ok ? runRuleTests(loaded.ruleSet, loaded.tests, { actions }) : [];
  expect(formatTestResults(results)).toBe(`  ✓ a call is logged and posted
  ✓ further legs of a call are ignored
  ✓ calls between extensions are ignored
  ✓ a text message gets a reply
  ✓ own messages get no reply
  ✓ who asks for no more texts gets no reply
  ✓ a reaction to a text gets no reply
  ✓ a recording is sent when it has ended
  ✓ a running recording is not sent

9 passed`);
});

test('results look like those of a test runner', () => {
  const at = { file: 'rules.yaml', line: 5, column: 1 };
  expect(
    formatTestResults([
      { name: 'one', at, faults: [], explanation: null },
      { name: 'two', at, faults: ['this', 'that'], explanation: null },
    ]),
  ).toBe('  ✓ one\n  ✗ two  (rules.yaml:5)\n      this\n      that\n\n1 passed, 1 failed');
});

describe('the call that an event names', () => {
  const TEXT = `version: 1
rules:
  - name: call-back
    on: queuecall_abandoned
    when: { peer.type: tel }
    do: [{ hubspot.create_task: { subject: "Call back {{ peer.number | default: 'nobody' }}" } }]
tests:
  - name: t
    event: { type: queuecall_abandoned, data: { id: q1, reference_type: call, reference_id: c1 } }
`;
  const faultsOf = (more: string): readonly string[] => {
    const loaded = loadTexts({ 'rules.yaml': TEXT + more });
    if (!loaded.ok) {
      throw new Error(loaded.findings.map(formatFinding).join('\n'));
    }
    return runRuleTests(loaded.ruleSet, loaded.tests, { actions: testActions }).flatMap(({ faults }) => faults);
  };

  test('is given by the test', () => {
    const call = '    call: { direction: incoming, source: { type: tel, target: "+15551234567" } }\n';
    const steps = 'steps: { call-back: { hubspot.create_task: { subject: "Call back +15551234567" } } }';
    expect(faultsOf(`${call}    expect: { rules: [call-back], ${steps} }\n`)).toEqual([]);
    expect(faultsOf(`${call.replace('tel', 'extension')}    expect: { rules: [] }\n`)).toEqual([]);
  });

  test('is asked for when the test gives none', () => {
    expect(faultsOf('    expect: { rules: [call-back] }\n').join('\n')).toContain('in a test, give it as call');
  });

  test('must be a block', () => {
    expect(findingsOf(`${TEXT}    call: c1\n    expect: { rules: [] }\n`)).toEqual([
      expect.stringContaining('call must be a block of keys'),
    ]);
  });
});

describe('a number that is written without its country code', () => {
  const TEXT = `version: 1
defaults: { country: DE }
lists: { vip: ["010-9876-5432"] }
rules:
  - name: tell
    on: call_hangup
    when: { peer.number: { exists: true } }
    do: [{ voipbin.send_message: { from: "+493055501000", to: "010-5000-6000", text: Hello } }]
  - name: vip
    on: call_hangup
    when: { peer.number: { in: $vip } }
    do: [{ voipbin.send_message: { from: "+49 30 5550 1000", to: "+491609990001", text: Hello } }]
tests:
  - name: t
    event: { type: call_hangup, data: { id: c1, direction: incoming, source: { type: tel, target: "PEER" } } }
`;
  const resultsOf = (peer: string, expected: string) => {
    const loaded = loadTexts({ 'rules.yaml': `${TEXT.replace('PEER', peer)}    expect: ${expected}\n` });
    if (!loaded.ok) {
      throw new Error(loaded.findings.map(formatFinding).join('\n'));
    }
    return runRuleTests(loaded.ruleSet, loaded.tests, { actions: registered });
  };

  test('is shown as it is sent, too', () => {
    const shown = formatTestResults(resultsOf('+491098765432', '{ rules: [tell, vip] }'), true).split('\n');
    expect(shown).toContain('          to: 010-5000-6000 (+491050006000)');
    expect(shown).toContain('          from: +49 30 5550 1000 (+493055501000)');
    expect(shown).toContain('          to: +491609990001');
  });

  test('is shown as it is sent where another one was expected', () => {
    const steps = '{ steps: { tell: { voipbin.send_message: { to: "+821050006000" } } } }';
    expect(resultsOf('+821098765432', steps)[0]?.faults).toEqual([
      'tell, voipbin.send_message#1: to should be "+821050006000", is "010-5000-6000" (+491050006000)',
    ]);
  });

  test('is named as it was read from a list that does not have the number of the event', () => {
    expect(resultsOf('+821098765432', '{ rules: [tell, vip] }')[0]?.faults).toEqual([
      'vip should match, but does not: peer.number should be one of $vip (which has +491098765432), is "+821098765432" (line 11)',
    ]);
    expect(resultsOf('+15551234567', '{ rules: [tell, vip] }')[0]?.faults).toEqual([
      'vip should match, but does not: peer.number should be one of $vip, is "+15551234567" (line 11)',
    ]);
  });
});
