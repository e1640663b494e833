import { periodOf } from '../../src/runs/limits';

const NEW_YEAR_UTC = new Date('2026-01-01T02:41:59.999Z');

test.each([
  ['minute', 'UTC', '2026-01-01T02:41'],
  ['hour', 'UTC', '2026-01-01T02'],
  ['day', 'UTC', '2026-01-01'],
  ['day', 'America/New_York', '2025-12-31'],
  ['hour', 'Asia/Kolkata', '2026-01-01T08'],
] as const)('a %s in %s is %s', (every, timezone, period) => {
  expect(periodOf(every, NEW_YEAR_UTC, timezone)).toBe(period);
});

test('midnight is hour 00 of the new day', () => {
  expect(periodOf('minute', new Date('2026-03-02T00:00:00Z'), 'UTC')).toBe('2026-03-02T00:00');
});
