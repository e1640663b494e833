import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request, type OutgoingHttpHeaders } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pino from 'pino';
import { findTemporalCli, type TemporalCli } from '../../../src/temporal/dev-server/find-cli';
import {
  DevServerFailed,
  embeddedAddressOf,
  embeddedUiOf,
  startDevServer,
  type DevServer,
  type DevServerOptions,
} from '../../../src/temporal/dev-server/dev-server';
import { readProcess } from '../../../src/temporal/dev-server/process-info';
import { registerSearchAttributes } from '../../../src/temporal/search-attributes';
import { runLink } from '../../../src/temporal/ui-link';
import { freePort } from '../../net/free-port';

// On a busy machine the servers, which run at a low priority, take some time to start.
jest.setTimeout(120_000);

let cli: TemporalCli;
let dataDir: string;
const started: DevServer[] = [];
const strays: number[] = [];

beforeAll(async () => {
  cli = await findTemporalCli({ env: process.env, onProgress: (line) => process.stderr.write(`${line}\n`) });
}, 35 * 60_000);

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'bridge-embedded-'));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
  for (const pid of strays.splice(0)) {
    end(pid);
  }
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(more: Partial<DevServerOptions> = {}): Promise<DevServer> {
  const server = await startDevServer({
    cli,
    dataDir,
    port: 0,
    uiPort: 0,
    log: pino({ level: 'silent' }),
    onExit: () => undefined,
    ...more,
  });
  started.push(server);
  return server;
}

async function withConnection<T>(
  server: { address: string },
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function recordedPid(): number {
  const record: unknown = JSON.parse(readFileSync(join(dataDir, 'temporal.pid'), 'utf8'));
  if (typeof record !== 'object' || record === null || !('pid' in record) || typeof record.pid !== 'number') {
    throw new Error('no process id in temporal.pid');
  }
  return record.pid;
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** @throws when it is not true within a minute. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) {
      throw new Error('the condition was not met');
    }
    await delay(20);
  }
}

