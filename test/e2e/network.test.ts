import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { HAS_IPV6 } from '../net/has-ipv6';
import { startLoggingProxy, type LoggingProxy } from '../net/logging-proxy';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `
version: 1
defaults: { timezone: UTC, country: US }
rules:
  - name: everywhere
    on: call_hungup
    do:
      - slack.post_message: { channel: '#calls', text: "{{ id }}" }
      - email.send: { to: ops@example.com, subject: "{{ id }}", text: ended }
      - hubspot.log_call: {}
`;

(HAS_IPV6 ? describe : describe.skip)('a machine with IPv6 addresses behind a proxy', () => {
  const forwarders: Server[] = [];
  let providers: Providers;
  let proxy: LoggingProxy;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    proxy = await startLoggingProxy({});
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries(providers.env)) {
      const port = /127\.0\.0\.1:(\d+)/.exec(value)?.[1];
      env[name] =
        port === undefined ? value : value.replace(`127.0.0.1:${port}`, `[::1]:${await forward(Number(port))}`);
    }
    bridge = await RunningBridge.ready({
      rules: RULES,
      env: {
        ...env,
        BRIDGE_HOST: '[::]',
        BRIDGE_ADMIN_HOST: '::1',
        // In lower case, gRPC's own library would read them, too.
        https_proxy: proxy.url.replace('//', '//user:secret@'),
        http_proxy: proxy.url,
      },
    });
  });

  afterAll(async () => {
    await bridge.stop();
    forwarders.forEach((server) => server.close());
    await Promise.all([providers.stop(), proxy.stop()]);
  });

  /** @returns a port of `::1` that leads to a port of 127.0.0.1. */
  async function forward(port: number): Promise<number> {
    const server = createServer((socket) => {
      const upstream = connect(port, '127.0.0.1');
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
    }).listen(0, '::1');
    forwarders.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it('serves over IPv6, reaches every provider there, and asks the proxy for nothing on this machine', async () => {
    expect(bridge.webhook).toMatch(/^http:\/\/\[::1\]:\d+\//);
    expect(bridge.admin).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const { code } = await bridge.run('send', 'call_hungup', '--set', 'data.id=over-six');
    expect(code).toBe(0);
    await bridge.eventually('every provider has it', () =>
      providers.slack.messages.length > 0 && providers.email.messages.length > 0 && providers.hubspot.calls.length > 0
        ? true
        : null,
    );
    expect((await fetch(`${bridge.admin}/readyz`)).status).toBe(200);
    expect(bridge.output).toContain(`Proxies   https by ${proxy.url} (https_proxy)`);
    expect(bridge.output).not.toContain('secret');
    expect(proxy.asked).toEqual([]);
  });
});
