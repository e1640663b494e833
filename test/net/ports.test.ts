import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describePortHolder, PortUnavailable, portTakenMessage, reservePorts } from '../../src/net/ports';

const onLinux = process.platform === 'linux';

async function listening(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe('who holds a port', () => {
  test('is named by program and script, never by its other arguments', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bridge-port-'));
    writeFileSync(
      join(folder, 'holder.js'),
      "const server = require('node:net').createServer().listen(0, () => console.log(server.address().port));",
    );
    const holder = spawn(process.execPath, [join(folder, 'holder.js'), '--token=secret'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [port]: unknown[] = await once(holder.stdout, 'data');
      expect(describePortHolder(Number(String(port)))).toEqual(
        onLinux ? { pid: holder.pid, program: 'node holder.js' } : null,
      );
    } finally {
      const gone = once(holder, 'exit');
      holder.kill();
      await gone;
      rmSync(folder, { recursive: true });
    }
  });

  test.each(['127.0.0.1', '0.0.0.0', '::1'])('is found on %s, and not when it has gone', async (host) => {
    const { server, port } = await listening(host);
    expect(describePortHolder(port)?.pid).toBe(onLinux ? process.pid : undefined);
    server.close();
    await once(server, 'close');
    expect(describePortHolder(port)).toBeNull();
  });
});

test.each([
  [
    { pid: 42, program: 'node server.js' },
    'The webhook cannot listen on port 5000: node server.js (process 42) uses it. Stop that program, or choose another port with PORT.',
  ],
  [
    null,
    'The webhook cannot listen on port 5000: another program uses it. Stop that program, or choose another port with PORT.',
  ],
])('the message for a port that is taken (%j)', (holder, message) => {
  expect(portTakenMessage({ port: 5000, purpose: 'The webhook', setting: 'PORT', holder })).toBe(message);
});

describe('ports to be listened on', () => {
  const want = (port: number, setting: string) => ({ port, purpose: 'This', setting });

  test('are chosen where any will do, all different, and are free afterwards', async () => {
    const ports = await reservePorts('127.0.0.1', [want(0, 'ONE'), want(0, 'OTHER')]);
    expect(new Set(ports).size).toBe(2);
    expect(
      await reservePorts(
        '127.0.0.1',
        ports.map((port) => want(port, `P${port}`)),
      ),
    ).toEqual(ports);
  });

  test('must be free, also when another program listens everywhere', async () => {
    const { server, port } = await listening('0.0.0.0');
    const error = await failure(reservePorts('127.0.0.1', [want(0, 'ONE'), want(port, 'OTHER')]));
    server.close();
    expect(error).toBeInstanceOf(PortUnavailable);
    expect(error).toMatchObject({ port, message: expect.stringContaining(`choose another port with OTHER`) });
  });

  test('must differ from each other', async () => {
    const [port = 0] = await reservePorts('127.0.0.1', [want(0, 'ONE')]);
    expect(String(await failure(reservePorts('127.0.0.1', [want(port, 'ONE'), want(port, 'OTHER')])))).toContain(
      `ONE and OTHER are both ${port}`,
    );
  });

  test('are refused with the reason where this machine does not have the address', async () => {
    expect(String(await failure(reservePorts('192.0.2.1', [want(7233, 'ONE')])))).toContain(
      'This cannot listen on 192.0.2.1, port 7233 (EADDRNOTAVAIL)',
    );
  });
});
