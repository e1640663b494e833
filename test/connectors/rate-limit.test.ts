import { ActionError } from '../../src/connectors/action-error';
import { RateLimiter, type RateLimits } from '../../src/connectors/rate-limit';

const never = new AbortController().signal;

function limiter(limits: Partial<RateLimits>, now?: () => number): RateLimiter {
  return new RateLimiter(
    { connection: 'crm', what: 'requests', fullCode: 'queue_full', perSecond: 1, maxWaitMs: 1_000, ...limits },
    now,
  );
}

test('requests start evenly spaced', async () => {
  const rate = limiter({ perSecond: 100 });
  const began = performance.now();
  await Promise.all(Array.from({ length: 6 }, () => rate.waitForSlot(never)));
  expect(performance.now() - began).toBeGreaterThanOrEqual(48);
});

test('a request that would wait too long is refused at once, each with a later time to retry', async () => {
  let now = 1_000;
  const rate = limiter({ perSecond: 4, maxWaitMs: 0 }, () => now);
  await rate.waitForSlot(never);
  const waits: (number | undefined)[] = [];
  for (let n = 0; n < 3; n += 1) {
    const error = await rate.waitForSlot(never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActionError);
    waits.push(error instanceof ActionError ? error.detail.retryAfterMs : undefined);
  }
  expect(waits).toEqual([500, 750, 1_000]);
  now += 250;
  await rate.waitForSlot(never);
});

test('a wait ends with the signal', async () => {
  const controller = new AbortController();
  const rate = limiter({ perSecond: 0.1, maxWaitMs: 60_000 });
  await rate.waitForSlot(never);
  const waiting = rate.waitForSlot(controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
});

test('a burst starts at once, then one by one, and the queue is bounded', async () => {
  let now = 0;
  const rate = limiter({ perSecond: 1_000, burst: 3, maxWaitMs: 2 }, () => now);
  await Promise.all(Array.from({ length: 5 }, () => rate.waitForSlot(never)));
  await expect(rate.waitForSlot(never)).rejects.toMatchObject({
    errorClass: 'transient',
    detail: { connection: 'crm', code: 'queue_full', retryAfterMs: 4 },
  });
  now = 1_000;
  await rate.waitForSlot(never);
});

test('a pause holds back all requests, then they start evenly spaced', async () => {
  let now = 0;
  const rate = limiter({ perSecond: 1, maxWaitMs: 0 }, () => now);
  rate.pauseFor(5_000);
  await expect(rate.waitForSlot(never)).rejects.toMatchObject({ detail: { retryAfterMs: 6_000 } });
  now = 5_000;
  await rate.waitForSlot(never);
  await expect(rate.waitForSlot(never)).rejects.toMatchObject({ detail: { code: 'queue_full' } });
});
