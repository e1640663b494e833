import { formatInstant, parseInstant, secondsBetween } from '../../src/events/time';

function read(value: unknown): string | null {
  const instant = parseInstant(value);
  return instant === null ? null : formatInstant(instant);
}

describe('times', () => {
  test.each([
    ['2026-08-22T06:10:54.788Z', '2026-08-22T06:10:54.788Z'],
    ['2026-08-22T06:10:58.431201Z', '2026-08-22T06:10:58.431201Z'],
    ['2026-08-22T06:10:55.918010931Z', '2026-08-22T06:10:55.918010Z'],
    ['2022-04-11 06:10:55.918010931', '2022-04-11T06:10:55.918010Z'],
    ['2022-04-11 06:10:58.431000', '2022-04-11T06:10:58.431Z'],
    ['2022-04-11 06:10:58', '2022-04-11T06:10:58.000Z'],
    ['2026-08-22T06:11:10.2Z', '2026-08-22T06:11:10.200Z'],
    ['2026-08-22T15:10:54.5+09:00', '2026-08-22T06:10:54.500Z'],
    ['2026-08-21T22:40:54-0730', '2026-08-22T06:10:54.000Z'],
    ['2024-02-29 00:00:00', '2024-02-29T00:00:00.000Z'],
    ['1970-01-01T00:00:00.000001Z', '1970-01-01T00:00:00.000001Z'],
    ['1970-01-01T00:00:00.5+01:00', '1969-12-31T23:00:00.500Z'],
    // Not yet, in every dialect.
    ['9999-01-01 00:00:00.000000', null],
    ['9999-01-01T00:00:00Z', null],
    ['9999-12-31T23:59:59.999999Z', null],
    ['0001-01-01T00:00:00Z', null],
    ['', null],
    [null, null],
    [undefined, null],
    // No times.
    ['2026-02-30 00:00:00', null],
    ['2026-13-01 00:00:00', null],
    ['2026-01-00 00:00:00', null],
    ['2026-04-31 00:00:00', null],
    ['2026-01-01 24:00:00', null],
    ['2026-01-01', null],
    ['yesterday', null],
    ['2026-01-01T00:00:00.1234567890Z', null],
    [`2026-01-01T00:00:00.${'1'.repeat(100_000)}Z`, null],
    [1_766_000_000, null],
    [{}, null],
    [['2026-01-01 00:00:00'], null],
  ])('%p is %p', (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  test('seconds have fractions, are never negative, and unknown when an end is', () => {
    const at = (text: string) => parseInstant(text);
    expect(secondsBetween(at('2022-04-11 06:10:55.765000'), at('2022-04-11 06:10:58.431000'))).toBe(2.666);
    expect(secondsBetween(at('2026-08-22T06:10:55.765Z'), at('2026-08-22T06:10:58.431201Z'))).toBe(2.666201);
    expect(secondsBetween(at('2026-08-22T06:10:58Z'), at('2026-08-22T06:10:57Z'))).toBe(0);
    expect(secondsBetween(at('2026-08-22T06:10:58Z'), null)).toBeNull();
    expect(secondsBetween(null, at('2026-08-22T06:10:58Z'))).toBeNull();
  });
});
