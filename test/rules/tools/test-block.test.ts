import { actionCatalogue } from '../../../src/connectors/registry';
import { loadRules } from '../../../src/rules/parse/load';
import { formatTestResults, runRuleTests } from '../../../src/rules/tools/test-runner';
import { findSample } from '../../../src/samples/samples';
import { formatFinding } from '../../../src/yaml/format-findings';

const RULES = `version: 1
rules:
  - name: task
    on: call_hangup
    when: { peer.number: { exists: true } }
    do:
      - id: task
        hubspot.create_task: { subject: "Call {{ peer.number | phone }}" }
        retry: { for: 1m }
        on_error: continue
      - slack.post_message: { channel: "#sales", text: "Hello {{ steps.task.contact.name | first_name | default: 'you' }}" }
  - name: log-all
    on: "*"
    do: [{ http.request: { url: "https://example.com/{{ data.path | default: '' }}" } }]
  - name: mail
    on: message_created
    do: [{ email.send: { to: "{{ data.owner | default: '' }}", subject: s, text: t } }]
tests:
`;

function load(test: string) {
  const text = `${RULES}  - name: t\n    ${test.trim().replaceAll('\n', '\n    ')}\n`;
  return loadRules({ file: 'rules.yaml', actions: actionCatalogue, readFile: () => text });
}

function results(test: string) {
  const loaded = load(test);
  if (!loaded.ok) {
    throw new Error(loaded.findings.map(formatFinding).join('\n'));
  }
  return runRuleTests(loaded.ruleSet, loaded.tests, { actions: actionCatalogue, findSample });
}

const faults = (test: string): readonly string[] => results(test)[0]?.faults ?? ['no result'];

test('a sample by its name, and at least these rules', () => {
  expect(faults('event: call_hangup\nexpect: { includes: task }')).toEqual([]);
  expect(faults('event: call_hangup\nexpect: { rules: [task] }')).toEqual(['log-all should not match, but does']);
  expect(faults('event: call_created\nexpect: { includes: [log-all, task] }')).toEqual([
    'task should match, but does not: it listens to call_hangup; this event is call_created',
  ]);
});

test('the results of earlier steps are given', () => {
  const given = 'event: call_hangup\nsteps: { task: { contact: { name: "Dr. Ada Lovelace" } } }\n';
  expect(faults(`${given}expect: { steps: { task: { slack.post_message: { text: Hello Ada } } } }`)).toEqual([]);
  expect(
    faults('event: call_hangup\nexpect: { steps: { task: { slack.post_message: { text: Hello you } } } }'),
  ).toEqual([]);
});

test.each([
  ['{ tusk: { a: 1 } }', 'no rule has a step with the id "tusk"; did you mean "task"?'],
  [
    '{ task: done }',
    'the result of task must be a block of keys, not the text "done"; such as { contact: { name: Ada } }',
  ],
  ['[]', 'steps must be a block of keys, not a list'],
])('faulty results: %s', (steps, finding) => {
  const { findings } = load(`event: call_hangup\nsteps: ${steps}\nexpect: { includes: task }`);
  expect(findings.map((one) => formatFinding(one).replace(/^\S+ {2}/, ''))).toEqual([finding]);
});

test('a rendered input that would fail for good fails the test, whatever it expects', () => {
  expect(faults('event: message_created\nexpect: { includes: mail }')).toEqual([
    'mail, email.send#1 would fail: the rendered `to` is empty: Look at the template of `to`.',
  ]);
  expect(faults('event: message_created\nwith: { data.owner: a@example.com }\nexpect: { includes: mail }')).toEqual([]);
});

test('what each step would send is shown on request', () => {
  const shown = results('event: call_hangup\nexpect: { includes: task }');
  expect(formatTestResults(shown, true).split('\n').slice(0, 5)).toEqual([
    '  ✓ t',
    '    task',
    '      → hubspot.create_task (task)',
    expect.stringMatching(/^ {10}subject: Call \+1 /),
    '      → slack.post_message',
  ]);
  expect(formatTestResults(shown).split('\n')).toEqual(['  ✓ t', '', '1 passed']);
});

describe('an if that uses the result of an earlier step', () => {
  const rules = `version: 1
rules:
  - name: greet
    on: message_created
    do:
      - { id: task, hubspot.create_task: { subject: s }, on_error: continue }
      - { id: named, if: steps.task.contact.name != null, http.request: { url: "https://example.com/a" } }
      - { id: unnamed, if: steps.task.contact.name == null, http.request: { url: "https://example.com/b" } }
tests:
  - { name: t, event: message_created, `;
  const run = (rest: string) => {
    const loaded = loadRules({
      file: 'rules.yaml',
      actions: actionCatalogue,
      readFile: () => `${rules}${rest} }\n`,
    });
    if (!loaded.ok) {
      throw new Error(loaded.findings.map(formatFinding).join('\n'));
    }
    return runRuleTests(loaded.ruleSet, loaded.tests, { actions: actionCatalogue, findSample });
  };
  const unknown = (step: string): string =>
    `greet, ${step}: whether it acts is not known, for its if uses the result of task; add it to the test: steps: { task: { … } }`;

  test('is not judged without it, and the output says so', () => {
    const found = run('expect: { includes: greet }');
    expect(formatTestResults(found).split('\n')).toEqual([
      '  ✓ t',
      `      note: ${unknown('named')}`,
      `      note: ${unknown('unnamed')}`,
      '',
      '1 passed',
    ]);
    expect(formatTestResults(found, true)).toContain(
      'only if steps.task.contact.name == null, which depends on results of earlier steps',
    );
  });

  test('cannot be expected to be unmet without it', () => {
    expect(run('expect: { skipped: { greet: { named: if } } }')[0]?.faults).toEqual([unknown('named')]);
  });

  test('is judged with it', () => {
    const found = run('steps: { task: { contact: { name: Ada } } }, expect: { skipped: { greet: { unnamed: if } } }');
    expect(formatTestResults(found).split('\n')).toEqual(['  ✓ t', '', '1 passed']);
    expect(
      run('steps: { task: { contact: { name: null } } }, expect: { skipped: { greet: { named: if } } }')[0]?.faults,
    ).toEqual([]);
  });
});
