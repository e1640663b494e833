import type { Finding, Place } from '../../src/yaml/finding';
import { findingJson, formatFinding, formatFindings } from '../../src/yaml/format-findings';

const finding = (place: Place, more: Partial<Finding> = {}): Finding => ({
  severity: 'error',
  code: 'type',
  message: 'm',
  place,
  ...more,
});
const inFile = (file: string, line: number, column: number): Place => ({ kind: 'file', file, line, column });
const subject = { setting: 'receiver.port', variable: 'PORT' };

test.each<[string, Finding, string]>([
  ['an error', finding(inFile('f.yaml', 2, 3)), 'f.yaml:2:3  m'],
  [
    'a warning with a hint',
    finding(inFile('f.yaml', 2, 3), { severity: 'warning', hint: 'h' }),
    'f.yaml:2:3  warning: m; h',
  ],
  ['a setting in the file', finding(inFile('f.yaml', 2, 3), { subject }), 'f.yaml:2:3  receiver.port (PORT): m'],
  [
    'a setting in the environment',
    finding({ kind: 'environment', variable: 'PORT' }, { subject }),
    'environment PORT  receiver.port: m',
  ],
  ['a missing setting', finding({ kind: 'nowhere' }, { subject }), 'settings  receiver.port (PORT): m'],
  [
    'a setting without a variable',
    finding({ kind: 'nowhere' }, { subject: { ...subject, variable: null } }),
    'settings  receiver.port: m',
  ],
])('%s in a line', (_, one, line) => {
  expect(formatFinding(one)).toBe(line);
});

test('a caret stays under its column in a line with tabs and in a very long line', () => {
  const long = `${' '.repeat(300)}x`;
  const findings = [
    finding(inFile('f', 1, 3), { severity: 'warning' }),
    finding(inFile('f', 2, 301)),
    finding(inFile('gone', 1, 1)),
    finding({ kind: 'nowhere' }),
  ];
  const lines = formatFindings(findings, (name) => (name === 'f' ? `\ta x\n${long}` : null)).split('\n');
  expect(lines.slice(0, 3)).toEqual(['f:1:3  warning: m', '    \ta x', '    \t ^']);
  expect(lines[4]?.[lines[5]?.indexOf('^') ?? 0]).toBe('x');
  expect(lines.slice(-2)).toEqual(['gone:1:1  m', 'settings  m']);
});

test('the JSON form has flat positions', () => {
  expect(findingJson(finding(inFile('f', 2, 3), { hint: 'h' }))).toEqual({
    severity: 'error',
    file: 'f',
    line: 2,
    column: 3,
    code: 'type',
    message: 'm',
    hint: 'h',
  });
});
