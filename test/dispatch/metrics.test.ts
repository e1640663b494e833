import { Registry } from 'prom-client';
import { RunMetrics } from '../../src/dispatch/metrics';
import type { RunStarter } from '../../src/dispatch/run-starter';
import { entryOf, planOf } from '../inbox/entries';
import { readExposition } from '../admin/exposition';

async function samplesOf(registry: Registry, name: string): Promise<[labels: Record<string, string>, value: number][]> {
  return (readExposition(await registry.metrics()).get(name)?.samples ?? []).map(({ labels, value }) => [
    labels,
    value,
  ]);
}

const report = (outcome: string, ...rules: [rule: string, outcome: string][]) => ({
  outcome,
  event_id: 'x',
  rules: rules.map(([rule, became]) => ({ rule, outcome: became, steps: [] })),
});

test('starts are counted by what Temporal said, and pass through', async () => {
  const registry = new Registry();
  const answers: (() => ReturnType<RunStarter['start']>)[] = [
    () => Promise.resolve({ outcome: 'started', runId: 'r' }),
    () => Promise.resolve({ outcome: 'exists' }),
    () => Promise.resolve({ outcome: 'refused', reason: 'too large' }),
    () => Promise.reject(new Error('away')),
    () => Promise.reject(new Error('away')),
  ];
  const starter = new RunMetrics(registry).counting({
    start: () => (answers.shift() ?? (() => Promise.reject(new Error('no more'))))(),
    startBatch: () => Promise.reject(new Error('no batches here')),
    ended: () => Promise.resolve({ status: 'completed', report: null }),
  });
  const { event } = entryOf('call_hangup', '1', null);
  const start = () => starter.start({ ...event, data: {} }, planOf('a'));
  expect(await start()).toEqual({ outcome: 'started', runId: 'r' });
  expect(await start()).toEqual({ outcome: 'exists' });
  expect(await start()).toMatchObject({ outcome: 'refused' });
  await expect(start()).rejects.toThrow('away');
  await expect(start()).rejects.toThrow('away');
  expect(await samplesOf(registry, 'bridge_run_starts_total')).toEqual([
    [{ outcome: 'started' }, 1],
    [{ outcome: 'exists' }, 1],
    [{ outcome: 'refused' }, 1],
    [{ outcome: 'failed' }, 2],
  ]);
});

test('closed runs are counted, and their rules as the report tells', async () => {
  const registry = new Registry();
  const metrics = new RunMetrics(registry);
  metrics.closed({ status: 'completed', report: report('done', ['log', 'done'], ['post', 'skipped']) });
  metrics.closed({ status: 'failed', report: report('partial', ['log', 'failed'], ['post', 'done']) });
  metrics.closed({ status: 'terminated', report: null });
  metrics.closed({ status: 'completed', report: { outcome: 'done', rules: 'of another bridge' } });
  expect((await samplesOf(registry, 'bridge_runs_closed_total')).filter(([, value]) => value > 0)).toEqual([
    [{ outcome: 'done' }, 2],
    [{ outcome: 'partial' }, 1],
    [{ outcome: 'terminated' }, 1],
  ]);
  expect(await samplesOf(registry, 'bridge_rule_runs_total')).toEqual([
    [{ rule: 'log', outcome: 'done' }, 1],
    [{ rule: 'post', outcome: 'skipped' }, 1],
    [{ rule: 'log', outcome: 'failed' }, 1],
    [{ rule: 'post', outcome: 'done' }, 1],
  ]);
});

test('every outcome is there from the start: increase() does not see the first hit of a series that begins with it', async () => {
  const registry = new Registry();
  const metrics = new RunMetrics(registry);
  const closed = await samplesOf(registry, 'bridge_runs_closed_total');
  expect(closed.every(([, value]) => value === 0)).toBe(true);
  expect(closed.map(([{ outcome }]) => outcome)).toEqual(expect.arrayContaining(['failed', 'partial', 'terminated']));
  metrics.closed({ status: 'timed_out', report: null });
  expect(await samplesOf(registry, 'bridge_runs_closed_total')).toHaveLength(closed.length);
  expect((await samplesOf(registry, 'bridge_run_starts_total')).map(([{ outcome }]) => outcome)).toEqual([
    'started',
    'exists',
    'refused',
    'failed',
  ]);
});

test('rule names are bounded', async () => {
  const registry = new Registry();
  const metrics = new RunMetrics(registry);
  for (let index = 0; index < 1_200; index += 1) {
    metrics.closed({ status: 'completed', report: report('done', [`rule-${index}`, 'done']) });
  }
  const rules = await samplesOf(registry, 'bridge_rule_runs_total');
  expect(rules).toHaveLength(1_001);
  expect(rules.at(-1)).toEqual([{ rule: 'other', outcome: 'done' }, 200]);
});

test('runs that are open and not at work wait', async () => {
  const registry = new Registry();
  new RunMetrics(registry).watch({ inFlight: () => 3, open: () => 10 });
  expect(await samplesOf(registry, 'bridge_runs_in_flight')).toEqual([[{}, 3]]);
  expect(await samplesOf(registry, 'bridge_runs_waiting')).toEqual([[{}, 7]]);
});