/** Starts a server from another process and kills that process, as `kill -9` of a bridge does. */
async function orphan(port: number, uiPort: number): Promise<number> {
  const bridge = spawn(process.execPath, [join(__dirname, 'killed-bridge.js')], {
    env: { ...process.env, START: JSON.stringify({ cli, dataDir, port, uiPort }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(bridge.stdout, 'data');
  const pid = recordedPid();
  strays.push(pid);
  const exited = once(bridge, 'exit');
  bridge.kill('SIGKILL');
  await exited;
  expect(readProcess(pid)).not.toBeNull();
  return pid;
}

async function freePorts(): Promise<[number, number]> {
  const port = await freePort();
  const uiPort = await freePort();
  return port === uiPort ? freePorts() : [port, uiPort];
}

async function listening(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

describe('a new server', () => {
  test('serves namespace, UI and search attributes, keeps its data, has a lower priority, and stops', async () => {
    const first = await start();
    expect(first.takenOver).toBe(false);
    expect(embeddedAddressOf(dataDir)).toBe(first.address);
    expect(embeddedUiOf(dataDir)).toBe(first.uiUrl);
    // 19 is the lowest that there is.
    expect(getPriority(first.pid)).toBe(Math.min(getPriority() + 10, 19));
    const id = 'call_hangup/5371#2';
    const link = await withConnection(first, async (connection) => {
      expect(await registerSearchAttributes(connection, 'default')).toEqual({ available: true });
      const handle = await new Client({ connection }).workflow.start('anything', {
        workflowId: id,
        taskQueue: 'nobody',
      });
      return { run: handle.firstExecutionRunId, url: runLink(first.uiUrl, 'default', id, handle.firstExecutionRunId) };
    });
    const page = await fetch(link.url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    // The request that the page itself makes, with the id in its address.
    const api = new URL(link.url).pathname
      .replace('/namespaces/', '/api/v1/namespaces/')
      .replace(/\/history$/, '')
      .replace(/\/[^/]+$/, `?execution.runId=${link.run}`);
    const description: unknown = await (await fetch(`${first.uiUrl}${api}`)).json();
    expect(description).toMatchObject({ workflowExecutionInfo: { execution: { workflowId: id, runId: link.run } } });

    await first.stop();
    await first.stop();
    expect(readProcess(first.pid)).toBeNull();
    expect(existsSync(join(dataDir, 'temporal.pid'))).toBe(false);
    expect(embeddedAddressOf(dataDir)).toBeNull();

    const second = await start();
    await withConnection(second, async (connection) => {
      expect((await new Client({ connection }).workflow.getHandle(id).describe()).runId).toBe(link.run);
    });
  });

  test('gets the search attributes when its database was made without them', async () => {
    const [port] = await freePorts();
    const plain = spawn(
      cli.path,
      [
        'server',
        'start-dev',
        '--db-filename',
        join(dataDir, 'temporal.db'),
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--headless',
      ],
      { stdio: 'ignore' },
    );
    const exited = once(plain, 'exit');
    await reachable(`127.0.0.1:${port}`);
    plain.kill('SIGTERM');
    await exited;

    await withConnection(await start(), async (connection) => {
      const before = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
      expect(Object.keys(before.customAttributes ?? {})).not.toContain('BridgeRules');
      expect(await registerSearchAttributes(connection, 'default')).toEqual({ available: true });
      const after = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
      expect(Object.keys(after.customAttributes ?? {})).toEqual(
        expect.arrayContaining(['BridgeEventType', 'BridgeRules', 'BridgeOutcome']),
      );
    });
  });

  test('reports when it ends by itself', async () => {
    const ended = new Promise<unknown>((resolve) => {
      void start({ onExit: resolve }).then((server) => process.kill(server.pid, 'SIGKILL'));
    });
    expect(await ended).toMatchObject({ signal: 'SIGKILL', lastLines: expect.any(Array) });
    expect(existsSync(join(dataDir, 'temporal.pid'))).toBe(false);
  });

  test('that cannot start fails with the end of its log, and is not waited for', async () => {
    writeFileSync(join(dataDir, 'temporal.db'), 'this is a text, not a database');
    const onExit = jest.fn();
    const failure: unknown = await start({ onExit }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DevServerFailed);
    expect(String(failure)).toContain('file is not a database');
    expect(String(failure)).toContain('ended before it was ready');
    expect(onExit).not.toHaveBeenCalled();
    expect(existsSync(join(dataDir, 'temporal.pid'))).toBe(false);
  });

  test('is not started on a port in use; the message names the other program and the setting', async () => {
    const { port, close } = await listening();
    const failure: unknown = await start({ port, settings: { port: 'TEMPORAL_THIS', uiPort: 'TEMPORAL_THAT' } }).catch(
      (error: unknown) => error,
    );
    await close();
    expect(String(failure)).toContain(`Temporal's server cannot listen on port ${port}`);
    expect(String(failure)).toContain('choose another port with TEMPORAL_THIS');
    expect(String(failure)).toContain(process.platform === 'linux' ? `(process ${process.pid})` : 'another program');
    expect(existsSync(join(dataDir, 'temporal.db'))).toBe(false);
  });
});

test('its files are private, whatever the umask and whoever made the folder', async () => {
  chmodSync(dataDir, 0o755);
  writeFileSync(join(dataDir, 'temporal.log'), 'of a version before\n', { mode: 0o644 });
  const umask = process.umask(0);
  try {
    await start();
  } finally {
    process.umask(umask);
  }
  const modes = [dataDir, ...readdirSync(dataDir).map((name) => join(dataDir, name))].map((path) => [
    basename(path),
    (statSync(path).mode & 0o777).toString(8),
  ]);
  expect(Object.fromEntries(modes)).toMatchObject({
    'temporal.db': '600',
    'temporal.log': '600',
    'temporal.pid': '600',
  });
  expect(modes.slice(1).filter(([, mode]) => mode !== '600')).toEqual([]);
  expect(modes[0]?.[1]).toBe('700');
});

test("Temporal's UI answers no foreign Host and no foreign Origin", async () => {
  const server = await start();
  const ui = new URL(server.uiUrl);
  const terminate = '/api/v1/namespaces/default/workflows/nosuch/terminate';
  expect(await statusOf(ui, '/api/v1/namespaces/default', {})).toBe(200);
  expect(await statusOf(ui, '/api/v1/namespaces/default', { host: `evil.example:${ui.port}` })).toBe(421);
  expect(await statusOf(ui, terminate, { host: 'evil.example', origin: 'http://evil.example' }, 'POST')).toBe(421);
  expect(await statusOf(ui, terminate, { origin: 'http://evil.example' }, 'POST')).toBe(403);
});

(process.platform === 'linux' ? describe : describe.skip)('on 127.0.0.1', () => {
  test("Temporal's HTTP API answers no foreign Host, and nothing else answers", async () => {
    const server = await start();
    const answers = await Promise.all(
      listeningPorts(server.pid).map(async (port) => {
        const at = new URL(`http://127.0.0.1:${port}`);
        const own = await statusOf(at, '/api/v1/namespaces/default', {}).catch(() => 0);
        const foreign = await statusOf(at, '/api/v1/namespaces/default', { host: 'evil.example' }).catch(() => 0);
        return { own, foreign };
      }),
    );
    expect(answers.filter(({ own }) => own === 200)).toEqual([{ own: 200, foreign: 403 }]);
    expect(answers.filter(({ foreign }) => foreign === 200)).toEqual([]);
  });
});

describe('a server that a killed bridge left running', () => {
  test('is taken over when it matches, serves its UI again, and stops with its new bridge', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const server = await start({ port, uiPort });
    expect(server).toMatchObject({
      pid,
      takenOver: true,
      address: `127.0.0.1:${port}`,
      uiUrl: `http://127.0.0.1:${uiPort}`,
    });
    expect((await fetch(server.uiUrl)).status).toBe(200);
    await server.stop();
    expect(readProcess(pid)).toBeNull();
    await expect(fetch(server.uiUrl)).rejects.toThrow('fetch failed');
  });

  test('is stopped when a version before, which did not guard the UI, started it', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const path = join(dataDir, 'temporal.pid');
    const { ui: _ui, ...old } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify(old));
    expect(embeddedAddressOf(dataDir)).toBe(`127.0.0.1:${port}`);
    const server = await start({ port, uiPort });
    expect(server.takenOver).toBe(false);
    expect(readProcess(pid)).toBeNull();
    expect((await fetch(server.uiUrl)).status).toBe(200);
  });

  test('is watched once it is taken over', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const ended = new Promise((resolve) => {
      void start({ port, uiPort, onExit: resolve }).then(() => process.kill(pid, 'SIGKILL'));
    });
    expect(await ended).toMatchObject({ code: null, signal: null });
  });

  test('is stopped when it listens on other ports', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const [otherPort, otherUiPort] = await freePorts();
    const server = await start({ port: otherPort, uiPort: otherUiPort });
    expect(server.takenOver).toBe(false);
    expect(server.pid).not.toBe(pid);
    expect(readProcess(pid)).toBeNull();
  });

  test('is stopped when it no longer answers', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    process.kill(pid, 'SIGSTOP');
    const server = await start({ port, uiPort });
    expect(server.takenOver).toBe(false);
    expect(readProcess(pid)).toBeNull();
  });

  test('is not confused with another process that has its id now', async () => {
    const bystander: ChildProcess = spawn('sleep', ['600'], { stdio: 'ignore' });
    const pid = bystander.pid ?? 0;
    strays.push(pid);
    await until(() => readProcess(pid)?.command.startsWith('sleep') === true);
    mkdirSync(dataDir, { recursive: true });
    const record = {
      pid,
      started: readProcess(pid)?.started,
      ip: '127.0.0.1',
      port: 1,
      ui_port: 2,
      namespace: 'default',
      db: join(dataDir, 'temporal.db'),
      version: cli.version,
    };
    writeFileSync(join(dataDir, 'temporal.pid'), JSON.stringify(record));
    expect(embeddedAddressOf(dataDir)).toBeNull();
    const server = await start();
    expect(server.takenOver).toBe(false);
    expect(readProcess(pid)).not.toBeNull();
  });
});

