import { WakeableSleep } from '../../src/timing/wakeable-sleep';

const HOUR_MS = 3_600_000;

test('ends by itself', async () => {
  await expect(new WakeableSleep().sleep(1)).resolves.toBeUndefined();
});

test('ends when woken', async () => {
  const nap = new WakeableSleep();
  const asleep = nap.sleep(HOUR_MS);
  nap.wake();
  await expect(asleep).resolves.toBeUndefined();
});

test('a wake-up before the sleep is not lost, and counts once', async () => {
  const nap = new WakeableSleep();
  nap.wake();
  nap.wake();
  await nap.sleep(HOUR_MS);
  let isAwake = false;
  const asleep = nap.sleep(HOUR_MS).then(() => {
    isAwake = true;
  });
  await new Promise(setImmediate);
  expect(isAwake).toBe(false);
  nap.wake();
  await asleep;
});
