import { Agent } from 'node:http';
import { connect } from 'node:net';
import { MAX_BODY_BYTES } from '../../src/receiver/refusals';
import { Secret } from '../../src/settings/secret';
import { until } from './crowd';
import { closeDoors, hangup, openDoor, rawExchange, type Door } from './door';

afterEach(closeDoors);

/** Long enough for a whole request on a busy machine. */
const quick = { timeouts: { headers: 1_000, request: 1_500, check: 50, close: 1_000 } };

function post(id: string, headers = ''): string {
  const body = hangup(id);
  return `POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
}

/** The door still takes events. */
async function stillServes(door: Door): Promise<void> {
  expect((await door.send({ payload: hangup('still-serving') })).json?.status).toBe('received');
}

describe('connections', () => {
  test('are kept open for longer than the sender keeps them (30 s)', async () => {
    const door = await openDoor();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<string | undefined>();
    for (let n = 0; n < 3; n += 1) {
      const answer = await door.send({ payload: hangup(`c${n}`), agent });
      ports.add(answer.headers['connection']);
      expect(answer.headers['keep-alive']).toBe('timeout=65');
    }
    expect([...ports]).toEqual(['keep-alive']);
    agent.destroy();
  });

  test('pipelined requests are answered one after the other', async () => {
    const door = await openDoor();
    const answers = await rawExchange(door.url, [post('c1') + post('c2') + post('c1', 'Connection: close\r\n')]);
    expect(answers.match(/"status":"\w+"/g)).toEqual([
      '"status":"received"',
      '"status":"received"',
      '"status":"duplicate"',
    ]);
  });

  test('garbage behind a good request does not undo it', async () => {
    const door = await openDoor();
    const answers = await rawExchange(door.url, [`${post('c1')}\0\x01garbage\r\n\r\n`]);
    expect(answers).toContain('400 Bad Request');
    // The connection ends at the garbage, which may be before the event is on the disk.
    await until(() => door.reader.has('call_hangup/c1'));
    await stillServes(door);
  });

  test.each([
    ['no HTTP at all', '\x16\x03\x01\x02\0hello', '400 Bad Request'],
    [
      'headers without end',
      `GET / HTTP/1.1\r\n${'X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(1_000)}`,
      '431 Request Header Fields Too Large',
    ],
    [
      'an impossible content length',
      'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
      '400 Bad Request',
    ],
    [
      'two content lengths',
      'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
      '400 Bad Request',
    ],
    [
      'a length and chunks',
      'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400 Bad Request',
    ],
    ['broken chunks', 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', '400'],
    ['a method that is none', 'BREW /voipbin/webhook HTTP/1.1\r\nHost: x\r\n\r\n', '400 Bad Request'],
    ['a method few know', 'PROPFIND /voipbin/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', '405'],
    [
      'a request for another protocol',
      'GET /voipbin/webhook HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 200',
    ],
    ['a tunnel', 'CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n', ''],
    [
      'an absolute URL of another host',
      'GET http://example.com/voipbin/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'HTTP/1.1',
    ],
    [
      'an expectation',
      'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      '417',
    ],
  ])('%s is refused, and the next request served', async (_, sent, answer) => {
    const door = await openDoor();
    expect(await rawExchange(door.url, [Buffer.from(sent, 'latin1')])).toContain(answer);
    await stillServes(door);
  });

  test.each([
    ['headers', 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\n'],
    ['a body', 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"type":'],
    ['chunks', 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"typ'],
  ])('a client that never finishes its %s is let go', async (_, sent) => {
    const door = await openDoor({}, quick);
    expect(await rawExchange(door.url, [sent])).toContain('408 Request Timeout');
    await stillServes(door);
  });

  test('a client that goes away in the middle of its body leaves nothing behind', async () => {
    const door = await openDoor();
    await new Promise<void>((resolve) => {
      const { port, hostname } = new URL(door.url);
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"type":"call_hangup"',
          () => {
            socket.resetAndDestroy();
            resolve();
          },
        );
      });
    });
    await stillServes(door);
    expect(door.reader.counts()).toEqual({ received: 1, ignored: 0, quarantined: 0 });
  });
});

