import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Agent, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { signatureOf } from '../../src/receiver/verified-request';
import { Secret } from '../../src/settings/secret';
import { connectTo, until, type Client } from './crowd';
import { closeDoors, hangup, openDoor, type Door } from './door';
import { CERTIFICATE, KEY } from './self-signed';

const clients: Client[] = [];

afterEach(async () => {
  clients.splice(0).forEach(({ socket }) => socket.destroy());
  await closeDoors();
});

const HEAD = 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\n';
/** The answer 100 shows that the request has begun. */
const UNFINISHED = `${HEAD}Expect: 100-continue\r\nContent-Length: 100\r\n\r\n{"type":`;
const secret = new Secret('a secret of this test');

function signed(id: string): { payload: string; headers: Record<string, string> } {
  const payload = hangup(id);
  return { payload, headers: { 'x-voipbin-signature': signatureOf(Buffer.from(payload), secret) } };
}

/** An event as a client sends it by hand. */
function event(id: string): string {
  const body = hangup(id);
  return `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
}

async function client(door: Door, from = '127.0.0.1', sent = ''): Promise<Client> {
  const connected = await connectTo(door.url, from, sent);
  connected.socket.on('error', () => undefined);
  clients.push(connected);
  if (sent.includes('100-continue')) {
    await until(() => connected.received().includes('100 Continue'));
  }
  return connected;
}

async function dropped(door: Door): Promise<Record<string, number>> {
  const text = await door.metrics.registry.metrics();
  const found = [...text.matchAll(/bridge_connections_dropped_total\{reason="(\w+)"\} ([1-9]\d*)/g)];
  return Object.fromEntries(found.map(([, reason = '', count]) => [reason, Number(count)]));
}

/** Which of the clients are still connected. */
const open = (all: readonly Client[]): boolean[] => all.map(({ isOpen }) => isOpen());

/**
 * Holds back the answers to the next two requests in their sockets, as a full network does: clients that read nothing
 * fill the buffers of this machine only after megabytes, how many depends on the machine.
 */
function holdAnswers(): ServerResponse[] {
  const begun: ServerResponse[] = [];
  const hold = (message: unknown): void => {
    const { response, socket } = message as { response: ServerResponse; socket: Socket };
    Object.assign(socket, { _write: () => undefined, _writev: () => undefined });
    begun.push(response);
    if (begun.length === 2) {
      unsubscribe('http.server.request.start', hold);
    }
  };
  subscribe('http.server.request.start', hold);
  return begun;
}

describe('when all connections are in use', () => {
  test('the oldest idle one gives way, and the new one is served', async () => {
    const door = await openDoor({}, { connectionLimits: { total: 3 } });
    const idle = [await client(door, '127.0.0.2'), await client(door, '127.0.0.3'), await client(door, '127.0.0.4')];
    expect((await door.send({ payload: hangup('c1') })).status).toBe(200);
    await idle[0]?.ended;
    expect(open(idle)).toEqual([false, true, true]);
    expect(await dropped(door)).toEqual({ idle: 1 });
  });

  test('one that was just used is not the oldest', async () => {
    const door = await openDoor({}, { connectionLimits: { total: 2 } });
    const idle = [await client(door, '127.0.0.2'), await client(door, '127.0.0.3')];
    idle[0]?.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => idle[0]?.received().includes('200 OK') === true);
    await client(door, '127.0.0.4');
    await idle[1]?.ended;
    expect(open(idle)).toEqual([true, false]);
  });

  test('one whose request was answered goes before one with an older, unfinished request', async () => {
    const door = await openDoor({}, { connectionLimits: { total: 2 } });
    const unfinished = await client(door, '127.0.0.2', UNFINISHED);
    const answered = await client(door, '127.0.0.3', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => answered.received().includes('200 OK'));
    await client(door, '127.0.0.4');
    await answered.ended;
    expect(open([unfinished, answered])).toEqual([true, false]);
    expect(await dropped(door)).toEqual({ idle: 1 });
  });

  test.each([
    ['a body', UNFINISHED],
    ['chunks', `${HEAD}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"typ`],
    ['headers', HEAD],
  ])('unfinished %s give way too', async (_, sent) => {
    const door = await openDoor({}, { connectionLimits: { total: 2 } });
    const slow = [await client(door, '127.0.0.2', sent), await client(door, '127.0.0.3', sent)];
    expect((await door.send({ payload: hangup('c1') })).status).toBe(200);
    await slow[0]?.ended;
    expect(open(slow)).toEqual([false, true]);
  });

  test('senders come last: with their connections kept open, and in the middle of a request', async () => {
    const door = await openDoor({ secrets: [secret] }, { connectionLimits: { total: 4 } });
    const agent = new Agent({ keepAlive: true });
    expect((await door.send({ ...signed('c1'), agent })).status).toBe(200);
    const sender = [await client(door, '127.0.0.1', UNFINISHED), await client(door, '127.0.0.1')];
    const stranger = await client(door, '127.0.0.2', HEAD);
    sender.push(await client(door, '127.0.0.1'));
    await stranger.ended;
    expect((await door.send({ ...signed('c2'), agent })).status).toBe(200);
    expect(open(sender)).toEqual([true, true, true]);
    // Without strangers they give way to each other.
    await client(door, '127.0.0.1');
    await sender[1]?.ended;
    expect(open(sender)).toEqual([true, false, true]);
    agent.destroy();
  });

  test('a client that does not read its answers gives way', async () => {
    const door = await openDoor({}, { connectionLimits: { total: 2 } });
    const begun = holdAnswers();
    for (const from of ['127.0.0.2', '127.0.0.3']) {
      await client(door, from, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    // Answered, as far as the bridge is concerned.
    await until(() => begun.length === 2 && begun.every((response) => response.writableEnded));
    expect((await door.send({ payload: hangup('c1') })).status).toBe(200);
    expect(await dropped(door)).toEqual({ unfinished: 1 });
  });

  test('a request that is being answered is never cut off, and who is too many is counted and logged once', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const door = await openDoor({}, { connectionLimits: { total: 1 } });
    const append = door.inbox.append.bind(door.inbox);
    let isUnderWay = false;
    door.inbox.append = async (entry) => {
      isUnderWay = true;
      await held;
      return append(entry);
    };
    const busy = await client(door, '127.0.0.2', event('c1'));
    await until(() => isUnderWay);
    await (
      await client(door, '127.0.0.3')
    ).ended;
    await (
      await client(door, '127.0.0.3')
    ).ended;
    release();
    await until(() => busy.received().includes('"status":"received"'));
    expect(await dropped(door)).toMatchObject({ full: 2 });
    expect(door.log.said.filter((line) => line.includes('too many connections'))).toHaveLength(1);
  });

  test('over TLS, before and after the handshake', async () => {
    const tls = { cert: CERTIFICATE, key: new Secret(KEY) };
    const door = await openDoor({ tls }, { connectionLimits: { total: 2 } });
    const silent = await client(door, '127.0.0.2');
    const { port, hostname } = new URL(door.url);
    const secure = (): Promise<{ text: string; isEnded: boolean }> =>
      new Promise((resolve, reject) => {
        const state = { text: '', isEnded: false };
        const socket = connectTls({ port: Number(port), host: hostname, rejectUnauthorized: false });
        socket.on('error', reject).on('close', () => (state.isEnded = true));
        socket.on('data', (data) => {
          state.text += data.toString();
          resolve(state);
        });
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      });
    const first = await secure();
    const second = await secure();
    await silent.ended;
    await secure();
    await until(() => first.isEnded);
    expect([first.text, second.text, second.isEnded]).toEqual([
      expect.stringContaining('200 OK'),
      expect.stringContaining('200 OK'),
      false,
    ]);
  });
});

