import { createServer, type Server } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { createAdmin, type Admin } from '../../src/admin/server';
import { PortTaken } from '../../src/net/ports';
import { closeDoors, openDoor, rawExchange, sendTo } from '../receiver/door';

const admins: Admin[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const admin of admins.splice(0)) {
    await admin.close();
  }
  for (const server of servers.splice(0)) {
    server.close();
  }
  await closeDoors();
});

function adminOn(port: number, ready = true): { admin: Admin; registry: Registry } {
  const registry = new Registry();
  const admin = createAdmin({
    host: '127.0.0.1',
    port,
    allowedHosts: ['bridge.internal'],
    registry,
    ready: () => ready,
    parts: () => ({ inbox: { ok: ready, detail: 'x' }, temporal: { ok: false, detail: 'away' } }),
  });
  admins.push(admin);
  return { admin, registry };
}

test.each([
  [true, 200],
  [false, 503],
])('readyz: ready %s is %d, with every part in the body', async (ready, status) => {
  const url = await adminOn(0, ready).admin.listen();
  const answer = await sendTo(url, { method: 'GET', path: '/readyz' });
  expect([answer.status, answer.json]).toEqual([
    status,
    { ready, parts: { inbox: { ok: ready, detail: 'x' }, temporal: { ok: false, detail: 'away' } } },
  ]);
  expect((await sendTo(url, { method: 'GET', path: '/healthz' })).status).toBe(200);
});

test('readyz is 503 and says why while the bridge is stopping; healthz stays 200', async () => {
  const { admin } = adminOn(0);
  const url = await admin.listen();
  admin.stopping();
  const answer = await sendTo(url, { method: 'GET', path: '/readyz' });
  expect([answer.status, answer.json]).toMatchObject([
    503,
    { ready: false, parts: { stopping: { ok: false }, inbox: { ok: true } } },
  ]);
  expect((await sendTo(url, { method: 'GET', path: '/healthz' })).status).toBe(200);
});

test('metrics: the whole registry, in Prometheus text', async () => {
  const { admin, registry } = adminOn(0);
  new Counter({ name: 'someone_elses_total', help: 'x', registers: [registry] }).inc();
  const answer = await sendTo(await admin.listen(), { method: 'GET', path: '/metrics' });
  expect(answer.headers['content-type']).toContain('text/plain');
  expect(answer.text).toContain('someone_elses_total 1');
});

test.each([
  ['no HTTP', 'HELO admin\r\n\r\n', '400 Bad Request'],
  ['an unknown method', 'SNOOP / HTTP/1.1\r\nHost: localhost\r\n\r\n', '400 Bad Request'],
  ['a header without end', `GET / HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}`, '431 Request Header Fields Too Large'],
])('%s is answered with a status and nothing else', async (_what, sent, status) => {
  const url = await adminOn(0).admin.listen();
  expect(await rawExchange(url, [sent])).toBe(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
});

describe('the Host header', () => {
  test.each([
    ['127.0.0.1:5001', 200],
    ['10.1.2.3:5001', 200],
    ['[::1]:5001', 200],
    ['localhost:5001', 200],
    ['bridge.internal', 200],
    ['evil.example', 421],
    ['evil.example:5001', 421],
    ['localhost.evil.example', 421],
  ])('%j: %d on every path', async (host, status) => {
    const url = await adminOn(0).admin.listen();
    for (const path of ['/readyz', '/healthz', '/metrics']) {
      const answer = await sendTo(url, { method: 'GET', path, headers: { host, origin: 'http://evil.example' } });
      expect([path, answer.status]).toEqual([path, status]);
      // A browser shows a page of another origin nothing without it.
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
    expect((await sendTo(url, { path: '/nosuch', headers: { host } })).status).toBe(status === 200 ? 404 : status);
  });

  test('a refusal names the setting, and shows nothing else', async () => {
    const { admin, registry } = adminOn(0);
    new Counter({ name: 'someone_elses_total', help: 'x', registers: [registry] }).inc();
    const answer = await sendTo(await admin.listen(), {
      method: 'GET',
      path: '/metrics',
      headers: { host: 'evil.example' },
    });
    expect(answer.json).toEqual({
      error: 'foreign_host',
      message: expect.stringContaining('BRIDGE_ADMIN_ALLOWED_HOSTS'),
    });
  });
});

test('a taken port is named, with its setting', async () => {
  const other = createServer();
  servers.push(other);
  const port = await new Promise<number>((resolve) => {
    other.listen(0, '127.0.0.1', () => {
      const address = other.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await expect(adminOn(port).admin.listen()).rejects.toMatchObject({
    name: 'PortTaken',
    port,
    setting: 'BRIDGE_ADMIN_PORT',
  });
  await expect(openDoor({ port })).rejects.toEqual(new PortTaken(port, '127.0.0.1', 'PORT'));
});
