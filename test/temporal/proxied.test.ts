import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connectClient, connectNative, type ResolvedTemporal } from '../../src/temporal/connection';
import { clientOptions, workerOptions } from '../../src/temporal/proxied';
import { startLoggingProxy, type LoggingProxy } from '../net/logging-proxy';

const env = process.env;
let proxy: LoggingProxy;

beforeEach(async () => {
  proxy = await startLoggingProxy({});
});

afterEach(async () => {
  process.env = env;
  await proxy.stop();
});

function temporal(address: string, tls?: true): ResolvedTemporal {
  return {
    kind: 'configured',
    source: 'TEMPORAL_ADDRESS',
    address,
    namespace: 'default',
    connectionOptions: () => ({ address, ...(tls === undefined ? {} : { tls }) }),
  };
}

async function callOnce(target: ResolvedTemporal): Promise<void> {
  const client = connectClient(target, 1_500);
  await client.workflowService.getSystemInfo({}).catch(() => undefined);
  await client.close();
}

test('clients and workers ask the proxy for a Temporal elsewhere that has TLS, and log in', async () => {
  process.env = { ...env, HTTPS_PROXY: proxy.url.replace('//', '//user:p%40ss@') };
  await callOnce(temporal('ns.temporal.example:7233', true));
  expect(proxy.asked[0]).toBe('CONNECT ns.temporal.example:7233');
  proxy.asked.length = 0;
  await connectNative(temporal('ns.temporal.example:7233', true), 3_000).catch(() => undefined);
  expect(proxy.asked[0]).toBe('CONNECT ns.temporal.example:7233');
  expect(new Set(proxy.logins)).toEqual(new Set(['user:p@ss']));
});

test.each(['https_proxy', 'http_proxy', 'HTTPS_PROXY'])(
  'the Temporal of this machine is reached directly, whatever %s says',
  async (variable) => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    process.env = { ...env, [variable]: proxy.url };
    await callOnce(temporal(`127.0.0.1:${(server.address() as AddressInfo).port}`));
    expect(proxy.asked).toEqual([]);
    expect(connections).toBeGreaterThan(0);
    server.close();
  },
);

test.each([
  ['without TLS', { address: 'temporal.internal:7233' }, {}],
  ['in NO_PROXY', { address: 'ns.temporal.example:7233', tls: true }, { NO_PROXY: 'temporal.example:7233' }],
  ['whose TLS is switched off', { address: 'temporal.internal:7233', tls: false, apiKey: 'key' }, {}],
])('a Temporal %s is reached directly', (_case, options, more) => {
  const proxied = { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, ...more };
  expect(clientOptions(options, proxied)).toEqual({
    address: options.address,
    channelArgs: { 'grpc.enable_http_proxy': 0 },
  });
  expect(workerOptions(options, proxied)).toEqual({});
});

test('an API key means TLS, and a proxy that the SDK cannot use is named', () => {
  const options = { address: 'ns.temporal.example', apiKey: 'key' };
  expect(workerOptions(options, { HTTPS_PROXY: 'http://[2001:db8::1]:3128' })).toMatchObject({
    proxy: { targetHost: '[2001:db8::1]:3128' },
  });
  expect(() => clientOptions(options, { HTTPS_PROXY: 'https://proxy.corp:3128' })).toThrow(
    /https:\/\/proxy\.corp:3128 \(HTTPS_PROXY\) is reached by https.*NO_PROXY/,
  );
});
