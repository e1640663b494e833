import { settlesWithin } from '../../src/timing/settles-within';

const HOUR_MS = 3_600_000;

test.each([
  ['a result', () => Promise.resolve(1), HOUR_MS, true],
  ['a rejection', () => Promise.reject(new Error('no')), HOUR_MS, true],
  ['nothing', () => new Promise(() => undefined), 1, false],
])('%s', async (_, work, withinMs, expected) => {
  expect(await settlesWithin(work(), withinMs)).toBe(expected);
});

test('leaves no timer behind', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  await settlesWithin(Promise.resolve(), HOUR_MS);
  expect(timers()).toBe(before);
});
