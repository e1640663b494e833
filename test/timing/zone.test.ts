import { clockTime, momentOf } from '../../src/timing/zone';

test.each([
  ['2026-11-26 14:00:00', 'Europe/Berlin', '2026-11-26T13:00:00.000Z'],
  ['2026-07-01 00:00:00', 'America/New_York', '2026-07-01T04:00:00.000Z'],
  ['2026-03-02 00:30:00', 'Asia/Kolkata', '2026-03-01T19:00:00.000Z'],
  // Clocks are set from 02:00 to 03:00: what does not occur is moved on by the hour.
  ['2026-03-29 02:30:00', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
  ['2026-03-29 03:30:00', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
  // From 03:00 to 02:00: the first of the two.
  ['2026-10-25 02:30:00', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
  ['2026-10-25 03:30:00', 'Europe/Berlin', '2026-10-25T02:30:00.000Z'],
])('clocks show %s in %s at %s', (written, zone, moment) => {
  expect(momentOf(written, zone)?.toISOString()).toBe(moment);
});

test('a date that does not exist is no moment', () => {
  expect(momentOf('2026-02-30 10:00:00', 'UTC')).toBeNull();
});

test('a moment is shown as the clocks of a zone show it', () => {
  expect(clockTime(new Date('2026-11-26T23:59:58Z'), 'Asia/Seoul')).toBe('2026-11-27 08:59:58');
});
