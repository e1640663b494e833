import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { indented, printableLines, visible } from '../../src/text/printable';

test.each([
  ['C0', '\u0000\u0007\b\r\u001B\u001F', '\\u0000\\u0007\\u0008\\u000d\\u001b\\u001f'],
  ['DEL and C1', '\u007F\u0080\u0085\u009B\u009F', '\\u007f\\u0080\\u0085\\u009b\\u009f'],
  ['line and paragraph separators', '\u2028\u2029', '\\u2028\\u2029'],
  [
    'bidirectional controls',
    '\u061C\u200E\u200F\u202A\u202E\u2066\u2069',
    '\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069',
  ],
  ['halves of surrogate pairs', 'a\uD800b\uDC00', 'a\\ud800b\\udc00'],
])('%s are written as escapes', (_, text, shown) => {
  expect(visible(text)).toBe(shown);
  expect(visible(visible(text))).toBe(shown);
});

test('tabs, line feeds and all other text stay', () => {
  const text = 'a\tb\n김 é 😀 e\u0301 \u00A0 \u200B';
  expect(visible(text)).toBe(text);
});

test('JSON stays the same JSON', () => {
  const value = { text: '\u001B\u007F\u009B\u202E\u2028\n"\\\uD800' };
  const json = visible(JSON.stringify(value, null, 2));
  expect(JSON.parse(json)).toEqual(value);
  expect(json).not.toMatch(/[\u007F-\u009F\u202E\u2028]/);
});

test('a line feed in a line does not begin another, one in an indented value does', () => {
  expect(printableLines(['a: x\n  b: forged', 'c'])).toBe('a: x\\u000a  b: forged\nc');
  expect(printableLines(indented('x\ny', '    '))).toBe('    x\n    y');
});

/** Scripts that run before there is a program to import from. They print texts of their own only. */
const SETUP = /^setup[/\\]/;

test('nothing else in the program writes to standard output or standard error', () => {
  const src = join(__dirname, '../../src');
  const writers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      /\.m?ts$/.test(name) &&
      !SETUP.test(name) &&
      /\b(?:stdout|stderr)\.write\(|\bconsole\.\w+\(/.test(readFileSync(join(src, name), 'utf8')),
  );
  expect(writers).toEqual([join('text', 'print.ts')]);
});
