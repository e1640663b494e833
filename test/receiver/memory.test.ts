import { once } from 'node:events';
import { Agent, createServer, get, type Server } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AddressList } from '../../src/net/address-list';
import { Callers } from '../../src/receiver/callers';
import { Connections, type DropReason } from '../../src/receiver/connections';
import { BodyMemory, readBody } from '../../src/receiver/read-body';

const dropped: DropReason[] = [];

function watched(server: Server): void {
  const connections = new Connections({
    limits: { total: 10, perAddress: 2 },
    trustedProxies: new AddressList([]),
    callers: new Callers(100),
    onDropped: (reason) => dropped.push(reason),
    log: { warn: () => undefined },
  });
  connections.watch(server);
}

/** Deletes what nothing refers to any more. */
async function collectGarbage(): Promise<void> {
  await new Promise(setImmediate);
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') {
    throw new Error('there is no gc()');
  }
  collect();
  await new Promise(setImmediate);
}

let server: Server | undefined;
let agent: Agent;

beforeEach(() => {
  agent = new Agent({ keepAlive: true });
});

afterEach(() => {
  agent.destroy();
  server?.closeAllConnections();
  server?.close();
});

test('the pieces of a body are not kept in memory with its request', async () => {
  const pieces: WeakRef<Buffer>[] = [];
  const request = Readable.from(
    (function* () {
      for (let index = 0; index < 2; index += 1) {
        const piece = Buffer.alloc(100_000);
        pieces.push(new WeakRef(piece));
        yield piece;
      }
    })(),
  );
  const callers = new Callers(100);
  const memory = new BodyMemory({ total: 1_000_000, perStranger: 1_000_000 }, callers);
  const read = await readBody(request, { maxBytes: 1_000_000, memory, address: '127.0.0.1' });
  await collectGarbage();
  expect(read.ok && read.body.length).toBe(200_000);
  expect(pieces.map((piece) => piece.deref())).toEqual([undefined, undefined]);
  expect(request.readableEnded).toBe(true);
});

test('an answered request is not kept in memory with its open connection', async () => {
  const requests: WeakRef<object>[] = [];
  server = createServer((request, response) => {
    requests.push(new WeakRef(request));
    response.end();
  });
  watched(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const [answer] = (await once(get({ port, host: '127.0.0.1', agent }), 'response')) as [NodeJS.ReadableStream];
  await once(answer.resume(), 'end');
  // Node itself keeps the latest request of a connection until the next turns.
  for (let turn = 0; turn < 20 && requests[0]?.deref() !== undefined; turn += 1) {
    await collectGarbage();
  }
  expect(requests).toHaveLength(1);
  expect(requests[0]?.deref()).toBeUndefined();
  expect(Object.values(agent.freeSockets)).toHaveLength(1);
});

test('a connection from the port of one whose end was not noticed takes its place', () => {
  dropped.length = 0;
  const quiet = createServer();
  quiet.removeAllListeners('connection');
  watched(quiet);
  const connect = (remotePort: number): Socket => {
    const socket = new Socket();
    const ends = { remoteAddress: '127.0.0.1', remotePort, localAddress: '127.0.0.1' };
    for (const [name, value] of Object.entries(ends)) {
      Object.defineProperty(socket, name, { value });
    }
    quiet.emit('connection', socket);
    return socket;
  };
  const former = connect(1);
  const again = connect(1);
  former.emit('close');
  const other = connect(2);
  expect(dropped).toEqual([]);
  connect(3);
  expect([again.destroyed, other.destroyed, dropped]).toEqual([true, false, ['idle']]);
});
