import { once } from 'node:events';
import { request as httpRequest, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHubSpotStandIn } from '../../src/connectors/hubspot/stand-in/server';
import { startSlackStandIn } from '../../src/connectors/slack/stand-in';
import { startVoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { z } from 'zod';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { CERTIFICATE, KEY } from '../net/certificate';
import { startLoggingProxy, type LoggingProxy } from '../net/logging-proxy';
import { runBridge, type Ended } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

let cwd: string;
let proxy: LoggingProxy;
const closing: (() => Promise<unknown>)[] = [];

/** The providers under their own names, with TLS, in a network that only the proxy reaches. */
beforeEach(async () => {
  cwd = dataFolder();
  cpSync(join(__dirname, '../../config/rules.yaml'), join(cwd, 'config', 'rules.yaml'), { recursive: true });
  writeFileSync(join(cwd, 'ca.pem'), CERTIFICATE);
  const [slack, hubspot, voipbin] = await Promise.all([
    startSlackStandIn(),
    startHubSpotStandIn(),
    startVoipbinStandIn(),
  ]);
  closing.push(
    () => slack.stop(),
    () => hubspot.stop(),
    () => voipbin.stop(),
  );
  proxy = await startLoggingProxy({
    'slack.com:443': await withTls(slack.settings['api_url']),
    'api.hubapi.com:443': await withTls(hubspot.settings['base_url']),
    'api.voipbin.net:443': await withTls(voipbin.settings['api_url']),
  });
  closing.push(() => proxy.stop());
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  removeDataFolders();
});

/** @returns the port of a TLS server in front of an address. */
async function withTls(address: unknown): Promise<number> {
  const { port } = new URL(z.string().parse(address));
  const server: Server = createServer({ cert: CERTIFICATE, key: KEY }, (asked, answer) => {
    const { method, url, headers } = asked;
    asked.pipe(
      httpRequest({ host: '127.0.0.1', port, method, path: url, headers }, (found) => {
        answer.writeHead(found.statusCode ?? 502, found.headers);
        found.pipe(answer);
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

function check(env: Record<string, string>): Promise<Ended> {
  return runBridge(['connections', 'check'], {
    cwd,
    env: {
      SLACK_BOT_TOKEN: 'xoxb-stand-in',
      HUBSPOT_ACCESS_TOKEN: 'stand-in-token',
      VOIPBIN_ACCESS_KEY: 'vb_stand-in',
      ...env,
    },
  });
}

test('every connection goes through HTTPS_PROXY, with the CA of NODE_EXTRA_CA_CERTS', async () => {
  const { code, out } = await check({
    HTTPS_PROXY: proxy.url.replace('//', '//user:secret@'),
    NODE_EXTRA_CA_CERTS: join(cwd, 'ca.pem'),
  });
  expect(new Set(proxy.asked)).toEqual(
    new Set(['CONNECT slack.com:443', 'CONNECT api.hubapi.com:443', 'CONNECT api.voipbin.net:443']),
  );
  expect(out).toContain('slack     fine  voipbin in stand-in');
  expect(out).toMatch(/^hubspot +fine/m);
  expect(out).toMatch(/^voipbin +fine/m);
  expect(out).toContain(`Requests go out through proxies: https by ${proxy.url} (HTTPS_PROXY). E-mail does not.`);
  expect(out).not.toContain('secret');
  expect(code).toBe(0);
});

test('a proxy that refuses the login, and a certificate that is not trusted, are named as such', async () => {
  proxy.refuseWith = 407;
  const refused = await check({ HTTPS_PROXY: proxy.url });
  expect(refused.code).toBe(1);
  expect(refused.out.match(/refused the login \(407\)/g)).toHaveLength(3);
  proxy.refuseWith = null;
  const untrusted = await check({ HTTPS_PROXY: proxy.url });
  expect(untrusted.code).toBe(1);
  expect(untrusted.out.match(/the certificate of \w+ is not accepted/g)).toHaveLength(3);
  expect(untrusted.out.match(/NODE_EXTRA_CA_CERTS/g)).toHaveLength(3);
});

test('a proxy of a kind that the bridge cannot use is wrong use', async () => {
  const { code, err } = await check({ HTTPS_PROXY: 'socks5://user:secret@proxy:1080' });
  expect([code, err]).toEqual([
    2,
    expect.stringContaining('environment HTTPS_PROXY names a proxy of the kind socks5://'),
  ]);
  expect(err).not.toContain('secret');
});
