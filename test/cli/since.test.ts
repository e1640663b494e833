import { parsePeriod, parseTime } from '../../src/cli/since';
import { WrongUse } from '../../src/errors/operator-errors';

/** 14:30 in Berlin. */
const now = new Date('2026-03-03T13:30:00Z');
const BERLIN = 'Europe/Berlin';

const period = (since: string | undefined, until: string | undefined): (string | undefined)[] => {
  const read = parsePeriod({ since, until }, now, BERLIN);
  return [read.since?.toISOString(), read.until?.toISOString()];
};

test.each([
  ['14:00', '14:10', '2026-03-03T13:00:00.000Z', '2026-03-03T13:10:00.000Z'],
  ['16:00', '15:00', '2026-03-02T15:00:00.000Z', now.toISOString()],
  ['14:00', '15:00', '2026-03-03T13:00:00.000Z', now.toISOString()],
  ['2026-03-01', '15:00', '2026-02-28T23:00:00.000Z', '2026-03-02T14:00:00.000Z'],
  ['2026-03-01', '2026-04-01', '2026-02-28T23:00:00.000Z', now.toISOString()],
  ['7d', '2d', '2026-02-24T13:30:00.000Z', '2026-03-01T13:30:00.000Z'],
])('from %s until %s at half past two is %s to %s', (since, until, from, to) => {
  expect(period(since, until)).toEqual([from, to]);
});

test('each end of a period may be left out', () => {
  expect(period('1h', undefined)).toEqual(['2026-03-03T12:30:00.000Z', undefined]);
  expect(period(undefined, '14:10')).toEqual([undefined, '2026-03-03T13:10:00.000Z']);
});

test.each([
  ['1h', '2h'],
  ['2026-03-02', '2026-03-01'],
  ['1h', 'noon'],
  ['2026-03-04', '2026-03-05'],
])('from %s until %s is no period', (since, until) => {
  expect(() => period(since, until)).toThrow(WrongUse);
});

test('a time of day is the last one; one that is ahead by no more than is allowed is that of today', () => {
  const quarter = 15 * 60_000;
  expect(parseTime('14:40', '--at', now, BERLIN, quarter)).toEqual(new Date('2026-03-03T13:40:00Z'));
  expect(parseTime('14:40', '--at', now, BERLIN)).toEqual(new Date('2026-03-02T13:40:00Z'));
  expect(parseTime('14:46', '--at', now, BERLIN, quarter)).toEqual(new Date('2026-03-02T13:46:00Z'));
  expect(parseTime('2h', '--at', now, BERLIN, quarter)).toEqual(new Date('2026-03-03T11:30:00Z'));
});