test('a bridge that ends without stopping its server terminates it', async () => {
  const bridge = spawn(process.execPath, [join(__dirname, 'killed-bridge.js')], {
    env: { ...process.env, START: JSON.stringify({ cli, dataDir, port: 0, uiPort: 0 }), THEN: 'throw' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(bridge, 'exit');
  await once(bridge.stdout, 'data');
  const pid = recordedPid();
  strays.push(pid);
  expect((await exited)[0]).not.toBe(0);
  await until(() => readProcess(pid) === null);
});

/** The status of an answer. Unlike fetch, it sends any Host. */
function statusOf(base: URL, path: string, headers: OutgoingHttpHeaders, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: base.hostname, port: base.port, path, method, headers, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end();
  });
}

/** The ports of 127.0.0.1 that a process listens on (proc(5)). */
function listeningPorts(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap(
      (fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [],
    ),
  );
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local, , state, , , , , , inode]) =>
        local?.startsWith('0100007F:') === true && state === '0A' && sockets.has(inode ?? ''),
    )
    .map(([, local]) => Number.parseInt(local?.split(':')[1] ?? '', 16));
}

async function reachable(address: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await delay(50)) {
    const connection = Connection.lazy({ address, interceptors: [] });
    try {
      await connection.withDeadline(Date.now() + 1_000, () =>
        connection.workflowService.describeNamespace({ namespace: 'default' }),
      );
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        throw error;
      }
    } finally {
      await connection.close();
    }
  }
}
