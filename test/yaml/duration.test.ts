import { duration, durationMs, formatDuration, parseDuration } from '../../src/yaml/duration';

test.each([
  ['0', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['1h30m', 5_400_000],
  ['7d', 604_800_000],
  ['', null],
  ['15', null],
  ['15 m', null],
  ['-5m', null],
  ['1h 30m', null],
  ['5w', null],
])('%j is %j milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test('a wrong duration in the program throws', () => {
  expect(durationMs('1s')).toBe(1_000);
  expect(() => durationMs('1 s')).toThrow('not a duration: 1 s');
});

test('a schema takes texts and the number 0', () => {
  expect(duration().parse(0)).toBe(0);
  expect(duration().parse('2s')).toBe(2_000);
  expect(duration().safeParse(5).success).toBe(false);
  expect(duration().safeParse('soon').error?.issues[0]?.message).toBe(
    'expected a duration such as 30s, 15m, 24h or 7d',
  );
});

test.each(['0', '250ms', '12s', '15m', '1h30m', '7d1ms'])('%s is written as it is read', (text) => {
  expect(formatDuration(durationMs(text))).toBe(text);
});
