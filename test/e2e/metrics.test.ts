import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readExposition, type Family } from '../admin/exposition';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';
import { newNamespace } from './temporal-server';

jest.setTimeout(300_000);

type Mode = 'all' | 'receiver' | 'worker';

const RULES = `version: 1
rules:
  - name: post
    on: call_hangup
    do:
      - slack.post_message: { channel: "#calls", text: "{{ id }}" }
`;

/** A row of the table in docs/operations.md. */
interface Documented {
  name: string;
  type: string;
  labels: string[];
  modes: string[];
}

function documented(): Documented[] {
  const text = readFileSync(join(__dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(bridge_\w+)` \| (\w+) \|([^|]*)\|([^|]+)\|/gm)];
  return rows.map(([, name = '', type = '', labels = '', modes = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    modes: modes.split(',').map((mode) => mode.trim()),
  }));
}

/** A bridge's metrics, parsed strictly: throws when the exposition is invalid. */
async function exposed(bridge: RunningBridge): Promise<Map<string, Family>> {
  const answer = await fetch(`${bridge.admin}/metrics`);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return readExposition(await answer.text());
}

/** A metric's value, of a histogram its count; null when there is none. */
function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | null {
  const samples = families.get(name)?.samples.filter((sample) => [name, `${name}_count`].includes(sample.name));
  return (
    samples?.find((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      ?.value ?? null
  );
}

/** The worker process of a bridge in mode all. Linux only, as the machines that run these tests. */
function workerOf(bridge: RunningBridge): number {
  const pid = String(bridge.process.pid);
  const children = readFileSync(join('/proc', pid, 'task', pid, 'children'), 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  const worker = children.find((child) =>
    readFileSync(join('/proc', String(child), 'cmdline'), 'utf8').includes('worker-main'),
  );
  if (worker === undefined) {
    throw new Error('the bridge has no worker process');
  }
  return worker;
}

describe('metrics, as documented', () => {
  let providers: Providers;
  let bridges: Record<Mode, RunningBridge>;

  beforeAll(async () => {
    providers = await startProviders();
    const temporal = await newNamespace();
    const start = (mode: Mode): RunningBridge =>
      RunningBridge.start({
        env: { ...providers.env, ...(mode === 'all' ? {} : temporal.env) },
        rules: RULES,
        args: ['--mode', mode],
      });
    bridges = { all: start('all'), receiver: start('receiver'), worker: start('worker') };
    await Promise.all([
      bridges.all.printed(/^Ready/m),
      bridges.receiver.printed(/^Temporal/m),
      bridges.worker.printed(/^Temporal/m),
    ]);
  });

  afterAll(async () => {
    await Promise.all(Object.values(bridges).map((bridge) => bridge.remove()));
    await providers.stop();
  });

  /** Until a metric is at least that. */
  const reaches = (mode: Mode, name: string, labels: Record<string, string>, least = 1): Promise<Map<string, Family>> =>
    bridges[mode].eventually(`${name} ${JSON.stringify(labels)} reaches ${least}`, async () => {
      const families = await exposed(bridges[mode]);
      return (valueOf(families, name, labels) ?? 0) >= least ? families : null;
    });

  /** Posts an event that the rule matches, and a body that is not an event. */
  const postTo = async (bridge: RunningBridge): Promise<void> => {
    expect((await bridge.post({ type: 'call_hangup', data: { id: randomUUID(), direction: 'incoming' } })).status).toBe(
      200,
    );
    expect((await bridge.post(['no event'])).status).toBe(400);
  };

  /** Waits until the bridge reports the worker as gone, with all its metrics. @returns its detail at /readyz. */
  const whenGone = async (bridge: RunningBridge): Promise<string> => {
    const without = await bridge.eventually('the worker is seen to be gone', async () => {
      const families = await exposed(bridge);
      return valueOf(families, 'bridge_worker_up') === 0 ? families : null;
    });
    expect([...without.keys()].filter((name) => /^bridge_(step|provider|run)/.test(name))).toEqual([]);
    expect(without.has('bridge_events_received_total')).toBe(true);
    const readiness = (await (await fetch(`${bridge.admin}/readyz`)).json()) as {
      parts: { worker: { detail: string } };
    };
    return readiness.parts.worker.detail;
  };

  test.each<Mode>(['all', 'receiver', 'worker'])(
    'mode %s: the table and the exposition have the same metrics, types and labels',
    async (mode) => {
      await postTo(mode === 'all' ? bridges.all : bridges.receiver);
      const families = await (mode === 'receiver'
        ? reaches(mode, 'bridge_rule_runs_total', { rule: 'post', outcome: 'done' })
        : reaches(mode, 'bridge_provider_latency_seconds', { action: 'slack.post_message', outcome: 'done' }));
      const table = documented().filter(({ modes }) => modes.includes(mode));
      const ours = [...families].filter(([name]) => name.startsWith('bridge_'));
      expect(ours.map(([name, { type }]) => `${name} ${type}`).sort()).toEqual(
        table.map(({ name, type }) => `${name} ${type}`).sort(),
      );
      for (const [name, { samples, type }] of ours) {
        expect(`${name} ${name.endsWith('_total')}`).toBe(`${name} ${type === 'counter'}`);
        const labels = table.find((row) => row.name === name)?.labels.toSorted() ?? [];
        for (const sample of samples) {
          const found = Object.keys(sample.labels).filter((label) => !(type === 'histogram' && label === 'le'));
          expect(`${name}: ${found.sort().join(' ')}`).toBe(`${name}: ${labels.join(' ')}`);
        }
      }
    },
  );

  test('the values match the events that were sent', async () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    await postTo(bridges.receiver);
    const families = await reaches('receiver', 'bridge_runs_closed_total', { outcome: 'done' });
    expect(valueOf(families, 'bridge_build_info', { version })).toBe(1);
    expect(families.get('bridge_rules_info')?.samples).toEqual([
      { name: 'bridge_rules_info', labels: { ruleset: expect.stringMatching(/^[0-9a-f]{12}$/) as string }, value: 1 },
    ]);
    expect(valueOf(families, 'bridge_run_starts_total', { outcome: 'started' })).toBeGreaterThanOrEqual(1);
    expect(valueOf(families, 'bridge_quarantine_entries')).toBe(1);
    expect(valueOf(families, 'bridge_temporal_unavailable')).toBe(0);
  });

  test('the metrics of a worker process that is silent or dead disappear; the next process counts from zero', async () => {
    const { all } = bridges;
    await postTo(all);
    await reaches('all', 'bridge_step_attempts_total', { action: 'slack.post_message', outcome: 'done' });
    const worker = workerOf(all);
    process.kill(worker, 'SIGSTOP');
    expect(await whenGone(all)).toMatch(/sent nothing for [1-9]\d s/);
    process.kill(worker, 'SIGCONT');
    const back = await reaches('all', 'bridge_worker_up', {});
    expect(valueOf(back, 'bridge_worker_restarts_total')).toBe(0);
    await reaches('all', 'bridge_step_attempts_total', { action: 'slack.post_message', outcome: 'done' });

    process.kill(worker, 'SIGKILL');
    expect(await whenGone(all)).toMatch(/SIGKILL|is starting/);
    const next = await reaches('all', 'bridge_worker_up', {});
    expect(valueOf(next, 'bridge_worker_restarts_total')).toBe(1);
    expect(all.output).toMatch(/the worker process ended; it restarts.*the worker process runs again/s);
    expect(valueOf(next, 'bridge_step_attempts_total', { outcome: 'done' })).toBeNull();
  });
});

test('a port that is in use is named, with the setting that changes it', async () => {
  const { env } = await newNamespace();
  const first = RunningBridge.start({ env, rules: RULES, args: ['--mode', 'worker'] });
  await first.printed(/^Admin/m);
  const second = RunningBridge.start({
    env: { ...env, BRIDGE_ADMIN_PORT: new URL(first.admin).port },
    rules: RULES,
    args: ['--mode', 'worker'],
  });
  expect(await second.ended()).toBe(1);
  expect(second.output).toMatch(/cannot listen on port \d+.*BRIDGE_ADMIN_PORT/s);
  await Promise.all([first.remove(), second.remove()]);
});
