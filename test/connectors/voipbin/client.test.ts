import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { voipbin } from '../../../src/connectors/voipbin/connector';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';

const { signal } = new AbortController();
let standIn: VoipbinStandIn;
let client: VoipbinClient;

beforeEach(async () => {
  standIn = await startVoipbinStandIn({
    numbers: Array.from({ length: 230 }, (_, n) => `+1555000${String(n).padStart(4, '0')}`),
  });
  client = new VoipbinClient({
    apiUrl: `${standIn.url}/`,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
});

afterEach(async () => {
  await client.close();
  await standIn.stop();
});

test('all pages of the numbers', async () => {
  const numbers = await client.listNumbers(signal);

  expect(new Set(numbers).size).toBe(230);
  // The last page has a token too: only the empty page after it says that there is no more.
  expect(standIn.requests).toHaveLength(4);
});

test('calls newest first, page by page, as received', async () => {
  for (const id of ['c-1', 'c-2', 'c-3']) {
    standIn.addCall({ id, tm_create: `2026-03-02T01:00:0${id.slice(2)}Z`, custom: { nested: [1] } });
  }
  const first = await client.listCalls({ pageSize: 2 }, signal);
  const second = await client.listCalls({ pageSize: 2, pageToken: first.nextToken }, signal);

  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(['c-3', 'c-2', 'c-1']);
  expect(await client.listCalls({ pageSize: 2, pageToken: second.nextToken }, signal)).toMatchObject({
    items: [],
    nextToken: null,
  });
  expect(await client.getCall('c-1', signal)).toMatchObject({ custom: { nested: [1] } });
  expect(await client.getCall('c-9', signal)).toBeNull();
});

test.each(['.', '..', ''])('the id %j, which would lead to another resource, is not asked for', async (id) => {
  expect([await client.getCall(id, signal), await client.getRecording(id, signal)]).toEqual([null, null]);
  expect(standIn.requests).toEqual([]);
});

test('an answer that is no JSON is passing trouble, not an empty list', async () => {
  standIn.failNext({ path: '/calls', how: { status: 200, body: '<html>login</html>' } });

  await expect(client.listCalls({}, signal)).rejects.toMatchObject({
    errorClass: 'transient',
    detail: { code: 'unexpected_answer' },
  });
});

test('a redirect is not followed, for the cookie would go with it', async () => {
  standIn.failNext({ path: '/calls', how: { status: 307, headers: { location: `${standIn.url}/messages` } } });

  await expect(client.listCalls({}, signal)).rejects.toMatchObject({
    errorClass: 'permanent',
    detail: { code: 'http_307' },
  });
  expect(standIn.requests).toHaveLength(1);
});

test('the connector opens its stand-in from the settings that this gives, and can check it', async () => {
  const { connection } = voipbin;
  const opened = await connection.open(connection.settings.parse(standIn.settings));

  expect(await connection.check?.(opened, signal, [])).toMatch(/^customer [0-9a-f-]{36}$/);
  expect(JSON.stringify(connection.settings.parse(standIn.settings))).not.toContain('vb_stand-in');
  await connection.close?.(opened);
});

test('settings: faults are found, lists may be texts', () => {
  const { settings } = voipbin.connection;
  expect(settings.safeParse({}).success).toBe(false);
  expect(settings.safeParse({ access_key: 'vb_1', api_url: 'api.voipbin.net' }).success).toBe(false);
  expect(settings.safeParse({ access_key: 'vb_1', api_url: 'https://voipbin.example.com' }).error?.message).toContain(
    'version at the end',
  );
  expect(settings.parse({ access_key: 'vb_1', download_allow: 'a, 10.0.0.0/8' })).toMatchObject({
    api_url: 'https://api.voipbin.net/v1.0',
    download_allow: HostList.parse(['a', '10.0.0.0/8']).list,
  });
});