describe('one address', () => {
  test('has its share, and its own oldest connections give way', async () => {
    const door = await openDoor({}, { connectionLimits: { perAddress: 2 } });
    const other = await client(door, '127.0.0.3');
    const greedy = [await client(door, '127.0.0.2'), await client(door, '127.0.0.2', UNFINISHED)];
    await client(door, '127.0.0.2');
    await greedy[0]?.ended;
    await client(door, '127.0.0.2', UNFINISHED);
    await client(door, '127.0.0.2', UNFINISHED);
    await until(() => !(greedy[1]?.isOpen() ?? true));
    expect(other.isOpen()).toBe(true);
    expect(await dropped(door)).toEqual({ idle: 2, unfinished: 1 });
  });

  test('that is a trusted proxy may have all', async () => {
    const settings = { trustProxy: ['127.0.0.2'] };
    const door = await openDoor(settings, { connectionLimits: { perAddress: 1, total: 4 } });
    const proxied = [await client(door, '127.0.0.2'), await client(door, '127.0.0.2'), await client(door, '127.0.0.2')];
    const strangers = [await client(door, '127.0.0.3'), await client(door, '127.0.0.4')];
    await strangers[0]?.ended;
    expect(open(proxied)).toEqual([true, true, true]);
  });
});

describe('refusals close the connection', () => {
  const cases: [
    name: string,
    settings: Parameters<typeof openDoor>[0],
    request: Parameters<Door['send']>[0],
    status: number,
  ][] = [
    ['a wrong signature', { secrets: [secret] }, { payload: hangup('c1') }, 401],
    ['a wrong signature and a large body', { secrets: [secret] }, { payload: 'x'.repeat(3_000_000) }, 401],
    ['an address', { allow: ['203.0.113.9'] }, { payload: hangup('c1') }, 403],
    ['an address and a large body', { allow: ['203.0.113.9'] }, { payload: 'x'.repeat(3_000_000) }, 403],
    ['a path', {}, { path: '/nosuch', payload: hangup('c1') }, 404],
    ['a path that cannot be decoded', {}, { method: 'GET', path: '/%ff%' }, 404],
    ['a method', {}, { method: 'PATCH', payload: hangup('c1') }, 405],
    ['no event', {}, { payload: 'hello' }, 400],
  ];

  test.each(cases)('%s', async (_, settings, request, status) => {
    const door = await openDoor(settings);
    const answer = await door.send(request);
    expect([answer.status, answer.headers['connection']]).toEqual([status, 'close']);
  });

  test('but not of a signed body that is not an event', async () => {
    const door = await openDoor({ secrets: [secret] });
    const headers = { 'x-voipbin-signature': signatureOf(Buffer.from('hello'), secret) };
    const answer = await door.send({ payload: 'hello', headers });
    expect([answer.status, answer.headers['connection']]).toEqual([400, 'keep-alive']);
  });
});
