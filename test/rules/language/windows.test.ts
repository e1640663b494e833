import { isInside, parseDays, parseTimeOfDay, type Span } from '../../../src/rules/language/windows';

const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];
const minutes = (text: string): number => parseTimeOfDay(text) ?? NaN;

function span(days: string, from: string, to: string, timezone: string, except: string[] = []): Span {
  return {
    days: [...(parseDays(days) ?? [])],
    from: minutes(from),
    to: minutes(to),
    except,
    timezone,
  };
}

const office = span('mon-fri', '09:00', '18:00', 'Asia/Seoul');
const night = span('fri', '22:00', '06:00', 'Asia/Seoul', ['2026-03-13']);
const berlinNight = span('daily', '02:00', '03:00', 'Europe/Berlin');
const newYork = span('daily', '09:00', '10:00', 'America/New_York');
const weekend = span('sat-sun', '00:00', '24:00', 'Asia/Seoul');

test.each([
  // 2026-03-02 is a Monday; Seoul is nine hours ahead and has no summer time.
  ['the minute before it begins', office, '2026-03-01T23:59:59Z', false],
  ['its first moment', office, '2026-03-02T00:00:00Z', true],
  ['its last minute', office, '2026-03-02T08:59:59.999Z', true],
  ['its end is out', office, '2026-03-02T09:00:00Z', false],
  ['Friday there, still Friday here', office, '2026-03-06T08:00:00Z', true],
  ['Saturday there, still Friday here', office, '2026-03-07T00:00:00Z', false],
  ['Sunday', office, '2026-03-08T00:30:00Z', false],
  // Over midnight
  ['Friday evening', night, '2026-03-06T13:00:00Z', true],
  ['Friday, before it begins', night, '2026-03-06T12:59:00Z', false],
  ['the small hours of Saturday belong to Friday', night, '2026-03-06T20:59:00Z', true],
  ['and end at six', night, '2026-03-06T21:00:00Z', false],
  ['the small hours of Friday belong to Thursday', night, '2026-03-05T20:00:00Z', false],
  ['a holiday on which it would begin', night, '2026-03-13T13:30:00Z', false],
  ['its small hours too', night, '2026-03-13T18:00:00Z', false],
  ['the holiday over, a week later', night, '2026-03-20T13:30:00Z', true],
  // Daylight saving time: 2026-03-29 in Berlin has no 02:00-03:00, 2026-10-25 has it twice.
  ['the hour that is skipped', berlinNight, '2026-03-29T01:00:00Z', false],
  ['just before the skip', berlinNight, '2026-03-29T00:59:00Z', false],
  ['the day before', berlinNight, '2026-03-28T01:30:00Z', true],
  ['the hour for the first time', berlinNight, '2026-10-25T00:30:00Z', true],
  ['the hour for the second time', berlinNight, '2026-10-25T01:30:00Z', true],
  ['after both', berlinNight, '2026-10-25T02:00:00Z', false],
  // The same wall-clock time before and after the clocks change in New York (2026-03-08)
  ["nine o'clock in winter", newYork, '2026-03-07T14:00:00Z', true],
  ["nine o'clock in summer", newYork, '2026-03-08T13:00:00Z', true],
  ["ten o'clock in summer", newYork, '2026-03-08T14:00:00Z', false],
  ['the whole day, from its first moment', weekend, '2026-03-06T15:00:00Z', true],
  ['the whole day, to its last', weekend, '2026-03-08T14:59:59Z', true],
  ['and no further', weekend, '2026-03-08T15:00:00Z', false],
])('%s', (_, window, time, expected) => {
  expect(isInside([window], Date.parse(time))).toBe(expected);
});

test('a window with several spans holds in any of them', () => {
  const both = [span('mon', '09:00', '12:00', 'UTC'), span('mon', '13:00', '17:00', 'UTC')];
  expect(['09:30', '12:30', '14:00'].map((time) => isInside(both, Date.parse(`2026-03-02T${time}:00Z`)))).toEqual([
    true,
    false,
    true,
  ]);
});

test.each([
  ['mon', [1]],
  ['Monday', [1]],
  ['mon-fri', [1, 2, 3, 4, 5]],
  ['fri-mon', [0, 1, 5, 6]],
  ['sat, sun', [0, 6]],
  ['mon, wed-thu', [1, 3, 4]],
  ['weekdays', [1, 2, 3, 4, 5]],
  ['weekends', [0, 6]],
  ['daily', [...ALL_DAYS]],
  ['mon-mon', [1]],
  ['mo', null],
  ['mon-fry', null],
  ['', null],
  ['mon-wed-fri', null],
])('days %s', (text, days) => {
  expect(parseDays(text)).toEqual(days === null ? null : new Set(days));
});

test.each([
  ['00:00', 0],
  ['9:05', 545],
  ['18:00', 1_080],
  ['24:00', 1_440],
  ['24:01', null],
  ['12:60', null],
  ['12', null],
  ['noon', null],
])('time of day %s', (text, expected) => {
  expect(parseTimeOfDay(text)).toBe(expected);
});
