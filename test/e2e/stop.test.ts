import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import pino from 'pino';
import { z } from 'zod';
import { findTemporalCli } from '../../src/temporal/dev-server/find-cli';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server';
import { readProcess } from '../../src/temporal/dev-server/process-info';
import { startProviders, type Providers } from './providers';
import { RunningBridge, type BridgeOptions } from './running-bridge';

jest.setTimeout(300_000);

/** The limits that docs/operations.md promises, within what orchestrators commonly allow. */
const STOPS_WITHIN_MS = { receiver: 20_000, worker: 18_000, all: 26_000 };

const RULES = `version: 1
rules:
  - name: post
    on: call_hangup
    do:
      - slack.post_message: { channel: "#calls", text: "{{ id }}" }
`;

const readiness = z.object({
  ready: z.boolean(),
  parts: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string() })),
});

async function readyz(bridge: RunningBridge): Promise<{ status: number } & z.infer<typeof readiness>> {
  const answer = await fetch(`${bridge.admin}/readyz`);
  return { status: answer.status, ...readiness.parse(await answer.json()) };
}

/** Stops a bridge as orchestrators do. @returns its exit code, and how long it took. */
async function terminate(bridge: RunningBridge): Promise<{ code: number | null; tookMs: number }> {
  const began = performance.now();
  bridge.process.kill('SIGTERM');
  const code = await bridge.ended();
  return { code, tookMs: performance.now() - began };
}

describe('while Temporal is frozen', () => {
  let providers: Providers;
  let server: DevServer;
  let dataDir: string;
  const started: RunningBridge[] = [];

  const start = (mode: 'receiver' | 'worker', options: BridgeOptions = {}): RunningBridge => {
    const bridge = RunningBridge.start({
      env: { ...providers.env, TEMPORAL_ADDRESS: server.address },
      rules: RULES,
      args: ['--mode', mode],
      ...options,
    });
    started.push(bridge);
    return bridge;
  };

  beforeAll(async () => {
    providers = await startProviders();
    dataDir = mkdtempSync(join(tmpdir(), 'bridge-e2e-frozen-'));
    const cli = await findTemporalCli({ env: process.env, onProgress: (line) => process.stderr.write(`${line}\n`) });
    server = await startDevServer({
      cli,
      dataDir,
      port: 0,
      uiPort: 0,
      log: pino({ level: 'silent' }),
      onExit: () => undefined,
    });
  });

  afterEach(() => process.kill(server.pid, 'SIGCONT'));

  afterAll(async () => {
    // The last one first: it uses the data folder of an earlier one.
    for (const bridge of started.toReversed()) {
      await bridge.remove();
    }
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
    await providers.stop();
  });

  it('receiver and worker report it, stop in time with exit code 0, and an event received meanwhile is handled afterwards', async () => {
    const receiver = start('receiver');
    const worker = start('worker');
    await Promise.all([receiver.printed(/^Temporal/m), worker.printed(/^Temporal/m)]);
    await worker.eventually('the worker is ready', async () => ((await readyz(worker)).status === 200 ? true : null));
    process.kill(server.pid, 'SIGSTOP');
    const id = randomUUID();
    const { status } = await receiver.post({ type: 'call_hangup', data: { id, direction: 'incoming' } });
    expect(status).toBe(200);
    const [receiving, working] = await Promise.all(
      [receiver, worker].map((bridge) =>
        bridge.eventually('Temporal is seen to be away', async () => {
          const state = await readyz(bridge);
          return state.parts['temporal']?.ok === false ? state : null;
        }),
      ),
    );
    expect(receiving).toMatchObject({
      status: 200,
      ready: true,
      parts: {
        temporal: { detail: expect.stringContaining('does not answer') as string },
        inbox: { detail: expect.stringContaining('1 event waits') as string },
      },
    });
    expect(await (await fetch(`${worker.admin}/metrics`)).text()).toContain('bridge_temporal_unavailable 1\n');
    expect(working).toMatchObject({
      status: 503,
      ready: false,
      parts: { temporal: { detail: expect.stringContaining('does not answer') as string } },
    });

    const stops = await Promise.all([terminate(receiver), terminate(worker)]);
    expect(stops.map(({ code }) => code)).toEqual([0, 0]);
    expect(stops[0]?.tookMs).toBeLessThan(STOPS_WITHIN_MS.receiver);
    expect(stops[1]?.tookMs).toBeLessThan(STOPS_WITHIN_MS.worker);

    process.kill(server.pid, 'SIGCONT');
    const next = start('worker');
    start('receiver', { dataDir: receiver.dataDir });
    await next.eventually('the event is handled', () =>
      providers.slack.messages.some(({ text }) => text === id) ? true : null,
    );
    expect(providers.slack.messages.filter(({ text }) => text === id)).toHaveLength(1);
  });

  it('a worker that is still connecting answers 503 with the address, and stops without waiting for Temporal', async () => {
    process.kill(server.pid, 'SIGSTOP');
    const worker = start('worker');
    await worker.printed(/^Admin/m);
    expect(await readyz(worker)).toMatchObject({
      status: 503,
      parts: { worker: { ok: false, detail: expect.stringContaining(server.address) as string } },
    });
    const { code, tookMs } = await terminate(worker);
    expect(code).toBe(0);
    // Connecting takes 15 s.
    expect(tookMs).toBeLessThan(10_000);
  });

  it('a worker is ready again when Temporal answers again; /readyz shows a stop, and a second signal ends the worker at once', async () => {
    const worker = start('worker');
    await worker.printed(/^Temporal/m);
    const becomes = (status: number) =>
      worker.eventually(`/readyz is ${status}`, async () => ((await readyz(worker)).status === status ? status : null));
    process.kill(server.pid, 'SIGSTOP');
    await becomes(503);
    process.kill(server.pid, 'SIGCONT');
    await becomes(200);
    process.kill(server.pid, 'SIGSTOP');
    worker.process.kill('SIGTERM');
    await worker.printed(/^Stopping/m);
    expect(await readyz(worker)).toMatchObject({ status: 503, parts: { stopping: { ok: false } } });
    worker.process.kill('SIGTERM');
    expect(await worker.ended()).toBe(130);
    expect(worker.output).not.toMatch(/^Stopped/m);
  });
});

describe('mode all', () => {
  /** The bridge's own Temporal server, as soon as it is there. */
  const serverOf = (bridge: RunningBridge): Promise<number> =>
    bridge.eventually('its Temporal server is there', () => {
      try {
        return z
          .object({ pid: z.number() })
          .parse(JSON.parse(readFileSync(join(bridge.dataDir, 'temporal.pid'), 'utf8'))).pid;
      } catch {
        return null;
      }
    });

  it.each(['runs', 'is still starting'])(
    'stops in time with a frozen embedded Temporal server that %s, and leaves no process behind',
    async (when) => {
      const bridge = RunningBridge.start({ rules: RULES });
      if (when === 'runs') {
        await bridge.printed(/^Ready/m);
      }
      const server = await serverOf(bridge);
      process.kill(server, 'SIGSTOP');
      const { code, tookMs } = await terminate(bridge);
      expect([code, readProcess(server)]).toEqual([0, null]);
      expect(tookMs).toBeLessThan(STOPS_WITHIN_MS.all);
      await bridge.remove();
    },
  );
});
