import { findingsOf, loadTexts } from '../load-text';

const times = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join('');
const rule = (more: string): string => `version: 1
rules:
  - name: a
    on: call_created
${more}`;
const STEP = '      - slack.post_message: { channel: "#a", text: "{{ id }}" }\n';
const DO = `    do:\n${STEP}`;

test('of a thousand errors and more, the first thousand are listed, and the rules are refused', () => {
  const loaded = loadTexts({
    'rules.yaml': rule(`    when:\n      any:\n${times(1_500, (n) => `        - { field${n}: 1 }\n`)}${DO}`),
  });
  expect(loaded.ok).toBe(false);
  expect(loaded.findings).toHaveLength(1_001);
  expect(loaded.findings.at(-1)).toMatchObject({ code: 'too-many', severity: 'error', place: { line: 1_007 } });
});

test('a thousand warnings hide no error', () => {
  const text = rule(`    on_: x\n${DO}`).replace(
    'call_created',
    `[${times(1_200, (n) => `call_x${n}, `)}call_created]`,
  );
  const findings = findingsOf(text);
  expect(findings.filter((line) => !line.includes('  warning: '))).toEqual([
    'rules.yaml:5:5  a rule has no key "on_"; did you mean "on"?',
  ]);
  expect(findings).toHaveLength(1_002);
});

test('a rule has 200 steps at most', () => {
  expect(findingsOf(rule(`    do:\n${times(200, () => STEP)}`))).toEqual([]);
  expect(findingsOf(rule(`    do:\n${times(201, () => STEP)}`))).toEqual([
    'rules.yaml:6:7  more than 200 steps; split the rule into several',
  ]);
});

test('the files have four million characters together at most', () => {
  const comment = `# ${'x'.repeat(1_400_000)}\n`;
  const files = {
    'rules.yaml': `${comment}version: 1\ninclude: [a.yaml, b.yaml]\n`,
    'a.yaml': `${comment}version: 1\n`,
    'b.yaml': `${comment}version: 1\n`,
  };
  expect(loadTexts(files).findings).toEqual([
    expect.objectContaining({
      code: 'too-large',
      message: 'the rule files have more than 4000000 characters together',
      place: { kind: 'file', file: 'rules.yaml', line: 3, column: 19 },
    }),
  ]);
});

/**
 * What was once compared with each other, or searched again and again: each took minutes in the process that answers the
 * webhook, which reads changed files.
 */
test.each<[string, string, string]>([
  ['keys', `version: 1\nrules: { ${times(20_000, (n) => `k${n}: 1, `)} }\n`, 'rules must be a list'],
  ['anchors in one line', `version: 1\nrules: [ ${'&a 1, '.repeat(15_000)} ]\n`, 'anchors and aliases'],
  [
    'openings of templates',
    rule(`    do:\n${STEP.replace('{{ id }}', '{{ '.repeat(100_000))}`),
    'not a valid template',
  ],
])('a file with very many %s is refused', (_what, text, message) => {
  expect(findingsOf(text)[0]).toContain(message);
});

test('a rule with thousands of conditions on a field is accepted', () => {
  expect(
    findingsOf(
      rule(
        `    when:\n      any:\n${times(1_500, (n) => `        - { peer.number: "+1555${1_000_000 + n}" }\n`)}${DO}`,
      ),
    ),
  ).toEqual([]);
});

test('a reference between template parts that are not closed is no reference in a template', () => {
  const text = rule(`    do:\n${STEP.replace('{{ id }}', '{% %} {{ ${env:A_NAME}')}`);
  expect(findingsOf(text).filter((line) => line.includes('is not replaced'))).toEqual([]);
});
