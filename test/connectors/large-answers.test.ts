import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AccessTokens } from '../../src/connectors/email/access-tokens';
import { SlackClient } from '../../src/connectors/slack/client';
import { VoipbinClient } from '../../src/connectors/voipbin/client';
import { HostList } from '../../src/net/host-list';
import { Secret } from '../../src/settings/secret';
import { openClient, run } from './hubspot/running-actions';

/** 20 MB that are 20 KB on the wire. */
const PACKED = gzipSync(Buffer.alloc(20_000_000, ' '));
const { signal } = new AbortController();
const secret = new Secret('a-secret-of-a-test');

let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(PACKED);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await once(server, 'close');
});

const TOO_LARGE = { errorClass: 'transient', detail: { code: 'answer_too_large' } };

test('an answer of HubSpot that unpacks to too much', async () => {
  const client = openClient({ settings: { access_token: 'a-token', base_url: url } });
  await expect(run('update_contact', client, { properties: { city: 'x' } })).rejects.toMatchObject(TOO_LARGE);
  await client.close();
});

test('an answer of Slack that unpacks to too much', async () => {
  const client = new SlackClient({ apiUrl: `${url}/api/`, token: secret });
  await expect(client.call('auth.test', {}, signal)).rejects.toMatchObject(TOO_LARGE);
  await client.close();
});

test('an answer of VoIPBIN that unpacks to too much', async () => {
  const client = new VoipbinClient({ apiUrl: `${url}/v1.0`, accessKey: secret, downloadAllow: HostList.EMPTY });
  await expect(client.getCustomerId(signal)).rejects.toMatchObject(TOO_LARGE);
  await client.close();
});

test('an answer with an access token that unpacks to too much', async () => {
  const app = { tokenUrl: url, clientId: 'bridge', clientSecret: secret, refreshToken: null, scope: null };
  const tokens = new AccessTokens(app);
  await expect(tokens.get(true)).rejects.toMatchObject(TOO_LARGE);
  await tokens.close();
});
