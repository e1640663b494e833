import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ActionError } from '../../../src/connectors/action-error';
import { HttpClient } from '../../../src/connectors/http/client';
import { httpRequest } from '../../../src/connectors/http/request';
import { HostList } from '../../../src/net/host-list';
import { startLoggingProxy, type LoggingProxy } from '../../net/logging-proxy';
import { runAttempt } from '../voipbin/run-action';

const env = process.env;
let server: Server;
let proxy: LoggingProxy;
let client: HttpClient;

beforeEach(async () => {
  server = createServer((_asked, answer) => answer.writeHead(201).end('made')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new HttpClient(HostList.EMPTY);
  proxy = await startLoggingProxy({ 'crm.example:80': (server.address() as AddressInfo).port });
  process.env = { ...env, HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
});

afterEach(async () => {
  process.env = env;
  await client.close();
  server.close();
  await proxy.stop();
});

function send(url: string): Promise<unknown> {
  return runAttempt(httpRequest, { client }, { url, body: { a: 1 } }).catch((error: unknown) => error);
}

test('a request goes through the proxy', async () => {
  expect(await send('http://crm.example/deals')).toEqual({ outcome: 'done', result: { status: 201, body: 'made' } });
  expect(proxy.asked).toEqual(['POST http://crm.example/deals']);
});

test.each([
  ['https://crm.example/', 407, 'refused the login (407)'],
  ['https://crm.example/', 403, 'refused to connect to crm.example (403)'],
  ['http://crm.example/', 407, 'refused the login (407)'],
])('a POST to %s that the proxy answers with %i was not sent, so it is tried again', async (url, status, words) => {
  proxy.refuseWith = status;
  const error = await send(url);
  expect(error).toMatchObject({ errorClass: 'transient', detail: { connection: 'http', code: 'network' } });
  expect(error instanceof ActionError && error.message).toContain(words);
});

test.each([
  'http://169.254.169.254/latest/meta-data',
  'https://metadata.google.internal/',
  'https://metadata.google.internal../',
  'http://intranet/',
  'http://kubernetes.default.svc/',
  'http://localhost.localdomain/',
])('the proxy is not asked for %s, which is not public', async (url) => {
  expect(await send(url)).toMatchObject({ errorClass: 'permanent', detail: { code: 'address_refused' } });
  expect(proxy.asked).toEqual([]);
});
