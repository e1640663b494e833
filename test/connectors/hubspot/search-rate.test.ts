import { ActionError } from '../../../src/connectors/action-error';
import { callEvent, done, failureOf, from, openClient, run, startStandIn } from './running-actions';

test('the client keeps its searches to the rate in its settings', async () => {
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

test('the client keeps all its requests to the rate in its settings', async () => {
  const standIn = await startStandIn();
  const client = openClient(standIn, { requests_per_second: 0.1 });
  const error = await failureOf(run('update_contact', client, { properties: { city: 'Seoul' } }));
  expect([error.errorClass, error.detail.code]).toEqual(['transient', 'request_pace']);
  expect(standIn.requests).toHaveLength(1);
});

test('with the settings as they come, a burst stays below the hundred requests that HubSpot allows in ten seconds', async () => {
  const standIn = await startStandIn({ requestsPerTenSeconds: 100 });
  const client = openClient(standIn);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) => run('log_call', client, {}, { key: `a/b/${index}` })),
  );
  const codes = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' && outcome.reason instanceof ActionError ? [outcome.reason.detail.code] : [],
  );
  expect(new Set(codes)).toEqual(new Set(['request_pace']));
  expect(standIn.calls.length).toBeGreaterThan(5);
});