describe('large bodies', () => {
  const filled = (bytes: number): string => {
    const frame = hangup('big', { filler: '' });
    return hangup('big', { filler: 'x'.repeat(bytes - frame.length) });
  };

  test('of exactly ten megabytes are taken', async () => {
    const door = await openDoor();
    const payload = filled(MAX_BODY_BYTES);
    expect((await door.send({ payload })).json).toEqual({ status: 'received', id: 'call_hangup/big' });
    expect(door.reader.get('call_hangup/big')?.body).toHaveLength(MAX_BODY_BYTES);
  });

  test.each([1, 10 * 1_048_576])('%d bytes more are not, and the sender sees why', async (more) => {
    const door = await openDoor();
    const answer = await door.send({ payload: filled(MAX_BODY_BYTES + more) });
    expect([answer.status, answer.json?.error]).toEqual([413, 'too_large']);
    await stillServes(door);
  });

  test('the size comes before the signature', async () => {
    const door = await openDoor({ secrets: [new Secret('s')] });
    expect((await door.send({ payload: filled(MAX_BODY_BYTES + 1) })).status).toBe(413);
  });

  test('in chunks, without a declared length, are bounded alike', async () => {
    const door = await openDoor();
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
    const head = 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await rawExchange(door.url, [head, ...Array.from({ length: 11 }, () => chunk)], /\}$/)).toContain(
      '413 Payload Too Large',
    );
    await stillServes(door);
  });

  test('in chunks are taken', async () => {
    const door = await openDoor();
    const body = hangup('chunked');
    const pieces = [body.slice(0, 10), body.slice(10)].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
    const head = 'GET /voipbin/webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
    expect(await rawExchange(door.url, [head, ...pieces, '0\r\n\r\n'])).toContain('"status":"received"');
  });
});

describe('close', () => {
  test('answers what is under way, takes no new connections, and ends although clients keep theirs open', async () => {
    const door = await openDoor();
    const agent = new Agent({ keepAlive: true });
    const before = await Promise.all(
      Array.from({ length: 20 }, (_, n) => door.send({ payload: hangup(`before-${n}`), agent })),
    );
    const underWay = Array.from({ length: 20 }, (_, n) => door.send({ payload: hangup(`during-${n}`), agent }));
    await Promise.race(underWay);
    await door.receiver.close();
    const during = await Promise.all(underWay);
    expect([...before, ...during].map((answer) => answer.json?.status)).toEqual(
      Array.from({ length: 40 }, () => 'received'),
    );
    await expect(door.send({ payload: hangup('after') })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    agent.destroy();
  });

  test('takes what still arrives on a connection that is busy', async () => {
    const door = await openDoor();
    const { port, hostname } = new URL(door.url);
    const [first, second] = [post('c1'), post('c2')];
    const socket = connect(Number(port), hostname);
    let answers = '';
    socket.on('data', (chunk) => {
      answers += chunk.toString();
    });
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.write(first.slice(0, -5));
    // The door has seen the beginning of it by the time that it answers another.
    await door.send({ payload: hangup('other') });
    const closing = door.receiver.close();
    socket.write(first.slice(-5) + second);
    await Promise.all([closing, ended]);
    expect(answers.match(/"status":"\w+"|Connection: close/gi)?.map((each) => each.toLowerCase())).toEqual([
      '"status":"received"',
      'connection: close',
      '"status":"received"',
    ]);
  });

  test('is bounded: a client in the middle of its body is cut off', async () => {
    const door = await openDoor({}, { timeouts: { close: 200 } });
    const exchange = rawExchange(door.url, [
      'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"type":',
    ]);
    await door.send({ payload: hangup('c1') });
    await door.receiver.close();
    expect(await exchange).toBe('');
  });
});
