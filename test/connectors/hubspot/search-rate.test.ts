import { ActionError } from '../../../src/connectors/action-error';
import { ExpiringCache } from '../../../src/connectors/hubspot/expiring-cache';
import { SearchPace } from '../../../src/connectors/hubspot/search-pace';
import { callEvent, done, failureOf, from, openClient, run, startStandIn } from './running-actions';

const never = new AbortController().signal;

test('searches go out evenly spaced', async () => {
  const pace = new SearchPace(100, 1_000);
  const began = performance.now();
  await Promise.all(Array.from({ length: 6 }, () => pace.turn(never)));
  expect(performance.now() - began).toBeGreaterThanOrEqual(48);
});

test('who would wait too long is refused at once, each with a later time to come back', async () => {
  let now = 1_000;
  const pace = new SearchPace(4, 0, () => now);
  await pace.turn(never);
  const waits: (number | undefined)[] = [];
  for (let n = 0; n < 3; n += 1) {
    const error = await pace.turn(never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActionError);
    waits.push(error instanceof ActionError ? error.detail.retryAfterMs : undefined);
  }
  expect(waits).toEqual([500, 750, 1_000]);
  now += 250;
  await pace.turn(never);
});

test('a wait ends with the signal', async () => {
  const controller = new AbortController();
  const pace = new SearchPace(0.1, 60_000);
  await pace.turn(never);
  const waiting = pace.turn(controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
});

test('the client keeps its searches to the pace in its settings', async () => {
  const standIn = await startStandIn();
  const client = openClient(standIn, { searches_per_second: 0.1 });
  const update = (number: string): Promise<unknown> =>
    run('update_contact', client, { properties: { city: 'Seoul' } }, { event: callEvent(from(number)) });
  await update('+15551234567');
  const error = await failureOf(update('+15559876543'));
  expect([error.errorClass, error.detail.code]).toEqual(['transient', 'search_pace']);
  expect(error.detail.retryAfterMs).toBeGreaterThan(15_000);
  expect(standIn.requests.filter(({ url }) => url.endsWith('/search'))).toHaveLength(1);
  await update('+15551234567');
});

test('an account’s search limit that others used up is told as transient', async () => {
  const standIn = await startStandIn({ searchesPerSecond: 1 });
  const numbers = ['+15551234567', '+15559876543'];
  const update = (client: ReturnType<typeof openClient>, number = ''): Promise<unknown> =>
    done('update_contact', client, { properties: { city: 'Seoul' } }, { event: callEvent(from(number)) });
  const hasty = openClient(standIn, { searches_per_second: 1_000 });
  await update(hasty, numbers[0]);
  const error = await failureOf(
    run('update_contact', hasty, { properties: { city: 'x' } }, { event: callEvent(from('+15559876543')) }),
  );
  expect([error.errorClass, error.detail.code, error.detail.retryAfterMs]).toEqual(['transient', 'SECONDLY', 1_000]);
});

test('a cache forgets by time, and the oldest when full', () => {
  let now = 0;
  const cache = new ExpiringCache<number>({ entries: 2, ttlMs: 100 }, () => now);
  cache.set('a', 1);
  cache.set('b', 2);
  cache.set('a', 3);
  cache.set('c', 4);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([3, undefined, 4]);
  now = 100;
  expect([cache.get('a'), cache.get('c')]).toEqual([undefined, undefined]);
});
