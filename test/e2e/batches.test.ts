import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { RunLogReader } from '../../src/dispatch/run-log';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';
import { newNamespace, type TestNamespace } from './temporal-server';

jest.setTimeout(300_000);

/** Few, so that events wait. */
const BACKLOG = { BRIDGE_MAX_IN_FLIGHT: '1' };

const PUT_RULES = (url: string): string => `version: 1
rules:
  - name: put
    on: call_hangup
    do:
      - http.request: { method: PUT, url: "${url}/{{ id }}", body: "x" }
        retry: { for: 5m }
`;

const LOG_RULES = `version: 1
rules:
  - name: log
    on: call_hangup
    do:
      - hubspot.log_call: { outcome: no_answer, unknown_contact: create }
`;

/** A server that answers 200, and as it is told where it is told something. It counts what it accepted. */
class Target {
  readonly accepted = new Map<string, number>();
  /** Answers by the last part of the path, the first one first. */
  readonly troubles = new Map<string, number[]>();
  /** No answer comes before it. */
  hold: Promise<void> = Promise.resolve();
  readonly #server = createServer((request, response) => {
    const id = request.url?.split('/').at(-1) ?? '';
    request.resume();
    void this.hold.then(() => {
      // Whoever waited too long asks again.
      if (response.destroyed) {
        return;
      }
      const status = this.troubles.get(id)?.shift() ?? 200;
      if (status === 200) {
        this.accepted.set(id, (this.accepted.get(id) ?? 0) + 1);
      }
      response.writeHead(status).end('{}');
    });
  });

  static async start(): Promise<Target> {
    const target = new Target();
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve));
    return target;
  }

  get url(): string {
    const address: AddressInfo | string | null = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const idsTo = (count: number): string[] => Array.from({ length: count }, (_, index) => `c${index + 1}`);

/** Posts one call for each id, many at a time. */
async function postCalls(bridge: RunningBridge, ids: readonly string[]): Promise<void> {
  const left = [...ids];
  const answers: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        const data = {
          id,
          direction: 'incoming',
          source: { type: 'tel', target: '+15551230001' },
          destination: { type: 'tel', target: '+15559876543' },
        };
        answers.push((await bridge.post({ type: 'call_hangup', data })).status);
      }
    }),
  );
  expect(answers.filter((status) => status !== 200)).toEqual([]);
}

/** What the run log has of these events. */
function logged(bridge: RunningBridge, ids: readonly string[]): ReturnType<RunLogReader['get']>[] {
  const log = new RunLogReader(bridge.dataDir);
  try {
    return ids.map((id) => log.get(`call_hangup/${id}`));
  } finally {
    log.close();
  }
}

/** Waits until all of these events have ended, and gives what the run log has of them. */
function ended(bridge: RunningBridge, ids: readonly string[]): Promise<ReturnType<typeof logged>> {
  return bridge.eventually(
    'all events have ended',
    () => {
      const entries = logged(bridge, ids);
      return entries.every((entry) => entry?.state === 'closed') ? entries : null;
    },
    120_000,
  );
}

describe('a burst of events', () => {
  let target: Target;
  let place: TestNamespace;
  let bridge: RunningBridge;

  beforeAll(async () => {
    target = await Target.start();
    place = await newNamespace();
    bridge = await RunningBridge.ready({
      env: { ...place.env, ...BACKLOG, BRIDGE_HTTP_ALLOW: '127.0.0.1' },
      rules: PUT_RULES(target.url),
    });
  });

  afterAll(async () => {
    await bridge.remove();
    await target.stop();
  });

  it('is handled in batches; what does not succeed at once goes on alone, and can be retried', async () => {
    const ids = idsTo(300);
    target.troubles.set('c150', [503]);
    target.troubles.set('c160', [400]);
    // There is a backlog, however slowly the events come: the first run is in flight until most of them are there.
    let release = (): void => undefined;
    target.hold = new Promise((resolve) => {
      release = resolve;
    });
    await postCalls(bridge, ids.slice(0, 200));
    release();
    await postCalls(bridge, ids.slice(200));
    const entries = await ended(bridge, ids);
    expect(entries.filter((entry) => entry?.outcome !== 'done').map((entry) => entry?.event_id)).toEqual([
      'call_hangup/c160',
    ]);
    // The first few may be started alone, before there is a backlog.
    const inBatches = entries.filter((entry) => entry !== null && entry.batch !== null);
    expect(inBatches.length).toBeGreaterThan(150);
    expect(inBatches.filter((entry) => entry?.own_run).map((entry) => entry?.event_id)).toEqual([
      'call_hangup/c150',
      'call_hangup/c160',
    ]);
    expect([...target.accepted.values()].every((times) => times === 1)).toBe(true);
    expect(target.accepted.size).toBe(299);

    const batch = entries[99]?.batch ?? '';
    const shown = await bridge.run('events', 'show', 'call_hangup/c100');
    expect(shown.stdout).toContain(`call_hangup/c100: done`);
    expect(shown.stdout).toContain(`in ${batch}, with `);
    expect((await bridge.run('events', 'show', 'call_hangup/c160')).stdout).toMatch(
      /call_hangup\/c160: failed[^]*own[^]*permanent http_400/,
    );

    expect((await bridge.run('events', 'retry', 'call_hangup/c160', '--yes')).code).toBe(0);
    await bridge.eventually('the retry succeeds', () => (target.accepted.get('c160') === 1 ? true : null));

    const metrics = await bridge.eventually('all events are counted', async () => {
      const text = await (await fetch(`${bridge.admin}/metrics`)).text();
      return /^bridge_runs_closed_total\{outcome="done"\} 299$/m.test(text) ? text : null;
    });
    expect(metrics).toMatch(/^bridge_runs_closed_total\{outcome="failed"\} 1$/m);
    expect(metrics).toMatch(/^bridge_batches_started_total [1-9]/m);

    const connection = await Connection.connect({ address: place.address });
    try {
      const client = new Client({ connection, namespace: place.namespace });
      await bridge.eventually('Temporal finds the event in its batch', async () => {
        const found: string[] = [];
        for await (const { workflowId } of client.workflow.list({ query: "BridgeEventIds = 'call_hangup/c100'" })) {
          found.push(workflowId);
        }
        return found.length === 1 && found[0] === batch ? true : null;
      });
    } finally {
      await connection.close();
    }
  });
});

