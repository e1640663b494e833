import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type OutgoingHttpHeaders, type Server } from 'node:http';
import { chooseUiEndpoint, guardUi, type Endpoint, type UiGuard } from '../../../src/temporal/dev-server/ui-guard';
import { freePort } from '../../net/free-port';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

let seen: { method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders; body: string }[];
let ui: Server;
let at: Endpoint;
let port: number;
let guard: UiGuard;

beforeEach(async () => {
  seen = [];
  ui = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      seen.push({ method: incoming.method, url: incoming.url, headers: incoming.headers, body });
      if (incoming.url === '/broken') {
        outgoing.writeHead(200, { 'content-length': 100 });
        outgoing.write('half', () => outgoing.destroy());
      } else {
        outgoing.writeHead(201, { 'set-cookie': ['_csrf=1', 'other=2'], 'content-type': 'text/html' });
        outgoing.end(`<p>${'x'.repeat(200_000)}`);
      }
    });
  });
  at = await chooseUiEndpoint();
  ui.listen(at.port, at.ip);
  await once(ui, 'listening');
  port = await freePort();
  guard = await guardUi({ ip: '127.0.0.1', port, ui: at });
});

afterEach(async () => {
  guard.close();
  ui.closeAllConnections();
  await new Promise((resolve) => ui.close(resolve));
});

function ask(
  headers: OutgoingHttpHeaders,
  more: { method?: string; path?: string; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', path = '/', body = '' } = more;
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on('error', reject);
    });
    sent.once('error', reject).end(body);
  });
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];

test.each(['127.0.0.1', 'localhost', 'LOCALHOST', 'bridge.localhost', '[::1]', '10.0.0.7'])(
  'a request to %s passes, with any method',
  async (host) => {
    for (const method of METHODS) {
      expect((await ask({ host: `${host}:${port}` }, { method })).status).toBe(201);
    }
    expect((await ask({ host })).status).toBe(201);
    expect(seen).toHaveLength(METHODS.length + 1);
  },
);

test.each([
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'evil.example:80',
  'localhost@evil.example',
])('a request to the Host %j is refused with 421, with any method, and does not reach the UI', async (host) => {
  for (const method of METHODS) {
    const answer = await ask({ host, origin: `http://${host}` }, { method });
    expect(answer.status).toBe(421);
    expect(method === 'HEAD' || answer.text.includes("open Temporal's UI as http://localhost")).toBe(true);
  }
  expect(seen).toEqual([]);
});

test.each(['http://evil.example', 'https://localhost.evil.example', 'null', 'http://localhost:1', 'http://127.0.0.1'])(
  'a request with the foreign Origin %s is refused with 403, with any method',
  async (origin) => {
    for (const method of METHODS) {
      expect((await ask({ host: `127.0.0.1:${port}`, origin }, { method })).status).toBe(403);
    }
    expect(seen).toEqual([]);
  },
);

test("the UI's own requests pass whole, in both directions", async () => {
  const host = `localhost:${port}`;
  const answer = await ask(
    { host, origin: `http://${host}`, cookie: '_csrf=1', 'x-csrf-token': '1', connection: 'upgrade', upgrade: 'x' },
    { method: 'POST', path: '/api/v1/namespaces/default/workflows/call%2F1/terminate?a=b', body: '{"reason":"x"}' },
  );
  expect(answer.status).toBe(201);
  expect(answer.headers['set-cookie']).toEqual(['_csrf=1', 'other=2']);
  expect(answer.text).toHaveLength(200_003);
  expect(seen).toMatchObject([
    {
      method: 'POST',
      url: '/api/v1/namespaces/default/workflows/call%2F1/terminate?a=b',
      headers: { host, cookie: '_csrf=1', 'x-csrf-token': '1' },
      body: '{"reason":"x"}',
    },
  ]);
  expect(seen[0]?.headers).not.toHaveProperty('upgrade');
});

test('an answer that breaks off is broken off, and one that does not come is 502', async () => {
  await expect(ask({}, { path: '/broken' })).rejects.toThrow('aborted');
  ui.closeAllConnections();
  await new Promise((resolve) => ui.close(resolve));
  expect(await ask({})).toMatchObject({ status: 502, text: "Temporal's UI does not answer\n" });
});

test('closing it frees the port', async () => {
  guard.close();
  guard = await guardUi({ ip: '127.0.0.1', port, ui: at });
  expect((await ask({})).status).toBe(201);
});
