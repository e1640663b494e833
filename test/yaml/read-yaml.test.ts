import { isMap, isScalar, type Node } from 'yaml';
import { toJson } from '../../src/yaml/document';
import { Findings } from '../../src/yaml/finding';
import { formatFinding } from '../../src/yaml/format-findings';
import { readYaml, type YamlFormat } from '../../src/yaml/read-yaml';

const LENIENT: YamlFormat = { maxDepth: 5, refusesLongNumbers: false };

function read(text: string, format: YamlFormat = LENIENT) {
  const findings = new Findings();
  const yaml = readYaml('f', text, format, findings);
  return { yaml, lines: findings.all.map(formatFinding) };
}

function valueAt(node: Node | null, key: string): Node | null {
  const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
  return isScalar(pair?.value) ? pair.value : null;
}

test('values have JSON types, and whatever is not a plain number stays a text', () => {
  const { yaml, lines } = read(
    '\uFEFFa: [1, -2.5, true, ~, x]\n1: { __proto__: y }\nb: [+15551234567, 0821112222, 1e10, 0x1F, 0o7, NO, 2026-03-01]\n',
  );
  expect(lines).toEqual([]);
  expect(JSON.stringify(toJson(yaml?.document.root ?? null))).toBe(
    JSON.stringify({
      1: JSON.parse('{"__proto__":"y"}'),
      a: [1, -2.5, true, null, 'x'],
      b: ['+15551234567', '0821112222', '1e10', '0x1F', '0o7', 'NO', '2026-03-01'],
    }),
  );
});

test('an empty file has no root', () => {
  expect(read('').yaml?.document.root).toBeNull();
  expect(read('# only a comment\n').yaml?.document.root).toBeNull();
});

test('a syntax error gives no document', () => {
  expect(read('a: b\na: c\n')).toEqual({
    yaml: null,
    lines: ['f:2:1  this key appears twice in the same block; remove one of them'],
  });
});

test('a key is there twice also where one of them has quotes', () => {
  expect(read('a: { 1: b, "1": c }\n').lines).toEqual([
    'f:1:12  this key appears twice in the same block; remove one of them',
  ]);
});

test.each([
  ['an anchor', 'a: &x y\nb: 1\n', 'f:1:7  anchors and aliases (& and *) are not supported'],
  ['a known tag', 'a: !!str 5\nb: 1\n', 'f:1:10  tags (!) are not supported'],
  ['an unknown tag', 'a: !secret x\nb: 1\n', 'f:1:12  tags (!) are not supported'],
  ['a tag on a block', 'a: !!str { c: d }\nb: 1\n', 'f:1:10  tags (!) are not supported'],
  ['a key that is a list', '? [x]\n: y\nb: 1\n', 'f:1:3  a key must be a text'],
  ['a deep list', 'a: [[[[[[]]]]]]\nb: 1\n', 'f:1:9  nested more than 5 levels deep'],
])('%s is refused, and the rest can be read', (_, text, line) => {
  const { yaml, lines } = read(text);
  expect(lines).toEqual([expect.stringContaining(line)]);
  expect(yaml?.refused.size).toBe(1);
  expect(toJson(valueAt(yaml?.document.root ?? null, 'b'))).toBe(1);
});

test('long numbers and infinity are refused where the format says so', () => {
  const text = 'a: 15551234567\nb: .inf\nc: 123456\nd: 1.50\ne: 0.12345678901234567890\nf: 9007199254740993\n';
  expect(read(text).lines).toEqual([]);
  expect(read(text, { ...LENIENT, refusesLongNumbers: true }).lines).toEqual([
    'f:1:4  the bare number 15551234567 looks like a phone number; quote it: "15551234567"',
    'f:2:4  not a finite number',
    'f:5:4  the number 0.12345678901234567890 has more digits than the program keeps: it would be 0.12345678901234568; quote it: "0.12345678901234567890"',
    'f:6:4  the bare number 9007199254740993 is longer than amounts are; quote it: "9007199254740993"',
  ]);
});

test('findings name the setting where the format does', () => {
  const { lines } = read('a:\n  b: [x, *y]\n*z\n', {
    ...LENIENT,
    subjectOf: (path) => ({ setting: path, variable: null }),
  });
  expect(lines).toContainEqual(expect.stringContaining('a.b.1: anchors and aliases'));
});

test.each([
  ['plain', 'a: one two', 1, 5, '1:8'],
  ['quoted', 'a: "one two"', 1, 5, '1:9'],
  ['a block text', 'a: |\n  one\n  two three', 2, 5, '3:7'],
  ['a folded quoted text', 'a: "one\n  two"', 2, 1, '1:4'],
])('a place inside a text: %s', (_, text, row, column, expected) => {
  const document = read(text).yaml?.document;
  const at = document?.positionInside(valueAt(document.root, 'a'), row, column);
  expect(`${at?.line}:${at?.column}`).toBe(expected);
});
