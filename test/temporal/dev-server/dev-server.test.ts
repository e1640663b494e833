import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { lookAtProcess } from '../../../src/temporal/dev-server/process-info';
import { registerSearchAttributes } from '../../../src/temporal/search-attributes';
import { runLink } from '../../../src/temporal/ui-link';

jest.setTimeout(60_000);

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
    // Gone already.
  }
}

/** @throws when it does not come true within 20 s. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) {
      throw new Error('what was waited for did not happen');
    }
    await delay(20);
  }
}

/** A server as a killed bridge leaves it: started by a process that was killed while it ran. */
async function orphan(port: number, uiPort: number): Promise<number> {
  const bridge = spawn(process.execPath, [join(__dirname, 'killed-bridge.js')], {
    env: { ...process.env, START: JSON.stringify({ cli, dataDir, port, uiPort }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(bridge.stdout, 'data');
  const pid = recordedPid();
  strays.push(pid);
  const gone = once(bridge, 'exit');
  bridge.kill('SIGKILL');
  await gone;
  expect(lookAtProcess(pid)).not.toBeNull();
  return pid;
}

async function freePorts(): Promise<[number, number]> {
  const servers = await Promise.all([listening(), listening()]);
  const [one, other] = servers.map(({ port }) => port);
  await Promise.all(servers.map(({ close }) => close()));
  return [one ?? 0, other ?? 0];
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
  test('serves namespace, UI and search attributes, keeps its data, yields to the bridge, and ends when told', async () => {
    const first = await start();
    expect(first.takenOver).toBe(false);
    expect(embeddedAddressOf(dataDir)).toBe(first.address);
    expect(embeddedUiOf(dataDir)).toBe(first.uiUrl);
    expect(getPriority(first.pid)).toBeGreaterThan(getPriority());
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
    // What the page itself asks for with the id that its address holds.
    const api = new URL(link.url).pathname
      .replace('/namespaces/', '/api/v1/namespaces/')
      .replace(/\/history$/, '')
      .replace(/\/[^/]+$/, `?execution.runId=${link.run}`);
    const description: unknown = await (await fetch(`${first.uiUrl}${api}`)).json();
    expect(description).toMatchObject({ workflowExecutionInfo: { execution: { workflowId: id, runId: link.run } } });

    await first.stop();
    await first.stop();
    expect(lookAtProcess(first.pid)).toBeNull();
    expect(existsSync(join(dataDir, 'temporal.pid'))).toBe(false);
    expect(embeddedAddressOf(dataDir)).toBeNull();

    const second = await start();
    await withConnection(second, async (connection) => {
      expect((await new Client({ connection }).workflow.getHandle(id).describe()).runId).toBe(link.run);
    });
  });

  test('gets the search attributes on a database that was made without them', async () => {
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
    const gone = once(plain, 'exit');
    await reachable(`127.0.0.1:${port}`);
    plain.kill('SIGTERM');
    await gone;

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

  test('tells when it ends by itself', async () => {
    const ended = new Promise<unknown>((resolve) => {
      void start({ onExit: resolve }).then((server) => process.kill(server.pid, 'SIGKILL'));
    });
    expect(await ended).toMatchObject({ signal: 'SIGKILL', lastLines: expect.any(Array) });
    expect(existsSync(join(dataDir, 'temporal.pid'))).toBe(false);
  });

  test('that cannot start says at once what its log says', async () => {
    writeFileSync(join(dataDir, 'temporal.db'), 'this is no database, it is a text');
    const onExit = jest.fn();
    const began = Date.now();
    const failure: unknown = await start({ onExit }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DevServerFailed);
    expect(String(failure)).toContain('file is not a database');
    expect(Date.now() - began).toBeLessThan(20_000);
    expect(onExit).not.toHaveBeenCalled();
    expect(existsSync(join(dataDir, 'temporal.pid'))).toBe(false);
  });

  test('on a port that is taken is not started, and the message says by whom, and what chooses another', async () => {
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

describe('a server that a killed bridge left', () => {
  test('is taken over when it fits, and ends with its new bridge', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const server = await start({ port, uiPort });
    expect(server).toMatchObject({ pid, takenOver: true, address: `127.0.0.1:${port}` });
    await server.stop();
    expect(lookAtProcess(pid)).toBeNull();
  });

  test('is watched after it was taken over', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const ended = new Promise((resolve) => {
      void start({ port, uiPort, onExit: resolve }).then(() => process.kill(pid, 'SIGKILL'));
    });
    expect(await ended).toMatchObject({ code: null, signal: null });
  });

  test('is ended when it listens elsewhere than it should', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    const [otherPort, otherUiPort] = await freePorts();
    const server = await start({ port: otherPort, uiPort: otherUiPort });
    expect(server.takenOver).toBe(false);
    expect(server.pid).not.toBe(pid);
    expect(lookAtProcess(pid)).toBeNull();
  });

  test('is ended when it does not answer any more', async () => {
    const [port, uiPort] = await freePorts();
    const pid = await orphan(port, uiPort);
    process.kill(pid, 'SIGSTOP');
    const server = await start({ port, uiPort });
    expect(server.takenOver).toBe(false);
    expect(lookAtProcess(pid)).toBeNull();
  }, 90_000);

  test('is not confused with another process that has its number now', async () => {
    const bystander: ChildProcess = spawn('sleep', ['600'], { stdio: 'ignore' });
    const pid = bystander.pid ?? 0;
    strays.push(pid);
    await until(() => lookAtProcess(pid)?.command.startsWith('sleep') === true);
    mkdirSync(dataDir, { recursive: true });
    const record = {
      pid,
      started: lookAtProcess(pid)?.started,
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
    expect(lookAtProcess(pid)).not.toBeNull();
  });
});

test('a bridge that ends without stopping its server takes it along', async () => {
  const bridge = spawn(process.execPath, [join(__dirname, 'killed-bridge.js')], {
    env: { ...process.env, START: JSON.stringify({ cli, dataDir, port: 0, uiPort: 0 }), THEN: 'throw' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = once(bridge, 'exit');
  await once(bridge.stdout, 'data');
  const pid = recordedPid();
  strays.push(pid);
  expect((await gone)[0]).not.toBe(0);
  await until(() => lookAtProcess(pid) === null);
});

async function reachable(address: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; await delay(50)) {
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
