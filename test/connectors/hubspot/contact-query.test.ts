import { callEvent, done, from, openClient, startStandIn } from './running-actions';

test('a search for many numbers is as long as HubSpot takes it, and no longer', async () => {
  const standIn = await startStandIn({ contacts: [] });
  const client = openClient(standIn);
  const numbers = Array.from({ length: 120 }, (_, index) => `+1415${2_000_000 + index * 7}`);
  await Promise.all(
    numbers.map((number, index) =>
      done(
        'log_call',
        client,
        { unknown_contact: 'create' },
        { key: `event-${index}/log-calls/call`, event: callEvent(from(number)) },
      ),
    ),
  );
  const lengths = standIn.requests.flatMap(({ url, body }) =>
    url.endsWith('/search') ? [JSON.stringify(body).length] : [],
  );
  expect(Math.max(...lengths)).toBeLessThanOrEqual(3_000);
  expect(Math.max(...lengths)).toBeGreaterThan(2_800);
  expect(standIn.calls).toHaveLength(120);
});
