import { setTimeout as delay } from 'node:timers/promises';
import { callEvent, done, failureOf, from, openClient, run, startStandIn } from './running-actions';

afterEach(() => jest.restoreAllMocks());

const UPDATE = { properties: { city: 'Seoul' } };

test('the client keeps its searches to the rate in its settings', async () => {
  const standIn = await startStandIn();
  const client = openClient(standIn, { searches_per_second: 0.1 });
  const update = (number: string): Promise<unknown> =>
    run('update_contact', client, { properties: { city: 'Seoul' } }, { event: callEvent(from(number)) });
  await update('+15551234567');
  const error = await failureOf(update('+15559876543'));
  expect([error.errorClass, error.detail.code]).toEqual(['transient', 'search_pace']);
  expect(error.detail.retryAfterMs).toBeGreaterThan(10_000);
  expect(standIn.requests.filter(({ url }) => url.endsWith('/search'))).toHaveLength(1);
  await update('+15551234567');
});

test('an account’s search limit that others used up is told as transient', async () => {
  const standIn = await startStandIn({ searchesPerSecond: 1 });
  // Both searches are within one second, however slow the machine is.
  jest.spyOn(Date, 'now').mockReturnValue(Date.now());
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

test('an attempt does not begin when the queue of requests is full', async () => {
  const standIn = await startStandIn();
  const client = openClient(standIn, { requests_per_second: 0.1 });
  const first = new AbortController();
  const begun = failureOf(run('update_contact', client, UPDATE, { signal: first.signal }));
  while (standIn.requests.length === 0) {
    await delay(2);
  }
  const error = await failureOf(run('log_call', client, {}));
  expect([error.errorClass, error.detail.code]).toEqual(['transient', 'request_pace']);
  first.abort();
  await begun;
  expect(standIn.requests).toHaveLength(1);
});

test('a burst stays below the limit of ten seconds', async () => {
  // Ten times HubSpot's numbers, so that it takes a tenth of the time.
  const standIn = await startStandIn({ requestsPerTenSeconds: 1_000 });
  const client = openClient(standIn, { requests_per_second: 90 });
  await Promise.all(Array.from({ length: 400 }, (_, index) => done('log_call', client, {}, { key: `a/b/${index}` })));
  expect(standIn.calls).toHaveLength(400);
  expect(standIn.requests.length).toBeLessThan(200);
});

test('after a 429 of ten seconds no attempt begins until they are over', async () => {
  const standIn = await startStandIn({ requestsPerTenSeconds: 1 });
  const client = openClient(standIn);
  const first = await failureOf(run('log_call', client, {}));
  const second = await failureOf(run('log_call', client, {}, { key: 'a/b/2' }));
  expect([first.detail.code, second.detail.code]).toEqual(['TEN_SECONDLY_ROLLING', 'request_pace']);
  expect(standIn.requests).toHaveLength(2);
});

test.each([
  ['https://api.hubapi.com', 9],
  ['https://api-eu1.hubapi.com', 9],
  ['http://127.0.0.1:4000', 10_000],
])('the rate at %s is %d a second by default', (base_url, perSecond) => {
  expect(openClient({ settings: { access_token: 'x', base_url } }).limits.requestsPerSecond).toBe(perSecond);
});