describe('a burst of events while a connection is parked', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    const place = await newNamespace();
    bridge = await RunningBridge.ready({ env: { ...providers.env, ...place.env, ...BACKLOG }, rules: LOG_RULES });
  });

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  it('waits step by step in the queue of the connection, and goes on when it works', async () => {
    const ids = idsTo(40);
    providers.hubspot.failNext({ path: '/crm', times: 1_000_000, how: { status: 401 } });
    await postCalls(bridge, ids);
    await bridge.eventually('all steps wait', async () => {
      const { stdout } = await bridge.run('connections', 'list');
      return /^hubspot .*PARKED .*\n +40 steps wait/m.test(stdout) ? true : null;
    });
    expect(providers.hubspot.calls).toEqual([]);
    providers.hubspot.heal();
    expect((await bridge.run('connections', 'resume', 'hubspot')).code).toBe(0);
    const entries = await ended(bridge, ids);
    expect(entries.every((entry) => entry?.outcome === 'done')).toBe(true);
    expect(providers.hubspot.calls).toHaveLength(40);
  });
});

describe('two receivers that get the same events', () => {
  let providers: Providers;
  const bridges: RunningBridge[] = [];

  beforeAll(async () => {
    providers = await startProviders();
    const place = await newNamespace();
    const env = { ...providers.env, ...place.env };
    bridges.push(await RunningBridge.ready({ env: { ...env, ...BACKLOG }, rules: LOG_RULES }));
    bridges.push(await RunningBridge.ready({ env: { ...env, BRIDGE_MAX_IN_FLIGHT: '100' }, rules: LOG_RULES }));
  });

  afterAll(async () => {
    await Promise.all(bridges.map((bridge) => bridge.remove()));
    await providers.stop();
  });

  it('do each event once, one in batches and the other alone', async () => {
    const ids = idsTo(60);
    await Promise.all(bridges.map((bridge) => postCalls(bridge, ids)));
    const [inBatches, alone] = await Promise.all(bridges.map((bridge) => ended(bridge, ids)));
    expect(inBatches?.some((entry) => entry !== null && entry.batch !== null)).toBe(true);
    expect(alone?.every((entry) => entry?.batch === null)).toBe(true);
    const keys = providers.hubspot.calls.map(({ properties }) => properties['hs_call_external_id']);
    expect([keys.length, new Set(keys).size]).toEqual([60, 60]);
  });
});

describe('a receiver whose worker runs elsewhere', () => {
  let target: Target;
  const bridges: RunningBridge[] = [];

  beforeAll(async () => {
    target = await Target.start();
    const { env } = await newNamespace();
    const rules = PUT_RULES(target.url);
    bridges.push(await RunningBridge.ready({ env: { ...env, ...BACKLOG }, rules, args: ['--mode', 'receiver'] }));
    bridges.push(
      await RunningBridge.ready({ env: { ...env, BRIDGE_HTTP_ALLOW: '127.0.0.1' }, rules, args: ['--mode', 'worker'] }),
    );
  });

  afterAll(async () => {
    await Promise.all(bridges.map((bridge) => bridge.remove()));
    await target.stop();
  });

  it('asks Temporal how the events of its batches ended', async () => {
    const [receiver] = bridges;
    if (receiver === undefined) {
      throw new Error('it was not started');
    }
    const ids = idsTo(60);
    target.troubles.set('c50', [400]);
    await postCalls(receiver, ids);
    const entries = await ended(receiver, ids);
    expect(entries.filter((entry) => entry?.outcome !== 'done').map((entry) => entry?.event_id)).toEqual([
      'call_hangup/c50',
    ]);
    expect(entries.some((entry) => entry !== null && entry.batch !== null && !entry.own_run)).toBe(true);
    expect([target.accepted.size, [...target.accepted.values()].every((times) => times === 1)]).toEqual([59, true]);
  });
});
