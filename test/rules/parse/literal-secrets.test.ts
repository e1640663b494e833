import { formatFindings } from '../../../src/yaml/format-findings';
import { loadTexts } from '../load-text';

function checked(input: string): { findings: string[]; printed: string } {
  const text = `version: 1\nrules:\n  - name: r\n    on: call_hangup\n    do:\n      - http.request: ${input}\n`;
  const { findings } = loadTexts({ 'rules.yaml': text });
  return {
    findings: findings.map(({ severity, code }) => `${severity} ${code}`),
    printed: formatFindings(findings, () => text),
  };
}

test.each([
  ['{ url: https://x.example, headers: { Authorization: "Bearer hunter2hunter" } }'],
  ['{ url: https://x.example, headers: { Authorization: hunter2hunter } }'],
  ['{ url: https://x.example, headers: { X-Api-Key: hunter2hunter } }'],
  ['{ url: https://x.example, body: { nested: [{ password: hunter2hunter }] } }'],
  ['{ url: "https://x.example/?api_key=hunter2hunter" }'],
  ['{ url: "https://me:hunter2hunter@x.example/" }'],
  [`{ url: https://x.example, body: { note: "xoxb-${'1'.repeat(8)}-hunter2hunter" } }`],
])('a token in a rule is a warning that does not repeat it: %s', (input) => {
  const { findings, printed } = checked(input);
  expect(findings).toEqual(['warning literal-secret']);
  expect(printed).toContain('write ${env:NAME}');
  expect(printed).not.toContain('hunter2');
});

test.each([
  ['{ url: https://x.example, headers: { Authorization: "Bearer ${env:CRM_TOKEN}" } }'],
  ['{ url: https://x.example, headers: { Authorization: "Bearer {{ data.token | default: id }}" } }'],
  ['{ url: "https://x.example/?api_key=${env:KEY}" }'],
  ['{ url: https://x.example, body: { password: "", token: "{{ id }}" } }'],
  ['{ url: https://x.example, body: { text: "Your password is safe: we sent nothing" } }'],
])('references and templates are none: %s', (input) => {
  expect(checked(input)).toEqual({ findings: [], printed: '' });
});

test.each([
  ['an unknown key beside it', '{ url: https://x.example, hedaers: { Authorization: "Bearer hunter2hunter" } }'],
  ['an input of the wrong type', '{ url: https://x.example, headers: "Bearer hunter2hunter" }'],
  ['an unknown key that is one', '{ url: https://x.example, "Bearer hunter2hunter": 1 }'],
  ['a syntax error in its line', '{ url: https://x.example, headers: { Authorization: "Bearer hunter2hunter" }'],
])('no other finding repeats a token either: %s', (_, input) => {
  const { findings, printed } = checked(input);
  expect(findings.some((finding) => finding.startsWith('error'))).toBe(true);
  expect(printed).not.toContain('hunter2');
});

test.each([
  ['{ url: https://x.example, body: { a: "{{ id | append: \'${env:A}\' }}" } }'],
  ['{ url: https://x.example, body: { a: "{% assign x = \'${env:A}\' %}{{ x }}" } }'],
])('a reference inside a template is an error: %s', (input) => {
  expect(checked(input).findings).toEqual(['error reference-inside']);
});
