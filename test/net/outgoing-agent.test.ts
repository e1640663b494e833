import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fetch, request } from 'undici';
import { networkFailure, neverReached } from '../../src/connectors/network-failure';
import { guardedDispatcher, isAddressRefused } from '../../src/net/guarded-dispatcher';
import { HostList } from '../../src/net/host-list';
import { outgoingAgent } from '../../src/net/outgoing-agent';
import { CERTIFICATE, KEY } from './certificate';
import { HAS_IPV6 } from './has-ipv6';
import { startLoggingProxy, type LoggingProxy } from './logging-proxy';

let server: Server;
let tlsServer: Server;
let proxy: LoggingProxy;
let got: IncomingMessage[];

beforeEach(async () => {
  got = [];
  const answer = (asked: IncomingMessage, reply: { end(text: string): void }): void => {
    got.push(asked);
    reply.end('hello');
  };
  server = createServer(answer);
  tlsServer = createTlsServer({ cert: CERTIFICATE, key: KEY }, answer);
  proxy = await startLoggingProxy({
    'crm.example:80': await listen(server),
    'crm.example:443': await listen(tlsServer),
    'nobody.example:443': 1,
  });
});

afterEach(async () => {
  await Promise.all([stop(server), stop(tlsServer), proxy.stop()]);
});

async function listen(on: Server, host = '127.0.0.1'): Promise<number> {
  on.listen(0, host);
  await once(on, 'listening');
  return (on.address() as AddressInfo).port;
}

async function stop(on: Server): Promise<void> {
  on.closeAllConnections();
  on.close();
  await once(on, 'close');
}

/** What a request meets, as a step would report it. */
async function failureOf(url: string, env: NodeJS.ProcessEnv) {
  const agent = outgoingAgent({ connections: 1, env });
  const error: unknown = await fetch(url, { dispatcher: agent }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  await agent.destroy();
  const { errorClass, message, detail } = networkFailure(error, 'crm');
  return { errorClass, message, code: detail.code, remedy: detail.remedy ?? '', reached: !neverReached(error) };
}

it('http goes to the proxy with the whole URL, by fetch and by request, with a login that the host never sees', async () => {
  const env = { HTTP_PROXY: proxy.url.replace('//', '//user:p%40ss@') };
  const agent = outgoingAgent({ connections: 1, env });
  const url = 'http://crm.example/path?q=1';
  const headers = { 'x-own': 'yes' };
  const fetched = await fetch(url, { dispatcher: agent, method: 'POST', body: 'text', headers });
  const requested = await request(url, { dispatcher: agent, method: 'POST', body: 'text', headers });
  expect([await fetched.text(), await requested.body.text()]).toEqual(['hello', 'hello']);
  expect(proxy.asked).toEqual(['POST http://crm.example/path?q=1', 'POST http://crm.example/path?q=1']);
  expect(proxy.logins).toEqual(['user:p@ss', 'user:p@ss']);
  expect(got.map((asked) => [asked.url, asked.headers.host, asked.headers['x-own']])).toEqual([
    ['/path?q=1', 'crm.example', 'yes'],
    ['/path?q=1', 'crm.example', 'yes'],
  ]);
  await agent.destroy();
});

it('https goes through a tunnel, and the certificate of the host is checked behind it', async () => {
  const failure = await failureOf('https://crm.example/', { https_proxy: proxy.url.replace('//', '//user:pass@') });
  expect(proxy.asked).toEqual(['CONNECT crm.example:443']);
  expect(proxy.logins).toEqual(['user:pass']);
  expect(failure).toMatchObject({ errorClass: 'credential', code: 'tls', reached: false });
  expect(failure.message).toBe('the certificate of crm is not accepted (DEPTH_ZERO_SELF_SIGNED_CERT)');
  expect(failure.remedy).toContain('NODE_EXTRA_CA_CERTS');
});

it('a host of NO_PROXY and this machine are reached directly', async () => {
  const env = { HTTP_PROXY: proxy.url, NO_PROXY: 'crm.example' };
  const agent = outgoingAgent({ connections: 1, env });
  const { port } = server.address() as AddressInfo;
  expect(await (await fetch(`http://localhost:${port}/`, { dispatcher: agent })).text()).toBe('hello');
  await agent.destroy();
  expect(await failureOf('http://crm.example/', env)).toMatchObject({ errorClass: 'transient', code: 'network' });
  expect(proxy.asked).toEqual([]);
});

it.each([
  ['https', 407, 'refused the login', 'user:password@'],
  ['http', 407, 'refused the login', 'user:password@'],
  ['https', 403, 'refused to connect to crm (403)', 'NO_PROXY'],
])('a proxy that answers %s with %i is named, without its password', async (scheme, status, words, remedy) => {
  proxy.refuseWith = status;
  const url = proxy.url.replace('//', '//user:secret@');
  const failure = await failureOf(`${scheme}://crm.example/`, { HTTP_PROXY: url, HTTPS_PROXY: url });
  expect(failure).toMatchObject({ errorClass: 'credential', code: 'proxy_refused', reached: false });
  expect(failure.message).toContain(`the proxy ${proxy.url} (${scheme.toUpperCase()}_PROXY) ${words}`);
  expect(failure.remedy).toContain(remedy);
});

it.each([
  ['a host that the proxy does not reach', 'https://unknown.example/', null, 'could not reach crm (502)'],
  ['a proxy that is not there', 'https://crm.example/', 'http://127.0.0.1:1', 'could not be reached (ECONNREFUSED)'],
  [
    'a proxy for http that is not there',
    'http://crm.example/',
    'http://127.0.0.1:1',
    'could not be reached (ECONNREFUSED)',
  ],
])('%s is a passing trouble in which nothing was sent', async (_case, url, other, words) => {
  const failure = await failureOf(url, { HTTPS_PROXY: other ?? proxy.url, HTTP_PROXY: other ?? proxy.url });
  expect(failure).toMatchObject({ errorClass: 'transient', code: 'network', reached: false });
  expect(failure.message).toContain('the proxy http://127.0.0.1:');
  expect(failure.message).toContain(words);
});

describe('with the guard against private addresses', () => {
  const allow = HostList.parse(['wiki.internal', '10.1.2.3']).list;
  const env = process.env;

  afterEach(() => {
    process.env = env;
  });

  it.each([
    ['http://169.254.169.254/', true],
    ['https://169.254.169.254/', true],
    ['https://10.9.9.9/', true],
    ['https://10.1.2.3/', false],
    ['https://metadata.google.internal/', true],
    ['http://printer/', true],
    ['https://wiki.internal/', false],
    ['https://crm.example/', false],
    ['https://[fd00::1]/', true],
  ])('%s is refused before the proxy is asked: %s', async (url, isRefused) => {
    process.env = { ...env, HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url };
    let connected = false;
    const agent = guardedDispatcher({ allow, onConnected: () => (connected = true) });
    const error: unknown = await request(url, { dispatcher: agent }).catch((thrown: unknown) => thrown);
    await agent.destroy();
    expect([isAddressRefused(error), proxy.asked.length, connected]).toEqual([isRefused, isRefused ? 0 : 1, false]);
    expect(neverReached(error)).toBe(true);
  });
});

(HAS_IPV6 ? describe : describe.skip)('over IPv6', () => {
  it('reaches a literal address', async () => {
    const six = createServer((_asked, reply) => reply.end('six'));
    const port = await listen(six, '::1');
    const agent = outgoingAgent({ connections: 1, env: {} });
    expect(await (await fetch(`http://[::1]:${port}/`, { dispatcher: agent })).text()).toBe('six');
    await agent.destroy();
    await stop(six);
  });
});
