import { Registry } from 'prom-client';
import { StepMetrics } from '../../src/worker/metrics';
import { http } from '../../src/connectors/http/connector';
import { connectors } from '../../src/connectors/registry';
import { readExposition } from '../admin/exposition';
import { json, startRecorder, type Recorder } from '../connectors/http/recorder';
import { runAttempt } from '../connectors/voipbin/run-action';

const TAKES_MS = 60;

let registry: Registry;
let metrics: StepMetrics;
let provider: Recorder;

beforeEach(async () => {
  registry = new Registry();
  metrics = new StepMetrics(registry);
  provider = await startRecorder();
});

afterEach(() => provider.stop());

async function samplesOf(name: string): Promise<{ name: string; labels: Record<string, string>; value: number }[]> {
  return readExposition(await registry.metrics()).get(name)?.samples ?? [];
}

test('what a provider takes over an action is measured, by how it ended', async () => {
  const timed = metrics.timing(connectors);
  const found = timed.find(({ name }) => name === http.name);
  const action = found?.actions['request'];
  if (found === undefined || action === undefined) {
    throw new Error('http.request is gone');
  }
  // Other connectors' clients are found by the connection's identity.
  expect(found.connection).toBe(http.connection);
  const client = await http.connection.open(http.connection.settings.parse({ allow: '127.0.0.1' }));
  provider.answers.push(
    (request, response) => void setTimeout(() => json(200, {})(request, response), TAKES_MS),
    json(400, {}),
  );
  await runAttempt(action, { client }, { url: provider.url, method: 'GET' });
  await expect(runAttempt(action, { client }, { url: provider.url, method: 'GET' })).rejects.toMatchObject({
    errorClass: 'permanent',
  });

  const samples = await samplesOf('bridge_provider_latency_seconds');
  const labels = { connection: 'http', action: 'http.request' };
  const sums = samples.filter(({ name }) => name.endsWith('_sum'));
  expect(sums.map((sample) => sample.labels)).toEqual([
    { ...labels, outcome: 'done' },
    { ...labels, outcome: 'failed' },
  ]);
  // Seconds, not milliseconds. Timers of Node may fire a millisecond early.
  expect(sums[0]?.value).toBeGreaterThanOrEqual((TAKES_MS - 1) / 1_000);
  expect(sums[0]?.value).toBeLessThan(TAKES_MS - 1);
  expect(samples.filter(({ name }) => name.endsWith('_count')).map(({ value }) => value)).toEqual([1, 1]);
});

test('attempts are counted by action, outcome and class', async () => {
  metrics.attempt({ action: 'slack.post_message', outcome: 'done', failure: null, seconds: 0.2 });
  const failure = { class: 'transient', connection: 'slack', code: 'http_503' };
  metrics.attempt({ action: 'slack.post_message', outcome: 'failed', failure, seconds: 1 });
  expect((await samplesOf('bridge_step_attempts_total')).map(({ labels, value }) => [labels, value])).toEqual([
    [{ action: 'slack.post_message', outcome: 'done', class: '' }, 1],
    [{ action: 'slack.post_message', outcome: 'failed', class: 'transient' }, 1],
  ]);
});

test('a connection is shown as parked as long as it is', async () => {
  let parked = ['hubspot'];
  metrics.watch(() => parked);
  expect((await samplesOf('bridge_connection_parked')).map(({ labels, value }) => [labels, value])).toEqual([
    [{ connection: 'hubspot' }, 1],
  ]);
  parked = [];
  expect(await samplesOf('bridge_connection_parked')).toEqual([]);
});

test('every way in which an action can fail is there before it does', async () => {
  metrics.timing([http]);
  const samples = await samplesOf('bridge_step_attempts_total');
  expect(samples.map(({ labels, value }) => [labels, value])).toEqual(
    ['transient', 'permanent', 'credential', 'ambiguous'].map((errorClass) => [
      { action: 'http.request', outcome: 'failed', class: errorClass },
      0,
    ]),
  );
});
