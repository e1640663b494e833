import { limitWorkflowId } from '../../src/runs/limits';

const NEW_YEAR_UTC = new Date('2026-01-01T02:41:59.999Z');

function idOf(fields: Partial<Parameters<typeof limitWorkflowId>[0]> = {}): string {
  return limitWorkflowId({
    subject: '["rule","peer.number","+15551234567"]',
    hashKey: 'key',
    every: 'minute',
    at: NEW_YEAR_UTC,
    timezone: 'UTC',
    ...fields,
  });
}

test.each([
  ['minute', 'UTC', '2026-01-01T02:41'],
  ['hour', 'UTC', '2026-01-01T02'],
  ['day', 'UTC', '2026-01-01'],
  ['day', 'America/New_York', '2025-12-31'],
  ['hour', 'Asia/Kolkata', '2026-01-01T08'],
] as const)('a %s in %s is %s', (every, timezone, period) => {
  expect(idOf({ every, timezone })).toMatch(new RegExp(`^limit/[0-9a-f]{32}/${period}$`));
});

test('midnight is hour 00 of the new day', () => {
  expect(idOf({ at: new Date('2026-03-02T00:00:00Z') })).toMatch(/2026-03-02T00:00$/);
});

test('the id depends on the subject and the hash key, and contains neither', () => {
  expect(idOf()).not.toContain('15551234567');
  expect(idOf()).toBe(idOf());
  expect(new Set([idOf(), idOf({ subject: 'other' }), idOf({ hashKey: 'other' })]).size).toBe(3);
});
