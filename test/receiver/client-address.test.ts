import { Agent } from 'node:http';
import { closeDoors, hangup, openDoor } from './door';

afterEach(closeDoors);

describe('behind a trusted proxy', () => {
  test.each([
    [['203.0.113.0/24'], '203.0.113.7:51008', 200],
    [['203.0.113.0/24'], '203.0.114.7:51008', 403],
    [['2001:db8::/32'], '[2001:db8::1]:443', 200],
    [['2001:db8::/32'], '[2001:db9::1]:443', 403],
    [['2001:db8::/32'], '[2001:db8::1]', 200],
    [['::ffff:203.0.113.0/120'], '203.0.113.7', 200],
    [['10.0.0.0/8'], '10.1.2.3', 200],
    [['10.0.0.0/8'], '198.51.100.1, 10.1.2.3:8080', 200],
    [['10.0.0.0/8'], '10.1.2.3, 198.51.100.1', 403],
    [['0.0.0.0/0', '::/0'], 'unknown', 403],
    [['0.0.0.0/0', '::/0'], '10.1', 403],
    [['127.0.0.1'], '', 200],
  ])('%j and X-Forwarded-For %j: %d', async (allow, forwardedFor, status) => {
    const { send } = await openDoor({ allow, trustProxy: ['127.0.0.1'] });
    const answer = await send({ payload: hangup('c1'), headers: { 'x-forwarded-for': forwardedFor } });
    expect(answer.status).toBe(status);
  });

  test('the header counts for each request, also on a connection that had requests without it', async () => {
    const { send } = await openDoor({ allow: ['203.0.113.7'], trustProxy: ['127.0.0.1'] });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const from = async (headers: Record<string, string>) =>
      (await send({ payload: hangup('c1'), headers, agent })).status;
    try {
      expect([await from({}), await from({ 'x-forwarded-for': '203.0.113.7' }), await from({})]).toEqual([
        403, 200, 403,
      ]);
      expect(await from({ 'x-forwarded-for': '203.0.113.8' })).toBe(403);
    } finally {
      agent.destroy();
    }
  });

  test('an entry that is not an address does not open the webhook to whoever is before it', async () => {
    const { send } = await openDoor({ allow: ['203.0.113.7'], trustProxy: ['127.0.0.1'] });
    const answer = await send({ payload: hangup('c1'), headers: { 'x-forwarded-for': '203.0.113.7, unknown' } });
    expect(answer.status).toBe(403);
  });
});

test('rejected requests are counted by address, whatever its port', async () => {
  const { send } = await openDoor({ noisePerMinute: 1, trustProxy: ['127.0.0.1'] });
  const noise = (from: string) => send({ payload: 'no event', headers: { 'x-forwarded-for': from } });
  const messages = [];
  for (const from of ['203.0.113.7:1', '203.0.113.7:2', '203.0.113.8:1', '[2001:db8::1]:1', '[2001:db8::2]:1']) {
    messages.push((await noise(from)).json?.message?.includes('too many such requests'));
  }
  expect(messages).toEqual([false, true, false, false, true]);
});

test.each([
  [{ allow: ['10/8'] }, '"10/8" is a short form: write 10.0.0.0/8'],
  [{ trustProxy: ['10.1.2.3/8'] }, '"10.1.2.3/8" has bits after its prefix'],
])('%j is refused at start', async (settings, message) => {
  await expect(openDoor(settings)).rejects.toThrow(message);
});
