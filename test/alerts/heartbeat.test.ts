import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeartbeatCaller } from '../../src/alerts/heartbeat';
import { HostList } from '../../src/net/host-list';

const PRIVATE =
  'the heartbeat is not sent: its host is at an address that is not public. If it may be called, add the host to BRIDGE_HTTP_ALLOW';
const NOT_ANSWERED = 'the heartbeat is not answered: look at heartbeat.url in the rule file';

let server: Server;
let port: number;
let beats: string[];
let answer: { status: number; location?: string };
let wakeUp: () => void;
let caller: HeartbeatCaller | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    beats.push(`${request.headers.host ?? ''} ${request.url ?? ''}`);
    response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location });
    response.end();
    wakeUp();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => server.close());
beforeEach(() => {
  [beats, answer] = [[], { status: 200 }];
});
afterEach(() => caller?.stop());

/** One beat to a path of the server: what was said of it, or `called` when it came. */
function beat(url: string, allow: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    wakeUp = () => answer.status === 200 && resolve('called');
    const say = (_fields: unknown, message?: string): void => resolve(message ?? '');
    caller = new HeartbeatCaller({
      heartbeat: () => ({ url, every_ms: 10_000 }),
      resolve: (written) => written,
      allow: HostList.parse(allow).list,
      isWell: () => true,
      log: { info: say, warn: say },
    });
    caller.beat();
  });
}

test('calls its address, also a private one that is allowed', async () => {
  expect(await beat(`http://127.0.0.1:${port}/ping?key=1`, ['127.0.0.1'])).toBe('called');
  expect(beats).toEqual([`127.0.0.1:${port} /ping?key=1`]);
});

test.each(['http://127.0.0.1', 'http://localhost', 'http://2130706433', 'http://[::ffff:127.0.0.1]'])(
  'calls no private address that is not allowed, and says why without the address: %s',
  async (host) => {
    expect(await beat(`${host}:${port}/ping`, [])).toBe(PRIVATE);
    expect(beats).toEqual([]);
  },
);

test('does not follow a redirect there', async () => {
  answer = { status: 302, location: `http://127.0.0.2:${port}/inner` };
  expect(await beat(`http://127.0.0.1:${port}/ping`, ['127.0.0.1'])).toBe(PRIVATE);
  expect(beats).toEqual([`127.0.0.1:${port} /ping`]);
});

test('says once that nobody answers, without the address', async () => {
  answer = { status: 500 };
  expect(await beat(`http://127.0.0.1:${port}/ping?key=SECRET`, ['127.0.0.1'])).toBe(NOT_ANSWERED);
});
