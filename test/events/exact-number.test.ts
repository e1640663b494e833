import {
  asDouble,
  compareNumbers,
  digitsOf,
  MAX_EXACT_CHARS,
  numberText,
  parseExactly,
  toJsonText,
  withoutExactNumbers,
} from '../../src/events/exact-number';
import { parseEnvelope } from '../../src/events/envelope';

test.each([
  '{"id":9007199254740993}',
  '[19.90,1.0,-0,-0.0,1e3,1E+3,1e400,0.1000000000000000055511151231257827]',
  '{"a":[{"b":12345678901234567890123}],"text":"1.0, 2.0","esc":"\\"x\\": 1.0, \\\\","c":1.50}',
  '[9007199254740993]',
])('digits survive parsing and writing: %s', (text) => {
  const value = parseExactly(text);
  expect(toJsonText(value)).toBe(text);
  // Through every store that keeps JSON.
  expect(toJsonText(JSON.parse(JSON.stringify(value)))).toBe(text);
});

test('numbers that a double keeps are numbers', () => {
  const text = '{"a":[0,1,-1,1.5,1e-7,1e+21,9007199254740991,123456789012345680000],"b":true,"c":null}';
  expect(parseExactly(text)).toEqual(JSON.parse(text));
});

test('JSON with line breaks and indentation', () => {
  expect(toJsonText(parseExactly('{\n  "id" : 9007199254740993 ,\n  "n" :\t1.0\n}'), 2)).toBe(
    '{\n  "id": 9007199254740993,\n  "n": 1.0\n}',
  );
});

test.each(['{"a":1.0', '[1.0x]', '[01.0]', '[1.]', '[1.0 2.0]', '{1.0:1}', '[--1.0]', '[1.0,]', '[-]', '"a" 1.0'])(
  'what is not JSON stays what is not JSON: %s',
  (text) => {
    expect(() => parseExactly(text)).toThrow(SyntaxError);
  },
);

test('prototypes cannot be reached, whatever the numbers', () => {
  const value = parseExactly('{"n":1.0,"__proto__":{"polluted":1.0},"constructor":{"prototype":{}}}');
  expect(Object.keys(Object(value))).toEqual(['n', 'constructor'].filter((key) => Object.hasOwn(Object(value), key)));
  expect(Object(value)).not.toHaveProperty('polluted');
});

test('a text of an event cannot become a number', () => {
  const value = { a: '\u00000.5', b: '{"$number":"1"}', c: { $number: '1); alert(1' }, d: { $number: '1', e: 1 } };
  expect(toJsonText({ ...value, n: parseExactly('1.0') })).toBe(`${JSON.stringify(value).slice(0, -1)},"n":1.0}`);
});

test('a body with numbers by the million is read, and its first ones are exact', () => {
  const value = parseExactly(`[${'1.0,'.repeat(100_000)}2.0]`);
  expect(digitsOf(Object(value)[0])).toBe('1.0');
  expect(Object(value)[100_000]).toBe(2);
});

test('a number of more digits than numbers have is a double, and no sender can say otherwise', () => {
  const longest = '9'.repeat(MAX_EXACT_CHARS);
  expect(toJsonText(parseExactly(`[${longest},0.${longest}]`))).toBe(`[${longest},1]`);
  const said = { $number: `${longest}9` };
  expect([digitsOf(said), toJsonText(said)]).toEqual([null, JSON.stringify(said)]);
});

test.each([
  ['1.10', '1.1', 0],
  ['1e3', '1000', 0],
  ['0.001', '1e-3', 0],
  ['-0', '0.00', 0],
  ['9007199254740993', '9007199254740992', 1],
  ['-9007199254740993', '-9007199254740992', -1],
  ['1e400', '1e401', -1],
  ['10', '9', 1],
  ['0.09', '0.1', -1],
  ['-1', '0', -1],
  ['1e999999999999', '2', 1],
])('%s compared with %s', (one, other, expected) => {
  expect(Math.sign(compareNumbers(one, other)) + 0).toBe(expected);
  expect(Math.sign(compareNumbers(other, one)) + 0).toBe(expected === 0 ? 0 : -expected);
});

test('a text of many zeros is compared in no time', () => {
  const before = process.cpuUsage();
  expect(compareNumbers('1.50', `1${'0'.repeat(300_000)}1`)).toBeLessThan(0);
  const { user } = process.cpuUsage(before);
  // Quadratic time is a minute.
  expect(user / 1_000).toBeLessThan(20_000);
});

test('what is not a number compares with nothing', () => {
  expect(compareNumbers('abc', '1')).toBeNaN();
  expect([digitsOf(1), digitsOf('1'), digitsOf(null), digitsOf({ $number: 'x' }), numberText('1')]).toEqual(
    Array(5).fill(null),
  );
});

test('as a double', () => {
  expect([asDouble(parseExactly('2.50')), asDouble(3), asDouble('3')]).toEqual([2.5, 3, null]);
  expect(withoutExactNumbers(parseExactly('{"a":[2.50,9007199254740993,1e400]}'))).toEqual({
    a: [2.5, '9007199254740993', '1e400'],
  });
});

test('an event keeps the digits of its payload', () => {
  const parsed = parseEnvelope(Buffer.from('{"type":"x","data":{"deal":9007199254740993}}'));
  expect(toJsonText(parsed)).toContain('"deal":9007199254740993');
});
